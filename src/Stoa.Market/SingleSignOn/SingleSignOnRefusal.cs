namespace Stoa.Market.SingleSignOn;

/// <summary>Every reason for which an act on identity providers, and a sign-in by one, is refused.</summary>
public enum SingleSignOnRefusal
{
    /// <summary>The operator has not said under which address browsers reach this node.</summary>
    SingleSignOnOff,

    /// <summary>The organisation has no identity provider, or there is no such organisation.</summary>
    IdentityProviderMissing,

    /// <summary>Issuer, client, domains or roles break their rules; every reason is listed.</summary>
    IdentityProviderInvalid,

    /// <summary>The provider cannot be reached, is too slow, or answers too much.</summary>
    IdentityProviderUnreachable,

    /// <summary>What the provider answers is not what a provider of this issuer answers: another issuer, no keys, a wrong client secret.</summary>
    IdentityProviderUnusable,

    /// <summary>How a sign-in is begun is not as it must be.</summary>
    SignOnInvalid,

    /// <summary>The sign-in was not begun in this browser, another was begun since, or it took too long.</summary>
    SignOnUnknown,

    /// <summary>The provider's answer came a second time.</summary>
    SignOnReplayed,

    /// <summary>The provider has not let the person in.</summary>
    SignOnDenied,

    /// <summary>The answer is of another issuer than the one that was asked.</summary>
    SignOnIssuerWrong,

    /// <summary>The provider's ID token is not signed as it must be, is for somebody else, of another sign-in, or has ended.</summary>
    IdTokenInvalid,

    /// <summary>The provider names no verified e-mail address in a domain of the organisation.</summary>
    SignOnEmailRefused,

    /// <summary>The code was not made by this node's cell, is for another client, was used, or has ended.</summary>
    SignOnCodeWrong,

    /// <summary>An account has the e-mail address, and nobody has shown that it is the same person's.</summary>
    IdentityUnlinked,

    /// <summary>The identity opens somebody else's account.</summary>
    IdentityTaken,

    /// <summary>The caller has no such identity.</summary>
    IdentityUnknown,

    /// <summary>The account has no password, so its last identity is all that opens it.</summary>
    IdentityLast,

    /// <summary>The act is for somebody who has signed in, and was asked for with a key.</summary>
    SessionNeeded,

    /// <summary>This node makes no accounts at a first sign-in.</summary>
    NewAccountsOff,

    /// <summary>The organisation has as many members and open invitations as are allowed.</summary>
    MembersTooMany,

    /// <summary>The person belongs to as many organisations as are allowed.</summary>
    OrganisationsTooMany,

    /// <summary>The account has a second factor, of which no code was given.</summary>
    SecondFactorNeeded,

    /// <summary>The code is not the one of the authenticator now.</summary>
    SecondFactorWrong,

    /// <summary>Too many wrong codes came in a row.</summary>
    SecondFactorLocked,

    /// <summary>The account is to be erased: nothing is possible but to undo that.</summary>
    ErasurePending,
}
