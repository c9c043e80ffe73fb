namespace Stoa.Primitives;

/// <summary>Gives hybrid logical timestamps: each greater than all it gave or accepted before, and near to the physical time.</summary>
/// <remarks>
/// A remote timestamp that is too far ahead is refused, so a node with a wrong or lying clock cannot drag others into
/// the future: no timestamp is ahead of the physical clock by more than the drift allowed and its own counting. Safe
/// for use by many threads.
/// </remarks>
/// <param name="time">The physical clock.</param>
/// <param name="maxDrift">How far ahead a remote timestamp may be; <see cref="DefaultMaxDrift"/> unless given.</param>
public sealed class HlcClock(TimeProvider time, TimeSpan? maxDrift = null)
{
    private readonly Lock _lock = new();
    private readonly long _maxDriftMs = maxDrift >= TimeSpan.Zero || maxDrift is null
        ? (long)(maxDrift ?? DefaultMaxDrift).TotalMilliseconds
        : throw new ArgumentOutOfRangeException(nameof(maxDrift), maxDrift, "A drift that is not negative is expected.");
    private Hlc _last;

    /// <summary>One minute: generous for clocks kept by NTP, short against any deadline of the market.</summary>
    public static TimeSpan DefaultMaxDrift { get; } = TimeSpan.FromMinutes(1);

    /// <summary>The next timestamp.</summary>
    public Hlc Now()
    {
        var physical = new Hlc(PhysicalMs(), 0);
        lock (_lock)
        {
            var next = _last.Next();
            return _last = physical > next ? physical : next;
        }
    }

    /// <summary>Learns of a timestamp that another clock gave.</summary>
    public HlcObservation Observe(Hlc remote)
    {
        if (remote.UnixTimeMs - PhysicalMs() > _maxDriftMs)
            return HlcObservation.TooFarAhead;
        lock (_lock)
        {
            if (remote > _last)
                _last = remote;
        }
        return HlcObservation.Accepted;
    }

    private long PhysicalMs() => Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds());
}
