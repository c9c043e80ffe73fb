using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;

namespace Stoa.Node.Identity;

/// <summary>How users prove who they are.</summary>
public sealed record IdentityOptions
{
    /// <summary>The longest that an access token can be good, in minutes.</summary>
    internal const int AccessTokenMinutesMax = 60;

    /// <summary>Whether anybody may open an account. Default true; otherwise only administrators can.</summary>
    public bool OpenRegistration { get; init; } = true;

    /// <summary>How long an access token lasts, in minutes, 1 to 60. Default 15. A client refreshes it.</summary>
    public int AccessTokenMinutes { get; init; } = 15;

    /// <summary>A session that is not refreshed for so many days is over. Default 30.</summary>
    public int SessionIdleDays { get; init; } = 30;

    /// <summary>A session is over so many days after its sign-in, however much it is used. Default 90.</summary>
    public int SessionDays { get; init; } = 90;

    /// <summary>How long a refresh token that was used gives the same answer once more, in seconds, since answers are lost on their way. Default 30; 0 takes each once only.</summary>
    public int RefreshGraceSeconds { get; init; } = 30;

    /// <summary>How long a key signs access tokens, in days. Default 30.</summary>
    public int SigningKeyDays { get; init; } = 30;

    /// <summary>32 bytes in base64 that seal secrets in the database, and give the key that inputs of tasks are sealed to; the same on all nodes of a cell. A secret: give it in the environment, before the first start. Default empty: the cell makes a key and keeps it in the database.</summary>
    public string CellKey { get; init; } = "";

    /// <summary>Iterations of PBKDF2-HMAC-SHA512 for a password. Default 210,000, as OWASP advises.</summary>
    public int PasswordIterations { get; init; } = 210_000;

    /// <summary>How long a looked-up credential is trusted, in seconds: a key revoked on another node works there as long. Default 15.</summary>
    public int CredentialCacheSeconds { get; init; } = 15;

    /// <summary>Handle of the administrator who is made at the first start. Default <c>stoa</c>.</summary>
    public string AdminHandle { get; init; } = "stoa";

    /// <summary>Email of the administrator who is made at the first start. Default <c>admin@localhost</c>.</summary>
    public string AdminEmail { get; init; } = "admin@localhost";

    internal SessionLimits SessionLimits => new(TimeSpan.FromDays(SessionIdleDays), TimeSpan.FromDays(SessionDays), TimeSpan.FromSeconds(RefreshGraceSeconds));

    public IEnumerable<string> Validate()
    {
        if (AccessTokenMinutes is < 1 or > AccessTokenMinutesMax)
            yield return $"Identity:AccessTokenMinutes is from 1 to {AccessTokenMinutesMax}.";
        if (SessionIdleDays is < 1 or > 366 || SessionDays is < 1 or > 366)
            yield return "Identity:SessionIdleDays and SessionDays are from 1 to 366.";
        if (RefreshGraceSeconds is < 0 or > 120)
            yield return "Identity:RefreshGraceSeconds is from 0 to 120.";
        if (SigningKeyDays is < 1 or > 366)
            yield return "Identity:SigningKeyDays is from 1 to 366.";
        if (CellKey.Length > 0 && !Identity.CellKey.TryParse(CellKey, out _))
            yield return "Identity:CellKey is 32 bytes in base64, as openssl rand -base64 32 makes them.";
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
