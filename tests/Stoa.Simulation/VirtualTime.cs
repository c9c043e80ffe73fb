namespace Stoa.Simulation;

/// <summary>The clock of a world: it stands still while something happens, and jumps to what happens next.</summary>
/// <remarks>It counts in 100 nanoseconds, from <see cref="Start"/>.</remarks>
public sealed class VirtualTime : TimeProvider
{
    private readonly World _world;

    internal VirtualTime(World world) => _world = world;

    /// <summary>When every world begins.</summary>
    public static DateTimeOffset Start { get; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => _world.Now;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => new(_world.Now, TimeSpan.Zero);

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new VirtualTimer(_world, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }
}

/// <summary>A timer of virtual time.</summary>
internal sealed class VirtualTimer : ITimer
{
    private static readonly SendOrPostCallback s_ring = static timer => ((VirtualTimer)timer!).Ring();

    private readonly World _world;
    private readonly bool _isBare;
    private TimerCallback? _callback;
    private object? _state;
    private TimeSpan _period;
    private bool _isSet;

    public VirtualTimer(World world, TimerCallback callback, object? state)
    {
        (_world, _callback, _state) = (world, callback, state);
        // The framework's own callbacks end its delays and tokens: with a context set, what comes back to none would be queued to the thread pool.
        _isBare = callback.Method.Module == typeof(object).Module;
    }

    /// <summary>Grows with each setting: what was scheduled with another is void.</summary>
    public int Stamp { get; private set; }

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        if (_callback is null)
            return false;
        Unset();
        _period = period;
        if (dueTime >= TimeSpan.Zero)
            Set(dueTime);
        return true;
    }

    public void Dispose()
    {
        Unset();
        // It stays where it was scheduled for a while, and what it was for is not to stay with it.
        (_callback, _state) = (null, null);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private void Ring()
    {
        _isSet = false;
        var (callback, state) = (_callback!, _state);
        if (_period > TimeSpan.Zero)
            Set(_period);
        callback(state);
    }

    private void Set(TimeSpan dueTime)
    {
        _isSet = true;
        _world.Schedule(_world.Now + dueTime.Ticks, s_ring, this, Stamp, _isBare);
    }

    private void Unset()
    {
        Stamp++;
        if (_isSet)
            _world.Void();
        _isSet = false;
    }
}
