using Stoa.Primitives;

namespace Stoa.Market.Identity.SignIn;

/// <summary>Why a session ended before its time.</summary>
public enum SessionEnd
{
    /// <summary>Its user signed out of it.</summary>
    SignedOut,

    /// <summary>The password was changed elsewhere, or set anew by letter.</summary>
    PasswordChanged,

    /// <summary>One of its refresh tokens came a second time.</summary>
    TokenReused,

    /// <summary>The user had too many, and this one was used least recently.</summary>
    TooMany,

    /// <summary>The user has asked to be erased.</summary>
    Erasure,

    /// <summary>An administrator has removed the second factor.</summary>
    SecondFactorRemoved,
}

/// <summary>One sign-in: a family of refresh tokens, each of which replaces the one before, and the access tokens made by them.</summary>
/// <param name="Id">Also the <c>sid</c> of its access tokens.</param>
/// <param name="UserId">Who signed in.</param>
/// <param name="Device">What the client said of itself (its user agent), at most <see cref="DeviceLengthMax"/> characters.</param>
/// <param name="CreatedAt">When the user signed in.</param>
/// <param name="UsedAt">When a refresh token of it was last used; at first, when it was created.</param>
/// <param name="Generation">Number of the newest refresh token, counted from 1.</param>
/// <param name="RotatedAt">When that one was made, by the clock that all nodes of the market share.</param>
/// <param name="EndedAt">Null: it has not been ended. It may be over by age all the same.</param>
/// <param name="EndedBy">Why; null when it has not been ended.</param>
/// <param name="NotAfter">When it is over at the latest, whatever the limits are; null for no end of its own.</param>
public sealed record Session(
    Id<Session> Id,
    Id<User> UserId,
    string Device,
    DateTimeOffset CreatedAt,
    DateTimeOffset UsedAt,
    int Generation,
    DateTimeOffset RotatedAt,
    DateTimeOffset? EndedAt,
    SessionEnd? EndedBy,
    DateTimeOffset? NotAfter = null) : IIdentified
{
    /// <summary>Most characters that are kept of what a client says of itself.</summary>
    public const int DeviceLengthMax = 200;

    public static string IdPrefix => "sess";

    /// <summary>A session that begins.</summary>
    public static Session Begin(Id<Session> id, Id<User> user, string? device, DateTimeOffset now, TimeSpan? longest = null)
    {
        now = now.ToMilliseconds();
        return new Session(id, user, CleanDevice(device), now, now, 1, now, null, null, now + longest);
    }

    // It is shown to people later, and came from anybody.
    private static string CleanDevice(string? device)
    {
        if (string.IsNullOrWhiteSpace(device))
            return "unknown";
        var shown = device.Length <= DeviceLengthMax ? device : device[..DeviceLengthMax];
        return new string([.. shown.Select(character => character is >= ' ' and <= '~' ? character : '?')]).Trim();
    }
}

/// <summary>How long sessions last.</summary>
/// <param name="Idle">A session that was not refreshed for so long is over.</param>
/// <param name="Longest">A session is over so long after its sign-in, however much it is used.</param>
/// <param name="Grace">So long after a refresh token was replaced it gives the same new token once more, because answers are lost on their way.</param>
public sealed record SessionLimits(TimeSpan Idle, TimeSpan Longest, TimeSpan Grace);
