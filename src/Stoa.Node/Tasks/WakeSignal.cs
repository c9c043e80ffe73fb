namespace Stoa.Node.Tasks;

/// <summary>Wakes one waiter. Signals that come while nobody waits are remembered as one.</summary>
internal sealed class WakeSignal : IDisposable
{
    private readonly SemaphoreSlim signalled = new(0, 1);

    public void Set()
    {
        try
        {
            signalled.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is set already.
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
