namespace Stoa.Node.Tasks;

/// <summary>Wakes one waiter. Signals that come while nobody waits are remembered as one.</summary>
internal sealed class WakeSignal : IDisposable
{
    private readonly SemaphoreSlim signalled = new(0, 1);

    public void Set()
    {
        // Mostly it is set already, and an exception costs more than what it is set for.
        if (signalled.CurrentCount > 0)
            return;
        try
        {
            signalled.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else set it just now.
        }
    }

    /// <summary>Waits for the signal or for the time to be over.</summary>
    public async Task WaitAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            await signalled.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    public void Dispose() => signalled.Dispose();
}
