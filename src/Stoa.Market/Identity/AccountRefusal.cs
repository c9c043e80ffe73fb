namespace Stoa.Market.Identity;

/// <summary>Every reason for which an act on a sign-in, a session, a password or a second factor is refused.</summary>
public enum AccountRefusal
{
    /// <summary>No account has this login with this password. Which of the two is wrong is not said.</summary>
    CredentialsWrong,

    /// <summary>The password was right, but the code that was sent to the account's address has not come back yet.</summary>
    EmailUnverified,

    /// <summary>The password was right, and the account has a second factor, of which no code was given.</summary>
    SecondFactorNeeded,

    /// <summary>The code is not the one of the authenticator now, was used before, and is no recovery code that is left.</summary>
    SecondFactorWrong,

    /// <summary>Too many wrong codes came in a row; until some time has passed none is looked at.</summary>
    SecondFactorLocked,

    /// <summary>The account has a second factor already.</summary>
    SecondFactorEnabled,

    /// <summary>The account has no second factor, or its enrolment was not begun.</summary>
    SecondFactorMissing,

    /// <summary>The text is not a refresh token of this cell.</summary>
    RefreshTokenInvalid,

    /// <summary>The refresh token was used before: somebody else has it. Its session is ended.</summary>
    RefreshTokenReused,

    /// <summary>The session of the refresh token has ended.</summary>
    SessionEnded,

    /// <summary>No such session, or it belongs to somebody else, or it has ended.</summary>
    SessionUnknown,

    /// <summary>The present password is wrong.</summary>
    PasswordWrong,

    /// <summary>The new password breaks the rules; every reason is listed.</summary>
    PasswordInvalid,

    /// <summary>The account signs in by an identity provider alone, and has neither password nor second factor of its own.</summary>
    PasswordByProvider,

    /// <summary>The code is not the one of the newest letter or of an administrator, has ended, or was tried too often.</summary>
    MailedCodeWrong,

    /// <summary>This node sends no e-mail.</summary>
    MailOff,

    /// <summary>The account is to be erased: nothing is possible but to undo that.</summary>
    ErasurePending,

    /// <summary>Something is in the way of an erasure; every reason is listed.</summary>
    ErasureBlocked,

    /// <summary>Nobody has asked for this account to be erased, or it is too late to undo it.</summary>
    ErasureUnknown,

    /// <summary>Second factor and password of an administrator are not another one's to remove or set anew.</summary>
    AdministratorProtected,
}
