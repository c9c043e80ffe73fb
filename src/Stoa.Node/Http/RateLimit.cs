namespace Stoa.Node.Http;

/// <summary>What is limited.</summary>
public enum RateLimit
{
    /// <summary>Calls of the API, per caller; per address where the caller is anonymous.</summary>
    Calls,

    /// <summary>Attempts to sign in, per address.</summary>
    SignIn,

    /// <summary>Attempts to sign in as one login, from wherever they come.</summary>
    SignInOfOneLogin,

    /// <summary>Attempts to open an account, per address.</summary>
    Registration,

    /// <summary>Accounts that first sign-ins by providers make, per organisation.</summary>
    RegistrationByProvider,

    /// <summary>Invitations into organisations, per person: each may send a letter to a stranger.</summary>
    Invitations,

    /// <summary>Attempts to redeem a coupon, per person: codes are not to be tried out.</summary>
    Coupons,

    /// <summary>Requests to models, per caller: these are paid for, and come faster than others.</summary>
    ModelCalls,

    /// <summary>Messages that are sent to mailboxes, per person.</summary>
    Messages,
}
