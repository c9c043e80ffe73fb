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
        while (Enter(seen) is { } place)
        {
            try
            {
                using var registration = Register(place, cancellationToken);
                await place.Value.Task;
            }
            finally
            {
                Leave(place);
            }
        }
    }

    /// <summary>The same, for a while at most: whoever waits looks for itself then.</summary>
    public async Task WaitBeyondAsync(long seen, TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(time);
        var began = time.GetTimestamp();
        for (var left = atMost; left > TimeSpan.Zero && Enter(seen) is { } place; left = atMost - time.GetElapsedTime(began))
        {
            // That the time is over is what mostly happens, and no error.
            using var limit = time.CreateTimer(static grown => ((TaskCompletionSource)grown!).TrySetResult(), place.Value, left, Timeout.InfiniteTimeSpan);
            try
            {
                using var registration = Register(place, cancellationToken);
                await place.Value.Task;
            }
            finally
            {
                Leave(place);
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Takes a place among those who wait; null when the number is greater already.</summary>
    private LinkedListNode<TaskCompletionSource>? Enter(long seen)
    {
        lock (_lock)
            return _value > seen ? null : _waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }

    // Not Task.WaitAsync: with a token it comes back by a thread of the pool, also where there is to be only one.
    private static CancellationTokenRegistration Register(LinkedListNode<TaskCompletionSource> place, CancellationToken cancellationToken) =>
        cancellationToken.UnsafeRegister(static (grown, token) => ((TaskCompletionSource)grown!).TrySetCanceled(token), place.Value);

    private void Leave(LinkedListNode<TaskCompletionSource> place)
    {
        lock (_lock)
        {
            if (place.List is not null)
                _waiting.Remove(place);
        }
    }
}
