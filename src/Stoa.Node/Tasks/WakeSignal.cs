namespace Stoa.Node.Tasks;

/// <summary>Wakes one waiter. Signals that come while nobody waits are remembered as one.</summary>
internal sealed class WakeSignal
{
    private readonly Lock gate = new();
    private TaskCompletionSource? waiter;
    private bool isSet;

    public void Set()
    {
        lock (gate)
        {
            isSet = waiter is null;
            waiter?.TrySetResult();
            waiter = null;
        }
    }

    /// <summary>Waits for the signal or for the time to be over.</summary>
    public async Task WaitAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var own = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (isSet)
            {
                isSet = false;
                return;
            }

            waiter = own;
        }

        try
        {
            await own.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // Whoever waits looks for itself then, as it does after a signal.
        }
        finally
        {
            lock (gate)
            {
                if (waiter == own)
                    waiter = null;
            }
        }
    }
}
