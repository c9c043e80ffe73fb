namespace Stoa.Node.Membership;

/// <summary>Notices that the clock was set back, from the time that has passed between two looks.</summary>
internal sealed class ClockWatch(TimeProvider time)
{
    // What a clock that is slewed, or set right by a little, does to nobody.
    private static readonly TimeSpan s_tolerated = TimeSpan.FromSeconds(1);

    private (DateTimeOffset Clock, long Timestamp)? _last;

    /// <summary>One look.</summary>
    /// <returns>Whether the clock was set back since the last look. True at the first one: nobody knows what it did before.</returns>
    public bool WasSetBack() => WasSetBack(out _);

    /// <summary>One look, by someone who acts by what the clock says now.</summary>
    /// <param name="clock">What it says, UTC.</param>
    public bool WasSetBack(out DateTimeOffset clock)
    {
        var now = (Clock: time.GetUtcNow(), Timestamp: time.GetTimestamp());
        var wasSetBack = _last is not { } last || now.Clock < last.Clock + time.GetElapsedTime(last.Timestamp, now.Timestamp) - s_tolerated;
        _last = now;
        clock = now.Clock;
        return wasSetBack;
    }
}
