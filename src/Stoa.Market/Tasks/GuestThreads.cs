namespace Stoa.Market.Tasks;

/// <summary>The threads that programs run on: guests are synchronous work for a processor, and need deep stacks of their own.</summary>
/// <remarks>
/// A stack is address space until it is used, so its size costs nothing. What belongs to a guest before and after it should run on its
/// thread too: handing over between threads costs more than a short program.
/// </remarks>
public sealed class GuestThreads : IDisposable
{
    /// <summary>Room for the deepest recursion that the sandbox allows, at 4 KiB a call: 64 MiB.</summary>
    public const int StackBytes = 64 << 20;

    [ThreadStatic]
    private static GuestThreads? s_owner;

    private readonly object _gate = new();
    private readonly Queue<Action> _work = new();
    private readonly Stack<NestedThread> _nested = new();
    private int _idle;
    private bool _isClosed;

    /// <param name="count">How many programs run at once.</param>
    public GuestThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        for (var i = 0; i < count; i++)
            new Thread(Work, StackBytes) { IsBackground = true, Name = $"guest-{i}" }.Start();
    }

    /// <summary>Starts something on the next thread that is free. What it throws ends the process.</summary>
    public void Start(Action run)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _work.Enqueue(run);
            if (_idle > 0)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>Runs something on the next thread that is free; at once, when the caller is on one of these threads already.</summary>
    public Task<T> RunAsync<T>(Func<T> run)
    {
        // What follows must not go on on the guest's thread by chance, where it would keep the next program waiting.
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (s_owner == this)
            Run();
        else
            Start(Run);
        return done.Task;

        void Run()
        {
            try
            {
                done.SetResult(run());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        }
    }

    /// <summary>Runs something that a guest waits for, on a thread with a deep stack of its own, and waits for it. These threads are beside the others,
    /// since whoever waits keeps his own: there are as many as ever were needed at a time.</summary>
    public T RunNested<T>(Func<T> run)
    {
        NestedThread? thread;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _nested.TryPop(out thread);
        }

        thread ??= new NestedThread(StackBytes);
        try
        {
            return thread.Run(run);
        }
        finally
        {
            lock (_gate)
            {
                if (_isClosed)
                    thread.End();
                else
                    _nested.Push(thread);
            }
        }
    }

    /// <summary>Lets the threads end when they have done what they were given.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
            while (_nested.TryPop(out var thread))
                thread.End();
        }
    }

    private void Work()
    {
        s_owner = this;
        while (Next() is { } run)
            run();
    }

    private Action? Next()
    {
        lock (_gate)
        {
            while (_work.Count == 0)
            {
                if (_isClosed)
                    return null;
                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }

            return _work.Dequeue();
        }
    }
}
