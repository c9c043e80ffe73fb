namespace Stoa.Wasm.Runtime;

/// <summary>A deadline and a cancellation token that stop the guests of a group from another thread.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Instance _instance;
    private readonly CancellationToken _callerToken;
    private readonly CancellationTokenRegistration _registration;
    private readonly ITimer? _timer;
    private readonly bool _isWatched;
    private CancellationTokenSource? _source;
    private object? _sleeper;
    private bool _isDisarmed;
    private bool _hasFired;

    private Interruption(Instance instance, TimeSpan? timeout, CancellationToken callerToken)
    {
        _instance = instance;
        _callerToken = callerToken;
        if (timeout is { } limit)
        {
            HasDeadline = true;
            var clock = instance.Module.Engine.Options.TimeProvider;
            if (clock == TimeProvider.System)
            {
                _isWatched = true;
                Watchdog.Shared.Add(this, limit);
            }
            else
            {
                _timer = clock.CreateTimer(static self => ((Interruption)self!).PassDeadline(), this, limit, Timeout.InfiniteTimeSpan);
            }
        }

        if (callerToken.CanBeCanceled)
            _registration = callerToken.UnsafeRegister(static self => ((Interruption)self!).Fire(TrapCode.Cancelled), this);
    }

    /// <summary>Why the guest is stopped.</summary>
    public TrapCode Reason { get; private set; } = TrapCode.Cancelled;

    /// <summary>Whether the guest is to stop.</summary>
    public bool HasFired => Volatile.Read(ref _hasFired);

    /// <summary>Cancelled when the guest is to stop, for whichever reason.</summary>
    public CancellationToken Token
    {
        get
        {
            if (!HasDeadline)
                return _callerToken;
            lock (_lock)
            {
                if (_source is null)
                {
                    _source = CancellationTokenSource.CreateLinkedTokenSource(_callerToken);
                    if (_hasFired)
                        _source.Cancel();
                }

                return _source.Token;
            }
        }
    }

    /// <summary>When the deadline passes, by the watchdog's clock; and the place in its heap.</summary>
    internal long DueTimestamp { get; set; }

    internal int HeapIndex { get; set; } = -1;

    private bool HasDeadline { get; }

    /// <summary>Starts the clock; null when nothing can interrupt.</summary>
    public static Interruption? Arm(Instance instance, CancellationToken cancellationToken) =>
        instance.Limits.Timeout is null && !cancellationToken.CanBeCanceled
            ? null
            : new Interruption(instance, instance.Limits.Timeout, cancellationToken);

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisarmed = true;
            SetFloor(0);
        }

        if (_isWatched)
            Watchdog.Shared.Remove(this);
        _timer?.Dispose();
        _registration.Dispose();
        _source?.Dispose();
    }

    /// <summary>Stops instances too that joined the group after the others were stopped.</summary>
    public void Repeat()
    {
        lock (_lock)
        {
            if (_hasFired && !_isDisarmed)
                SetFloor(long.MaxValue);
        }
    }

    /// <summary>Pulses a monitor that the guest's thread waits on, when the guest is to stop; null: it waits no more.</summary>
    public void WakeBy(object? monitor)
    {
        lock (_lock)
            _sleeper = monitor;
    }

    internal void PassDeadline() => Fire(TrapCode.DeadlineExceeded);

    private void Fire(TrapCode reason)
    {
        object? sleeper;
        lock (_lock)
        {
            if (_isDisarmed || _hasFired)
                return;
            Reason = reason;
            Volatile.Write(ref _hasFired, true);
            sleeper = _sleeper;
            SetFloor(long.MaxValue);
            if (_source is { } source)
                ThreadPool.UnsafeQueueUserWorkItem(static source => Cancel(source), source, preferLocal: false);
        }

        if (sleeper is null)
            return;
        lock (sleeper)
            Monitor.PulseAll(sleeper);
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call into the guest ended meanwhile.
        }
    }

    private unsafe void SetFloor(long floor)
    {
        foreach (var owner in _instance.Owner.Group.Owners)
            Volatile.Write(ref owner.Context->FuelFloor, floor);
    }
}
