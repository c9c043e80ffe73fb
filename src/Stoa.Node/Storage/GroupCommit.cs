namespace Stoa.Node.Storage;

/// <summary>Lets acts that arrive one by one be written together: what arrives while the last commit is under way is the next group.</summary>
/// <remarks>There is no delay to gather: a lone act is written at once, and a thousand at the same time cost little more than one.
/// A group that cannot be written is written apart, so that one bad item fails alone; not so where the commit may have happened
/// (<see cref="CommitUnknownException"/>): then each caller is told that, and looks before it writes again.</remarks>
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
                return waiting.Outcome;
            _isWriting = true;
        }

        // Not awaited: it goes on with the next group when this one is done, and every item is answered by it.
        _ = WriteGroupsAsync();
        return waiting.Outcome;
    }

    private async Task WriteGroupsAsync()
    {
        for (var group = TakeGroup(); group.Count > 0;)
        {
            IReadOnlyList<TOutcome>? outcomes = null;
            try
            {
                outcomes = await write([.. group.Select(waiting => waiting.Item)]);
            }
            catch (Exception failure) when (group.Count == 1 || failure is CommitUnknownException)
            {
                Fail(group, failure);
            }
            catch (Exception)
            {
                await WriteApartAsync(group);
            }

            var next = TakeGroup();
            if (outcomes is not null)
                Answer(group, outcomes, next.Count == 0);
            group = next;
        }
    }

    /// <summary>Whatever was wrong with one of them is not the others' fault; but when the database is away, it is away for all that are left.</summary>
    private async Task WriteApartAsync(List<Waiting> group)
    {
        for (var index = 0; index < group.Count; index++)
        {
            if (!group[index].IsWanted())
                continue;
            try
            {
                group[index].Answer((await write([group[index].Item]))[0]);
            }
            catch (Exception away) when (away.MayPass())
            {
                Fail(group[index..], away);
                return;
            }
            catch (Exception failure)
            {
                group[index].Fail(failure);
            }
        }
    }

    private static void Fail(List<Waiting> group, Exception failure)
    {
        foreach (var waiting in group)
            waiting.Fail(failure);
    }

    /// <summary>Lets those go on whose items are written: elsewhere, but for the last one when nobody waits for this thread.</summary>
    private static void Answer(List<Waiting> group, IReadOnlyList<TOutcome> outcomes, bool isFree)
    {
        for (var index = 0; index < group.Count - 1; index++)
            group[index].Answer(outcomes[index]);
        if (isFree)
            group[^1].AnswerHere(outcomes[^1]);
        else
            group[^1].Answer(outcomes[^1]);
    }

    private List<Waiting> TakeGroup()
    {
        lock (_lock)
        {
            var group = new List<Waiting>(Math.Min(_waiting.Count, maxGroup));
            while (group.Count < maxGroup && _waiting.TryDequeue(out var next))
            {
                if (next.IsWanted())
                    group.Add(next);
            }

            _isWriting = group.Count > 0;
            return group;
        }
    }

    private sealed class Waiting(TItem item, CancellationToken cancellationToken)
    {
        // Where whoever waits goes on is decided when it is answered.
        private readonly TaskCompletionSource<TOutcome> _done = new();

        public TItem Item => item;

        public Task<TOutcome> Outcome => _done.Task;

        /// <summary>Says whether it is still to be written.</summary>
        public bool IsWanted()
        {
            if (!cancellationToken.IsCancellationRequested)
                return true;
            ThreadPool.UnsafeQueueUserWorkItem(static waiting => waiting._done.SetCanceled(waiting.Token), this, preferLocal: false);
            return false;
        }

        public void Answer(TOutcome outcome) => ThreadPool.UnsafeQueueUserWorkItem(
            static answer => answer.To._done.SetResult(answer.Outcome), (To: this, Outcome: outcome), preferLocal: false);

        public void AnswerHere(TOutcome outcome) => _done.SetResult(outcome);

        public void Fail(Exception failure) => ThreadPool.UnsafeQueueUserWorkItem(
            static answer => answer.To._done.SetException(answer.Failure), (To: this, Failure: failure), preferLocal: false);

        private CancellationToken Token => cancellationToken;
    }
}
