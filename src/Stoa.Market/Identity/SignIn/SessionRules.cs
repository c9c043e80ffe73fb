namespace Stoa.Market.Identity.SignIn;

/// <summary>When a session is over, and what becomes of it when one of its refresh tokens is used.</summary>
/// <remarks>
/// Rotation with reuse detection, RFC 9700 section 4.14.2. The token before the newest is honoured for a short grace period, and gives
/// the very token that it gave before: the family stays a line, so a thief and an owner who both go on are found out by the first token of
/// either that comes late. Tokens further back are reuse at once.
/// </remarks>
public static class SessionRules
{
    /// <summary>Sessions that a user may have open; one more ends the one that was used least recently.</summary>
    public const int SessionsMax = 100;

    /// <summary>When the session is over by itself.</summary>
    public static DateTimeOffset EndsAt(Session session, SessionLimits limits)
    {
        var (idle, longest) = (session.UsedAt + limits.Idle, session.CreatedAt + limits.Longest);
        var end = idle < longest ? idle : longest;
        return session.NotAfter is { } notAfter && notAfter < end ? notAfter : end;
    }

    /// <summary>Whether the session may still be refreshed.</summary>
    public static bool IsOpen(Session session, SessionLimits limits, DateTimeOffset now) => session.EndedAt is null && now < EndsAt(session, limits);

    /// <summary>Uses a refresh token that was made for the session.</summary>
    /// <param name="session">As it is.</param>
    /// <param name="generation">Number of the token.</param>
    /// <param name="limits">Of this market.</param>
    /// <param name="now">UTC, of the node.</param>
    /// <param name="shared">UTC, of the clock by which all nodes of the market note when they replace a token: the grace is counted by it.</param>
    /// <returns>The session afterwards, whose newest token is the answer; <see cref="AccountRefusal.SessionEnded"/>,
    /// <see cref="AccountRefusal.RefreshTokenInvalid"/>, or <see cref="AccountRefusal.RefreshTokenReused"/>, upon which the session must be ended.</returns>
    public static Outcome<Session, AccountRefusal> Refresh(Session session, int generation, SessionLimits limits, DateTimeOffset now, DateTimeOffset shared)
    {
        (now, shared) = (now.ToMilliseconds(), shared.ToMilliseconds());
        if (!IsOpen(session, limits, now))
            return new Refusal<AccountRefusal>(AccountRefusal.SessionEnded, Explain(session));
        if (generation == session.Generation)
            return session with { Generation = generation + 1, RotatedAt = shared, UsedAt = now };
        // A token of the future was made after the backup that this database was restored from.
        if (generation > session.Generation)
            return new Refusal<AccountRefusal>(AccountRefusal.RefreshTokenInvalid, "The node does not know this refresh token any more: sign in again.");
        // After a clock was set back, what lies ahead is as near as what lies behind.
        if (generation == session.Generation - 1 && (shared - session.RotatedAt).Duration() <= limits.Grace)
            return session;
        return new Refusal<AccountRefusal>(
            AccountRefusal.RefreshTokenReused,
            "This refresh token was used before, so somebody else may have it: its session is ended. Sign in again, and change the password if the other one was not you.");
    }

    private static string Explain(Session session) => session.EndedBy switch
    {
        SessionEnd.SignedOut => "You have signed out of this session: sign in again.",
        SessionEnd.PasswordChanged => "The password was changed since: sign in again with the new one.",
        SessionEnd.TokenReused => "A refresh token of this session came twice, so the session was ended: sign in again.",
        SessionEnd.TooMany => "There were too many sessions, and this one was used least recently: sign in again.",
        SessionEnd.Erasure => "The account was to be erased since. If that was undone, sign in again.",
        SessionEnd.SecondFactorRemoved => "An administrator has removed the second factor since: sign in again.",
        null => "The session is over: sign in again.",
        _ => throw new ArgumentOutOfRangeException(nameof(session)),
    };
}
