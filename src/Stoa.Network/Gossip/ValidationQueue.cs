namespace Stoa.Network.Gossip;

/// <summary>A message on its way to a verdict.</summary>
internal sealed record GossipCandidate(GossipMessage Message, Wire.Message Wire, GossipPeer Peer);

/// <summary>Messages of a topic that wait to be judged: those that came meanwhile are judged together. Safe for use by many threads.</summary>
/// <param name="options">The validator and its limits.</param>
/// <param name="time">What its deadline goes by.</param>
/// <param name="conclude">Told of each verdict; with why, where it is not the validator's own.</param>
internal sealed class ValidationQueue(TopicOptions options, TimeProvider time, Action<GossipCandidate, GossipVerdict, GossipRefusal?> conclude) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<GossipCandidate> _waiting = [];
    private readonly List<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private int _working;

    /// <summary>Whether another may wait. Those that ask at once may be some too many.</summary>
    public bool HasRoom
    {
        get
        {
            lock (_lock)
                return _waiting.Count < options.MaxWaiting && !_stop.IsCancellationRequested;
        }
    }

    /// <summary>Has a message judged.</summary>
    public void Add(GossipCandidate candidate)
    {
        if (options.Validator is not { } validator)
        {
            conclude(candidate, GossipVerdict.Accept, null);
            return;
        }

        lock (_lock)
        {
            if (!_stop.IsCancellationRequested)
            {
                _waiting.Enqueue(candidate);
                if (_working >= options.MaxValidations)
                    return;
                _working++;
                _running.RemoveAll(task => task.IsCompleted);
                _running.Add(WorkAsync(validator));
                return;
            }
        }

        conclude(candidate, GossipVerdict.Ignore, GossipRefusal.NotSubscribed);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        GossipCandidate[] left;
        lock (_lock)
        {
            _stop.Cancel();
            running = [.. _running];
            left = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var candidate in left)
            conclude(candidate, GossipVerdict.Ignore, GossipRefusal.NotSubscribed);
        await Task.WhenAll(running);
        _stop.Dispose();
    }

    private async Task WorkAsync(GossipValidator validator)
    {
        // Not under the lock, nor in the way of who reads.
        await Task.Yield();
        while (true)
        {
            var batch = new List<GossipCandidate>();
            lock (_lock)
            {
                while (batch.Count < options.MaxBatch && _waiting.TryDequeue(out var next))
                    batch.Add(next);
                if (batch.Count == 0)
                {
                    _working--;
                    return;
                }
            }

            await JudgeAsync(validator, batch);
        }
    }

    private async Task JudgeAsync(GossipValidator validator, List<GossipCandidate> batch)
    {
        using var timeout = new CancellationTokenSource(options.Deadline, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
        var judging = AskAsync(validator, batch, stop.Token);
        IReadOnlyList<GossipVerdict>? verdicts;
        try
        {
            verdicts = await judging.WaitAsync(options.Deadline, time);
        }
        catch (TimeoutException)
        {
            Conclude(batch, GossipRefusal.TimedOut);
            // Its place is taken until it has really ended: validators that hang are not made more of.
            await judging;
            return;
        }

        if (verdicts is null || verdicts.Count != batch.Count)
        {
            Conclude(batch, timeout.IsCancellationRequested ? GossipRefusal.TimedOut : GossipRefusal.Failed);
            return;
        }

        for (var index = 0; index < batch.Count; index++)
        {
            var (verdict, why) = verdicts[index] switch
            {
                GossipVerdict.Accept => (GossipVerdict.Accept, (GossipRefusal?)null),
                GossipVerdict.Ignore => (GossipVerdict.Ignore, GossipRefusal.Ignored),
                GossipVerdict.Reject => (GossipVerdict.Reject, GossipRefusal.Rejected),
                _ => (GossipVerdict.Ignore, GossipRefusal.Failed),
            };
            conclude(batch[index], verdict, why);
        }
    }

    private void Conclude(List<GossipCandidate> batch, GossipRefusal why)
    {
        foreach (var candidate in batch)
            conclude(candidate, GossipVerdict.Ignore, why);
    }

    /// <summary>What the validator says; null when it throws.</summary>
    private static async Task<IReadOnlyList<GossipVerdict>?> AskAsync(GossipValidator validator, List<GossipCandidate> batch, CancellationToken cancellationToken)
    {
        try
        {
            return await validator([.. batch.Select(candidate => candidate.Message)], cancellationToken);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A fault of the application's judges nobody; it is counted.
            return null;
        }
    }
}
