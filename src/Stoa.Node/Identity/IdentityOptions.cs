using Stoa.Market.Identity;

namespace Stoa.Node.Identity;

/// <summary>How users prove who they are.</summary>
public sealed record IdentityOptions
{
    /// <summary>Whether anybody may open an account. Default true; otherwise only administrators can.</summary>
    public bool OpenRegistration { get; init; } = true;

    /// <summary>How long a session lasts, in minutes. Default 720.</summary>
    public int SessionMinutes { get; init; } = 720;

    /// <summary>Iterations of PBKDF2-HMAC-SHA512 for a password. Default 210,000, as OWASP advises.</summary>
    public int PasswordIterations { get; init; } = 210_000;

    /// <summary>How long a looked-up credential is trusted, in seconds: a key revoked on another node works there as long. Default 15.</summary>
    public int CredentialCacheSeconds { get; init; } = 15;

    /// <summary>Handle of the administrator who is made at the first start. Default <c>stoa</c>.</summary>
    public string AdminHandle { get; init; } = "stoa";

    /// <summary>Email of the administrator who is made at the first start. Default <c>admin@localhost</c>.</summary>
    public string AdminEmail { get; init; } = "admin@localhost";

    public IEnumerable<string> Validate()
    {
        if (SessionMinutes is < 1 or > 43_200)
            yield return "Identity:SessionMinutes is from 1 to 43200, which is 30 days.";
        if (PasswordIterations < 1)
            yield return "Identity:PasswordIterations is at least 1; below 210000 passwords are guessed too easily.";
        if (CredentialCacheSeconds is < 0 or > 300)
            yield return "Identity:CredentialCacheSeconds is from 0 to 300.";
        if (!Market.Names.IsHandle(AdminHandle))
            yield return "Identity:AdminHandle is a handle: 2 to 39 characters of a-z, 0-9 and hyphen.";
        if (AdminEmail.Length is 0 or > RegistrationRules.EmailLengthMax)
            yield return "Identity:AdminEmail is an email address.";
    }
}
