namespace Stoa.Simulation;

/// <summary>The clock of one node, which is wrong by so much. Its timers run as fast as all others.</summary>
/// <param name="time">Of the world.</param>
/// <param name="skew">How far it is ahead; negative when it is behind.</param>
internal sealed class SkewedTime(TimeProvider time, TimeSpan skew) : TimeProvider
{
    /// <summary>How far it is ahead.</summary>
    public TimeSpan Skew => skew;

    public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override long GetTimestamp() => time.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + skew;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
}
