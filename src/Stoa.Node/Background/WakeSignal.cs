namespace Stoa.Node.Background;

/// <summary>Wakes one waiter. Signals that come while nobody waits are remembered as one.</summary>
internal sealed class WakeSignal
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _waiter;
    private bool _isSet;

    public void Set()
    {
        lock (_gate)
        {
            _isSet = _waiter is null;
            _waiter?.TrySetResult();
            _waiter = null;
        }
    }

    /// <summary>Waits for the signal or for the time to be over.</summary>
    public async Task WaitAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var own = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_isSet)
            {
                _isSet = false;
                return;
            }

            _waiter = own;
        }

        try
        {
            // Timers count whole milliseconds: a part of one, cut off, would be no wait at all, and whoever waits for an instant would spin until it.
            await own.Task.WaitAsync(TimeSpan.FromMilliseconds(Math.Ceiling(timeout.TotalMilliseconds)), time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // Whoever waits looks for itself then, as it does after a signal.
        }
        finally
        {
            lock (_gate)
            {
                if (_waiter == own)
                    _waiter = null;
            }
        }
    }
}
