namespace Stoa.Network.Tests.Kademlia;

/// <summary>One thread on virtual time: what awaits goes on in the order in which it came, and the clock moves when nothing is left to do.</summary>
internal sealed class VirtualWorld : TimeProvider
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Context _context = new();
    private readonly PriorityQueue<(VirtualTimer Timer, int Version), (long Due, long Order)> _timers = new();
    private long _now;
    private long _order;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => s_start + TimeSpan.FromTicks(_now);

    public override long GetTimestamp() => _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Does something after a while.</summary>
    public void After(TimeSpan delay, Action act) => CreateTimer(static act => ((Action)act!)(), act, delay, Timeout.InfiniteTimeSpan);

    /// <summary>Runs to the end of an act.</summary>
    public void Run(Func<Task> act)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_context);
        try
        {
            var task = act();
            while (!task.IsCompleted)
                Step();
            task.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private void Step()
    {
        if (_context.TryTake(out var callback, out var state))
        {
            callback(state);
            return;
        }

        if (!_timers.TryDequeue(out var next, out var at))
            throw new InvalidOperationException("Nothing is left to do, but the act has not ended: it waits for another thread, or for nothing.");
        if (!next.Timer.IsCurrent(next.Version))
            return;
        _now = Math.Max(_now, at.Due);
        next.Timer.Fire();
    }

    private sealed class VirtualTimer(VirtualWorld world, TimerCallback callback, object? state) : ITimer
    {
        private int _version;
        private TimeSpan _period;

        public bool IsCurrent(int version) => version == _version;

        public void Fire()
        {
            Change(_period, _period);
            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _version++;
            _period = period;
            if (dueTime != Timeout.InfiniteTimeSpan)
                world._timers.Enqueue((this, _version), (world._now + Math.Max(dueTime.Ticks, 0), world._order++));
            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Context : SynchronizationContext
    {
        private readonly Queue<(SendOrPostCallback Callback, object? State)> _posts = [];
        private readonly Thread _thread = Thread.CurrentThread;

        public override void Post(SendOrPostCallback d, object? state)
        {
            if (Thread.CurrentThread != _thread)
                throw new InvalidOperationException($"Something ran on another thread:\n{Environment.StackTrace}");
            _posts.Enqueue((d, state));
        }

        public bool TryTake(out SendOrPostCallback callback, out object? state)
        {
            var isThere = _posts.TryDequeue(out var post);
            (callback, state) = post;
            return isThere;
        }
    }
}
