using System.Runtime.ExceptionServices;

namespace Stoa.Network.Hosting;

/// <summary>What goes on beside its callers and ends with its owner.</summary>
/// <remarks>That the owner stops is no fault. Any other is a bug: the first is kept and thrown at the end, where tests see it; further ones are not, or they would pile up.</remarks>
internal sealed class BackgroundTasks
{
    private readonly Lock _lock = new();
    private readonly List<Task> _running = [];
    private Exception? _fault;

    /// <summary>Lets something go on.</summary>
    public void Add(Task task)
    {
        var kept = KeepAsync(task);
        lock (_lock)
        {
            _running.RemoveAll(other => other.IsCompleted);
            if (!kept.IsCompleted)
                _running.Add(kept);
        }
    }

    /// <summary>Waits until all has ended; the owner has told it to.</summary>
    public async Task EndAsync()
    {
        Task[] running;
        lock (_lock)
            running = [.. _running];
        await Task.WhenAll(running);
        if (Volatile.Read(ref _fault) is { } fault)
            ExceptionDispatchInfo.Throw(fault);
    }

    private async Task KeepAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The node stops, or the peer has gone.
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _fault, e, null);
        }
    }
}
