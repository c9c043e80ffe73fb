namespace Stoa.Node.Storage;

/// <summary>A number that only grows, and the wait for it to grow beyond what one has seen.</summary>
/// <remarks>Safe for use by many threads. A wait never misses: it looks at the number first.</remarks>
public sealed class Signal
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private long _value;

    /// <summary>The greatest number raised so far; 0 at first.</summary>
    public long Value
    {
        get
        {
            lock (_lock)
                return _value;
        }
    }

    /// <summary>Raises the number and wakes those who wait for it; a number that is no greater changes nothing.</summary>
    public void Raise(long value)
    {
        List<TaskCompletionSource> reached;
        lock (_lock)
        {
            if (value <= _value)
                return;
            _value = value;
            reached = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var one in reached)
            one.TrySetResult();
    }

    /// <summary>Ends once the number is greater than <paramref name="seen"/>; at once when it is already.</summary>
    public async Task WaitBeyondAsync(long seen, CancellationToken cancellationToken)
    {
        while (!await GrowsAsync(seen, cancellationToken))
        {
        }
    }

    /// <summary>The same, for a while at most: whoever waits looks for itself then.</summary>
    public async Task WaitBeyondAsync(long seen, TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(atMost, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await WaitBeyondAsync(seen, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    /// <summary>Waits until the number grows, unless it is greater already.</summary>
    /// <returns>Whether it was.</returns>
    private async Task<bool> GrowsAsync(long seen, CancellationToken cancellationToken)
    {
        // Not Task.WaitAsync: with a token it comes back by a thread of the pool, also where there is to be only one.
        var grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LinkedListNode<TaskCompletionSource> place;
        lock (_lock)
        {
            if (_value > seen)
                return true;
            place = _waiting.AddLast(grown);
        }

        try
        {
            using var registration = cancellationToken.UnsafeRegister(static (grown, token) => ((TaskCompletionSource)grown!).TrySetCanceled(token), grown);
            await grown.Task;
            return false;
        }
        finally
        {
            lock (_lock)
            {
                if (place.List is not null)
                    _waiting.Remove(place);
            }
        }
    }
}
