namespace Stoa.Wasm.Wasi;

/// <summary>The clocks of a guest: real ones, or ones that replay.</summary>
public abstract class WasiClock
{
    private protected const ulong NanosecondsPerTick = 100;

    /// <summary>Real clocks, read from a time provider.</summary>
    public static WasiClock Real(TimeProvider time) => new RealClock(time);

    /// <summary>
    /// A clock that starts at a given instant and moves only when the guest looks at it, by
    /// <see cref="DeterministicClock.StepNs"/>, or waits, by exactly as long. So the same guest sees the same times in each run,
    /// and no wait takes real time.
    /// </summary>
    public static WasiClock Deterministic(DateTimeOffset start) => new DeterministicClock(start);

    /// <summary>The smallest step that the realtime clock can show, in nanoseconds; never 0.</summary>
    public abstract ulong RealtimeResolutionNs { get; }

    /// <summary>The smallest step that the monotonic clock can show, in nanoseconds; never 0.</summary>
    public abstract ulong MonotonicResolutionNs { get; }

    /// <summary>Reads the realtime clock: nanoseconds since 1970-01-01T00:00:00Z.</summary>
    public abstract ulong ReadRealtimeNs();

    /// <summary>Reads the monotonic clock: nanoseconds, each reading greater than the one before.</summary>
    public abstract ulong ReadMonotonicNs();

    /// <summary>The time to stamp on a file: as <see cref="ReadRealtimeNs"/>, but looking does not move a deterministic clock.</summary>
    public abstract ulong PeekRealtimeNs();

    /// <summary>Completes when a length of time has passed.</summary>
    public abstract Task WaitAsync(ulong durationNs, CancellationToken cancellationToken);

    /// <summary>True where waiting moves the clock instead of taking time.</summary>
    public virtual bool IsVirtual => false;

    private protected static ulong ToNanoseconds(DateTimeOffset instant)
    {
        var ticks = instant.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        return ticks <= 0 ? 0 : (ulong)ticks * NanosecondsPerTick;
    }
}

/// <summary>The clocks of the host.</summary>
internal sealed class RealClock(TimeProvider time) : WasiClock
{
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromDays(1);

    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private ulong _lastMonotonicNs;

    public override ulong RealtimeResolutionNs => NanosecondsPerTick;

    public override ulong MonotonicResolutionNs => Math.Max(1, 1_000_000_000UL / (ulong)time.TimestampFrequency);

    public override ulong ReadRealtimeNs() => ToNanoseconds(time.GetUtcNow());

    public override ulong PeekRealtimeNs() => ReadRealtimeNs();

    public override ulong ReadMonotonicNs()
    {
        lock (_gate)
        {
            var elapsed = (UInt128)(ulong)(time.GetTimestamp() - _start) * 1_000_000_000 / (ulong)time.TimestampFrequency;
            // Two readings within one tick of the host still differ: programs divide by the difference.
            _lastMonotonicNs = Math.Max((ulong)elapsed, _lastMonotonicNs + 1);
            return _lastMonotonicNs;
        }
    }

    public override async Task WaitAsync(ulong durationNs, CancellationToken cancellationToken)
    {
        // Timers count whole milliseconds: round up, so that a wait is never shorter than asked.
        var milliseconds = durationNs / 1_000_000 + (durationNs % 1_000_000 == 0 ? 0UL : 1UL);
        while (milliseconds > 0)
        {
            var part = Math.Min(milliseconds, (ulong)s_longestDelay.TotalMilliseconds);
            await Task.Delay(TimeSpan.FromMilliseconds(part), time, cancellationToken).ConfigureAwait(false);
            milliseconds -= part;
        }
    }
}

/// <summary>A clock that is a function of what the guest did.</summary>
internal sealed class DeterministicClock(DateTimeOffset start) : WasiClock
{
    /// <summary>How far each reading moves the clock: one microsecond.</summary>
    public const ulong StepNs = 1_000;

    private readonly ulong _startNs = ToNanoseconds(start);
    private ulong _elapsedNs;

    public override ulong RealtimeResolutionNs => StepNs;

    public override ulong MonotonicResolutionNs => StepNs;

    public override bool IsVirtual => true;

    public override ulong ReadRealtimeNs() => _startNs + Advance(StepNs);

    public override ulong ReadMonotonicNs() => Advance(StepNs);

    public override ulong PeekRealtimeNs() => _startNs + Volatile.Read(ref _elapsedNs);

    public override Task WaitAsync(ulong durationNs, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Advance(durationNs);
        return Task.CompletedTask;
    }

    private ulong Advance(ulong ns)
    {
        // Saturates half-way to the end of the range: a guest may ask to sleep for centuries, again and again.
        var next = Math.Min(_elapsedNs + Math.Min(ns, long.MaxValue), long.MaxValue);
        Volatile.Write(ref _elapsedNs, next);
        return next;
    }
}
