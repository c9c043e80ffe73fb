namespace Stoa.Market.Identity;

/// <summary>Every reason for which an act on users, sessions or API keys is refused.</summary>
public enum IdentityRefusal
{
    /// <summary>Handle, email or password break their rules; every reason is listed.</summary>
    RegistrationInvalid,

    /// <summary>Somebody else has the handle.</summary>
    HandleTaken,

    /// <summary>There is an account with that email already.</summary>
    EmailTaken,

    /// <summary>No account has this login with this password. Which of the two is wrong is not said.</summary>
    CredentialsWrong,

    /// <summary>The name or the expiry of an API key breaks its rules; every reason is listed.</summary>
    ApiKeyInvalid,

    /// <summary>No such API key, or it belongs to somebody else, or it was revoked before.</summary>
    ApiKeyUnknown,

    /// <summary>The user has as many API keys as are allowed.</summary>
    ApiKeysTooMany,

    /// <summary>No such user.</summary>
    UserUnknown,
}
