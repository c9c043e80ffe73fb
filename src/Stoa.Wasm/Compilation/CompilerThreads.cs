namespace Stoa.Wasm.Compilation;

/// <summary>A few threads that compile what takes long, in the order in which it is asked for. They start when they are needed and end when they are not.</summary>
/// <remarks>
/// The JIT cannot be stopped. So a guest that waits for it leaves it alone when the guest's time is over, and no guest, however many
/// large functions it has, keeps more threads busy than these.
/// </remarks>
/// <param name="maxThreads">How many there are at most.</param>
/// <param name="idleMs">How long one waits for work before it ends.</param>
internal sealed class CompilerThreads(int maxThreads, int idleMs)
{
    private const int StackBytes = 16 << 20;

    private readonly object _monitor = new();
    private readonly Queue<CompilationJob> _jobs = new();
    private int _threads;
    private int _idle;

    /// <summary>The process's.</summary>
    public static CompilerThreads Shared { get; } = new(Math.Max(2, Environment.ProcessorCount), idleMs: 10_000);

    public void Add(CompilationJob job)
    {
        lock (_monitor)
        {
            _jobs.Enqueue(job);
            if (_idle >= _jobs.Count)
            {
                Monitor.Pulse(_monitor);
                return;
            }

            if (_threads == maxThreads)
                return;
            _threads++;
        }

        try
        {
            new Thread(Work, StackBytes) { IsBackground = true, Name = "wasm compiler" }.Start();
        }
        catch (OutOfMemoryException)
        {
            // The system gives no more threads. What is in the queue already finds this job done.
            lock (_monitor)
                _threads--;
            job.Run();
        }
    }

    private void Work()
    {
        while (Next() is { } job)
            job.Run();
    }

    private CompilationJob? Next()
    {
        lock (_monitor)
        {
            while (_jobs.Count == 0)
            {
                _idle++;
                bool isPulsed = Monitor.Wait(_monitor, idleMs);
                _idle--;
                if (isPulsed || _jobs.Count > 0)
                    continue;
                _threads--;
                return null;
            }

            return _jobs.Dequeue();
        }
    }
}
