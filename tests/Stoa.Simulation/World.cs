using System.Collections.Concurrent;

namespace Stoa.Simulation;

/// <summary>One thread and one clock for all that happens: the same seed, the same history bit for bit.</summary>
/// <remarks>
/// Continuations, timers and deliveries happen one after another in the order of (virtual time, sequence number), and the clock jumps from one to the next. What runs
/// here waits by <see cref="Time"/> and by awaiting; code that leaves for the thread pool (ConfigureAwait(false) behind a completion that is queued,
/// SemaphoreSlim.WaitAsync with a token, ChannelReader.ReadAllAsync, Task.Run) would be in no order, and ends the run with an error.
/// </remarks>
public sealed class World
{
    private readonly Context _context;
    private readonly Queue<Happening> _now = new();
    private readonly Agenda<Happening> _later = new();
    private readonly ConcurrentQueue<Happening> _strays = new();
    private readonly int _seed;
    private long _sequence;
    private int _thread;
    private int _void;

    public World(int seed)
    {
        _seed = seed;
        _context = new Context(this);
        Random = new Random(seed);
        Time = new VirtualTime(this);
    }

    /// <summary>The clock and the timers.</summary>
    public VirtualTime Time { get; }

    /// <summary>Chance, by the seed.</summary>
    public Random Random { get; }

    /// <summary>How many continuations, timers and deliveries there were.</summary>
    public long Happenings { get; private set; }

    /// <summary>A hash of all that happened so far, and of when and in which order. Two runs that agree in it agree in all.</summary>
    public ulong History { get; private set; } = 0xcbf29ce484222325;

    internal long Now { get; private set; } = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    /// <summary>A source of chance of its own, by the seed and a number: what one part draws does not change what another gets.</summary>
    public Random RandomOf(int part) => new(HashCodeOf(_seed, part));

    /// <summary>Runs an act, and whatever it starts, until the act is done.</summary>
    /// <param name="act">It begins at once, inside of the world.</param>
    /// <param name="limit">How much virtual time it may take; an hour unless given.</param>
    /// <exception cref="DeadlockException">Nothing is left to do, and it is not done.</exception>
    /// <exception cref="TimeoutException">It takes more virtual time than it may.</exception>
    /// <exception cref="InvalidOperationException">Something left the world for the thread pool.</exception>
    public void Run(Func<Task> act, TimeSpan? limit = null)
    {
        ArgumentNullException.ThrowIfNull(act);
        var outside = SynchronizationContext.Current;
        _thread = Environment.CurrentManagedThreadId;
        var deadline = Now + (limit ?? TimeSpan.FromHours(1)).Ticks;
        SynchronizationContext.SetSynchronizationContext(_context);
        try
        {
            var task = act();
            while (!task.IsCompleted)
            {
                if (!_strays.IsEmpty)
                    throw Strayed();
                if (!TryNext(deadline, out var next))
                    throw Stuck();
                Happen(next);
            }

            task.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outside);
        }
    }

    /// <summary>Waits for exactly as long as is said; <see cref="Task.Delay(TimeSpan, TimeProvider)"/> counts in whole milliseconds.</summary>
    public async Task PassAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Schedule(Now + duration.Ticks, static passed => ((TaskCompletionSource)passed!).TrySetResult(), passed);
        // Not Task.WaitAsync: with a token it comes back by the thread pool.
        await using var registration = cancellationToken.UnsafeRegister(static (passed, token) => ((TaskCompletionSource)passed!).TrySetCanceled(token), passed);
        await passed.Task;
    }

    /// <summary>Adds something to the history that is not seen from order and time alone.</summary>
    public void Note(ulong what) => History = (History ^ what) * 0x9e3779b97f4a7c15 ^ History >> 29;

    internal void Schedule(long at, SendOrPostCallback callback, object? state, int stamp = 0, bool isBare = false) =>
        _later.Add(at, ++_sequence, new Happening(callback, state, stamp, isBare, _sequence));

    /// <summary>Something that was scheduled is void: its stamp is not its timer's any more.</summary>
    internal void Void()
    {
        const int few = 10_000;
        // Most deadlines are never met. Left where they are, they would soon be more than all else.
        if (++_void <= few || _void * 2 <= _later.Count)
            return;
        _later.RemoveAll(static one => IsVoid(one));
        _void = 0;
    }

    /// <summary>Lets something happen next. Bare, it has no context: what comes back to none goes on inside of it.</summary>
    internal void Post(SendOrPostCallback callback, object? state, bool isBare) => _now.Enqueue(new Happening(callback, state, 0, isBare, ++_sequence));

    private string Where => $"Seed {_seed}, {(Time.GetUtcNow() - VirtualTime.Start).TotalSeconds:0.######} s after the start, after {Happenings} happenings.";

    private bool TryNext(long deadline, out Happening next)
    {
        while (_later.Count > 0)
        {
            if (IsVoid(_later.First))
            {
                _later.Take();
                _void--;
                continue;
            }

            var due = _later.FirstDue;
            if (_now.TryPeek(out next) && (due.At > Now || due.Sequence > next.Sequence))
                break;
            if (due.At > deadline)
                throw new TimeoutException($"It is not done, and its time is over. {Where}");
            next = _later.Take();
            Now = Math.Max(Now, due.At);
            return true;
        }

        return _now.TryDequeue(out next);
    }

    private static bool IsVoid(in Happening happening) => happening.State is VirtualTimer timer && timer.Stamp != happening.Stamp;

    private void Happen(in Happening happening)
    {
        Happenings++;
        Note((ulong)Now ^ (ulong)happening.Sequence << 20);
        if (happening.IsBare)
            SynchronizationContext.SetSynchronizationContext(null);
        happening.Callback(happening.State);
        if (happening.IsBare)
            SynchronizationContext.SetSynchronizationContext(_context);
    }

    // What has left for another thread comes back by real time, if at all.
    private InvalidOperationException Stuck() => SpinWait.SpinUntil(() => !_strays.IsEmpty, TimeSpan.FromMilliseconds(100))
        ? Strayed()
        : new DeadlockException($"Nothing is left to do, and it is not done: everybody waits, or what was to come has left for another thread. {Where}");

    private InvalidOperationException Strayed() => new(
        $"Something left the simulation for another thread and came back; ConfigureAwait(false), SemaphoreSlim.WaitAsync with a token, ChannelReader.ReadAllAsync and Task.Run do. {Where}");

    private static int HashCodeOf(int seed, int part)
    {
        var mixed = ((ulong)(uint)seed << 32 | (uint)part) * 0x9e3779b97f4a7c15;
        return (int)((mixed ^ mixed >> 32) & int.MaxValue);
    }

    private readonly record struct Happening(SendOrPostCallback Callback, object? State, int Stamp, bool IsBare, long Sequence);

    private sealed class Context(World world) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
            if (Environment.CurrentManagedThreadId == world._thread)
                world.Post(d, state, isBare: false);
            else
                world._strays.Enqueue(new Happening(d, state, 0, false, 0));
        }

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nothing waits for another here.");

        public override SynchronizationContext CreateCopy() => this;
    }
}
