namespace Stoa.Market.Inference.Routing;

/// <summary>Requests that wait until a replica has room, in the order of fair shares: each account has its own line, and the lines take turns.</summary>
/// <remarks>It has no lock of its own: its <see cref="ModelFleet"/> is the one who calls it.</remarks>
/// <param name="most">So many wait at most.</param>
/// <param name="mostOfAccount">And so many of one account.</param>
internal sealed class WaitingRequests(int most, int mostOfAccount)
{
    private readonly Dictionary<Guid, LinkedList<WaitingRequest>> _lines = [];
    private readonly LinkedList<Guid> _turns = new();

    /// <summary>How many wait.</summary>
    public int Count { get; private set; }

    /// <summary>How many of these may not have just any replica.</summary>
    public int Particular { get; private set; }

    /// <summary>Takes a place at the end of the account's line.</summary>
    /// <returns>False when there is none left.</returns>
    public bool TryAdd(WaitingRequest waiting)
    {
        if (Count >= most || (_lines.TryGetValue(waiting.Account, out var line) ? line.Count : 0) >= mostOfAccount)
            return false;
        if (line is null)
        {
            _lines.Add(waiting.Account, line = new LinkedList<WaitingRequest>());
            _turns.AddLast(waiting.Account);
        }

        waiting.Place = line.AddLast(waiting);
        Count++;
        if (waiting.IsParticular)
            Particular++;
        return true;
    }

    /// <summary>The first one of each account, in the order of the accounts' turns.</summary>
    public IReadOnlyList<WaitingRequest> Heads() => [.. _turns.Select(account => _lines[account].First!.Value)];

    /// <summary>A first one goes, and its account's next one waits until all others have had a turn.</summary>
    public void Take(WaitingRequest head)
    {
        _turns.Remove(head.Account);
        _turns.AddLast(head.Account);
        Remove(head);
    }

    /// <summary>Gives up a place; one that has gone already is left alone.</summary>
    public void Remove(WaitingRequest waiting)
    {
        if (waiting.Place is not { } place)
            return;
        waiting.Place = null;
        Count--;
        if (waiting.IsParticular)
            Particular--;
        var line = place.List!;
        line.Remove(place);
        if (line.Count == 0)
        {
            _lines.Remove(waiting.Account);
            _turns.Remove(waiting.Account);
        }
    }
}

/// <summary>A request that waits.</summary>
/// <param name="account">Whose it is.</param>
/// <param name="request">What it needs.</param>
/// <param name="excluded">The replicas that have failed it.</param>
internal sealed class WaitingRequest(Guid account, RoutedRequest request, IReadOnlyCollection<ReplicaState> excluded)
{
    // Whoever gives it a replica does not go on with it on his own thread, under his lock.
    private readonly TaskCompletionSource<ReplicaPlace?> _given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whose it is.</summary>
    public Guid Account => account;

    /// <summary>What it needs.</summary>
    public RoutedRequest Request => request;

    /// <summary>The replicas that have failed it.</summary>
    public IReadOnlyCollection<ReplicaState> Excluded => excluded;

    /// <summary>Whether it may not have just any replica: some have failed it, stand elsewhere or may be too dear.</summary>
    public bool IsParticular { get; } = excluded.Count > 0 || request.StaysHere || request.Within is not null;

    /// <summary>Its place in the line; null when it does not wait.</summary>
    public LinkedListNode<WaitingRequest>? Place { get; set; }

    /// <summary>Its place at the replica that has taken it; null when there is none left that could.</summary>
    public Task<ReplicaPlace?> Given => _given.Task;

    /// <summary>It goes to a replica, or is told that there is none.</summary>
    public void Give(ReplicaPlace? place) => _given.SetResult(place);
}
