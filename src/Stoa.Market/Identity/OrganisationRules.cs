using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>What organisations and invitations must be like.</summary>
public static class OrganisationRules
{
    /// <summary>Most characters of a name.</summary>
    public const int NameLengthMax = 100;

    /// <summary>Most organisations that one person belongs to.</summary>
    public const int MembershipsMax = 100;

    /// <summary>Most members and open invitations of one organisation together.</summary>
    public const int MembersMax = 1000;

    /// <summary>How long an invitation holds.</summary>
    public static readonly TimeSpan InvitationLifetime = TimeSpan.FromDays(7);

    private const string CodeScheme = "join_";
    private const int CodeBytes = 20;

    /// <summary>Every reason against a handle and a name; empty when there is none.</summary>
    public static IReadOnlyList<FieldError> Check(string handle, string name) => [.. RegistrationRules.CheckHandle(handle), .. CheckName(name)];

    /// <summary>Every reason against a name.</summary>
    public static IEnumerable<FieldError> CheckName(string name)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > NameLengthMax || name.Any(char.IsControl))
            yield return new("/name", $"A name has 1 to {NameLengthMax} characters, not only blanks, and none of them a control character.");
    }

    /// <summary>Every reason against whom an invitation is for: one handle, or one e-mail address.</summary>
    public static IEnumerable<FieldError> CheckInvited(string? handle, string? email)
    {
        if (handle is null == email is null)
            yield return new("", "Say whom you invite by one of the two: handle, or email.");
        else if (email is not null)
        {
            foreach (var error in RegistrationRules.CheckEmail(email))
                yield return error;
        }
        else if (!Names.IsHandle(handle!))
            yield return new("/handle", "A handle is 2 to 39 characters of a-z, 0-9 and hyphen, with a letter or digit at both ends.");
    }

    /// <summary>The code that goes with an invitation by e-mail address. Only its SHA-256 is kept.</summary>
    /// <param name="random">Chance that nobody can foretell.</param>
    public static string NewCode(Random random)
    {
        Span<byte> bytes = stackalloc byte[CodeBytes];
        random.NextBytes(bytes);
        return CodeScheme + Base32.Encode(bytes);
    }

    /// <summary>What is kept of a code.</summary>
    public static ContentHash HashOf(string code) => ContentHash.Of(Encoding.UTF8.GetBytes(code));
}
