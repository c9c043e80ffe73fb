namespace Stoa.Network.Muxing;

/// <summary>Several wait for something to come about, and all look again when it may have.</summary>
/// <remarks>Not one task for all and Task.WaitAsync, which comes back by the thread pool, also where there is to be only one thread.</remarks>
/// <param name="gate">Guards what they wait for, and this.</param>
internal sealed class Bell(Lock gate)
{
    private readonly LinkedList<TaskCompletionSource> _waiting = [];

    /// <summary>Begins to wait. Under the lock: what rings after it is heard.</summary>
    public LinkedListNode<TaskCompletionSource> Enter() => _waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Waits, outside of the lock.</summary>
    public async Task WaitAsync(LinkedListNode<TaskCompletionSource> place, CancellationToken cancellationToken)
    {
        try
        {
            using var registration = cancellationToken.UnsafeRegister(static (waiting, token) => ((TaskCompletionSource)waiting!).TrySetCanceled(token), place.Value);
            await place.Value.Task;
        }
        finally
        {
            lock (gate)
            {
                if (place.List is not null)
                    _waiting.Remove(place);
            }
        }
    }

    /// <summary>Lets all who wait go on. Under the lock; they go on outside of it.</summary>
    public void Ring()
    {
        foreach (var waiting in _waiting)
            waiting.TrySetResult();
        _waiting.Clear();
    }
}
