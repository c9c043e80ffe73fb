namespace Stoa.Node.Tasks;

/// <summary>Lets acts that arrive one by one be written together: what arrives while the last commit is under way is the next group.</summary>
/// <remarks>There is no delay to gather: a lone act is written at once, and a thousand at the same time cost little more than one.</remarks>
/// <param name="write">Writes a group in one transaction, an outcome each.</param>
/// <param name="maxGroup">The largest group.</param>
internal sealed class GroupCommit<TItem, TOutcome>(Func<IReadOnlyList<TItem>, Task<IReadOnlyList<TOutcome>>> write, int maxGroup)
{
    private readonly Lock _lock = new();
    private readonly Queue<Waiting> _waiting = new();
    private bool _isWriting;

    /// <summary>Answers once the item is durable, with its outcome.</summary>
    /// <param name="item">What to write.</param>
    /// <param name="cancellationToken">Takes it out again as long as it only waits.</param>
    public Task<TOutcome> WriteAsync(TItem item, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(item, cancellationToken);
        lock (_lock)
        {
            _waiting.Enqueue(waiting);
            if (_isWriting)
                return waiting.Done.Task;
            _isWriting = true;
        }

        // Not awaited: it goes on with the next group when this one is done, and every item is answered by it.
        _ = WriteGroupsAsync();
        return waiting.Done.Task;
    }

    private async Task WriteGroupsAsync()
    {
        while (TakeGroup() is { Count: > 0 } group)
        {
            try
            {
                Answer(group, await write([.. group.Select(waiting => waiting.Item)]));
            }
            catch (Exception failure)
            {
                if (group.Count == 1)
                    group[0].Done.SetException(failure);
                else
                    await WriteApartAsync(group);
            }
        }
    }

    /// <summary>Whatever was wrong with one of them is not the others' fault.</summary>
    private async Task WriteApartAsync(List<Waiting> group)
    {
        foreach (var waiting in group)
        {
            try
            {
                Answer([waiting], await write([waiting.Item]));
            }
            catch (Exception failure)
            {
                waiting.Done.SetException(failure);
            }
        }
    }

    private static void Answer(List<Waiting> group, IReadOnlyList<TOutcome> outcomes)
    {
        for (var index = 0; index < group.Count; index++)
            group[index].Done.SetResult(outcomes[index]);
    }

    private List<Waiting> TakeGroup()
    {
        lock (_lock)
        {
            var group = new List<Waiting>(Math.Min(_waiting.Count, maxGroup));
            while (group.Count < maxGroup && _waiting.TryDequeue(out var next))
            {
                if (next.CancellationToken.IsCancellationRequested)
                    next.Done.SetCanceled(next.CancellationToken);
                else
                    group.Add(next);
            }

            _isWriting = group.Count > 0;
            return group;
        }
    }

    private sealed record Waiting(TItem Item, CancellationToken CancellationToken)
    {
        public TaskCompletionSource<TOutcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
