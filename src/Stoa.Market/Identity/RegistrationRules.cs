using System.Net.Mail;

namespace Stoa.Market.Identity;

/// <summary>What a handle, an email and a password must be like.</summary>
public static class RegistrationRules
{
    /// <summary>Fewest characters of a password.</summary>
    public const int PasswordLengthMin = 12;

    /// <summary>Most characters of a password: hashing is slow on purpose, so its input has an end.</summary>
    public const int PasswordLengthMax = 128;

    /// <summary>Most characters of an email address (RFC 5321 section 4.5.3.1.3).</summary>
    public const int EmailLengthMax = 254;

    private const int DistinctCharactersMin = 5;

    /// <summary>Handles that would be mistaken for the node, its operator or a path of the API.</summary>
    private static readonly HashSet<string> s_reserved =
    [
        "admin", "administrator", "anonymous", "api", "clearing", "help", "localhost", "market", "me", "moderator", "node", "null",
        "official", "operator", "platform", "root", "security", "staff", "stoa", "support", "system", "undefined", "world", "www",
    ];

    /// <summary>Every reason for which a registration is refused; empty when there is none.</summary>
    public static IReadOnlyList<FieldError> Check(string handle, string email, string password) =>
        [.. CheckHandle(handle), .. CheckEmail(email), .. CheckPassword(handle, email, password)];

    /// <summary>Every reason for which a password is refused that an account shall have from now on.</summary>
    /// <param name="user">Whose.</param>
    /// <param name="password">As typed.</param>
    /// <param name="pointer">Where it is in the request.</param>
    public static IReadOnlyList<FieldError> CheckPassword(User user, string password, string pointer) =>
        [.. CheckPassword(user.Handle, user.Email, password).Select(error => error with { Pointer = pointer })];

    internal static IEnumerable<FieldError> CheckHandle(string handle)
    {
        if (!Names.IsHandle(handle))
            yield return new("/handle", "A handle is 2 to 39 characters of a-z, 0-9 and hyphen, with a letter or digit at both ends.");
        else if (s_reserved.Contains(handle))
            yield return new("/handle", $"The handle '{handle}' is reserved: choose another.");
        else if (handle.StartsWith(ErasureRules.HandlePrefix, StringComparison.Ordinal))
            yield return new("/handle", $"Handles that begin with '{ErasureRules.HandlePrefix}' are those of accounts that were erased: choose another.");
    }

    internal static IEnumerable<FieldError> CheckEmail(string email)
    {
        var wellFormed = email.Length <= EmailLengthMax
            && MailAddress.TryCreate(email, out var address)
            && address.Address == email
            && address.Host.Contains('.', StringComparison.Ordinal);
        if (!wellFormed)
            yield return new("/email", $"An email address such as ada@example.org is expected, at most {EmailLengthMax} characters.");
    }

    private static IEnumerable<FieldError> CheckPassword(string handle, string email, string password)
    {
        if (password.Length is < PasswordLengthMin or > PasswordLengthMax)
            yield return new("/password", $"A password has {PasswordLengthMin} to {PasswordLengthMax} characters.");
        if (password.Distinct().Count() < DistinctCharactersMin)
            yield return new("/password", $"A password has at least {DistinctCharactersMin} different characters.");
        if (Holds(password, handle) || Holds(password, email.Split('@')[0]))
            yield return new("/password", "A password does not contain the handle or the email.");
    }

    // Very short names are in many good passwords by chance.
    private static bool Holds(string password, string name) =>
        name.Length >= 4 && password.Contains(name, StringComparison.OrdinalIgnoreCase);
}
