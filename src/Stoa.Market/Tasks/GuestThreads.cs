using System.Collections.Concurrent;

namespace Stoa.Market.Tasks;

/// <summary>The threads that programs run on: guests are synchronous work for a processor, and need deep stacks of their own.</summary>
/// <remarks>A stack is address space until it is used, so its size costs nothing.</remarks>
public sealed class GuestThreads : IDisposable
{
    /// <summary>Room for the deepest recursion that the sandbox allows, at 4 KiB a call: 64 MiB.</summary>
    public const int StackBytes = 64 << 20;

    private readonly BlockingCollection<Action> work = [];

    /// <param name="count">How many programs run at once.</param>
    public GuestThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        for (var i = 0; i < count; i++)
            new Thread(Work, StackBytes) { IsBackground = true, Name = $"guest-{i}" }.Start();
    }

    /// <summary>Runs something on the next thread that is free.</summary>
    public Task<T> RunAsync<T>(Func<T> run)
    {
        // What follows must not go on on the guest's thread, where it would keep the next program waiting.
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(() =>
        {
            try
            {
                done.SetResult(run());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        });
        return done.Task;
    }

    /// <summary>Lets the threads end when they have done what they were given.</summary>
    public void Dispose() => work.CompleteAdding();

    private void Work()
    {
        foreach (var run in work.GetConsumingEnumerable())
            run();
    }
}
