using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Inference.Routing;

/// <summary>The replicas of this node that serve one version of a model, and the requests that wait for one of them.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
public sealed class ModelFleet
{
    private readonly Lock _lock = new();
    private readonly ReplicaChooser _chooser;
    private readonly TimeProvider _time;
    private readonly WaitingRequests _waiting;
    private IReadOnlyList<ReplicaState> _replicas = [];
    private IReadOnlyList<PricedModel> _prices = [];
    private bool _hasSupplied;

    /// <param name="model">What is known of the version.</param>
    /// <param name="chooser">The node's.</param>
    /// <param name="limits">How many may wait.</param>
    /// <param name="time">The clock.</param>
    public ModelFleet(ReplicaModel model, ReplicaChooser chooser, WaitingLimits limits, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(limits);
        (Model, _chooser, _time) = (model, chooser, time);
        _waiting = new WaitingRequests(limits.Requests, limits.RequestsOfAccount);
    }

    /// <summary>What is known of the version.</summary>
    public ReplicaModel Model { get; }

    /// <summary>Those that serve it.</summary>
    public IReadOnlyList<ReplicaState> Replicas => Volatile.Read(ref _replicas);

    /// <summary>Whether some of these stand at other operators' nodes.</summary>
    public bool HasSupplied => Volatile.Read(ref _hasSupplied);

    /// <summary>How fast an answer is written, on average of the replicas that are offered and have been measured; null when none has.</summary>
    public double? TokensPerSecond => SpeedOf(Replicas);

    /// <summary>How many requests wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
                return _waiting.Count;
        }
    }

    /// <summary>How fast some replicas write one answer, on average of those that are offered and have been measured; null when none has.</summary>
    public static double? SpeedOf(IEnumerable<ReplicaState> replicas)
    {
        ArgumentNullException.ThrowIfNull(replicas);
        var (sum, count) = (0.0, 0);
        foreach (var replica in replicas)
        {
            if (replica is { IsOffered: true, TokensPerSecond: { } speed })
                (sum, count) = (sum + speed, count + 1);
        }

        return count == 0 ? null : sum / count;
    }

    /// <summary>Milliseconds of the clock that replicas are measured by.</summary>
    public static long NowOf(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return (long)(time.GetTimestamp() * (1_000.0 / time.TimestampFrequency));
    }

    /// <summary>Others serve it from now on.</summary>
    public void Become(IReadOnlyList<ReplicaState> replicas)
    {
        ArgumentNullException.ThrowIfNull(replicas);
        Volatile.Write(ref _prices, [.. replicas.Select(replica => replica.Replica.Priced).Distinct()]);
        Volatile.Write(ref _hasSupplied, replicas.Any(replica => replica.Replica.Supplied is not null));
        Volatile.Write(ref _replicas, replicas);
        Serve();
    }

    /// <summary>The prices of the replica that takes most for a request; those of the listing alone when nobody serves the model any more.</summary>
    /// <param name="usage">What the request may come to.</param>
    /// <param name="staysHere">Whether only servers of this cell answer it.</param>
    public PricedModel DearestFor(TokenUsage usage, bool staysHere = false)
    {
        var prices = Volatile.Read(ref _prices);
        if (staysHere && HasSupplied)
            prices = [.. prices.Where(price => price.Supplied is null)];
        return prices.Count == 1 ? prices[0] : prices.MaxBy(price => price.TryPriceOf(usage)?.Total ?? new Money(long.MaxValue)) ?? new PricedModel(Model.Listing, Model.Publisher, Model.Price, null);
    }

    /// <summary>Gives a request to a replica; when all are busy it waits for its turn.</summary>
    /// <param name="account">Whose it is.</param>
    /// <param name="request">What it needs.</param>
    /// <param name="excluded">Replicas that have failed it already. Not changed while this goes on.</param>
    /// <param name="patience">How long it waits.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>A place at a replica, which has to be left with <see cref="Leave"/>; or why there is none.</returns>
    public ValueTask<Outcome<ReplicaPlace, RoutingRefusal>> EnterAsync(
        Id<User> account, RoutedRequest request, IReadOnlyCollection<ReplicaState> excluded, TimeSpan patience, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(excluded);
        var now = NowOf(_time);
        WaitingRequest waiting;
        lock (_lock)
        {
            // Whoever comes later does not go before those who wait: these first.
            ServeWaiting();
            if (_chooser.TryEnter(_replicas, excluded, request, now) is { } chosen)
                return ValueTask.FromResult<Outcome<ReplicaPlace, RoutingRefusal>>(chosen);
            if (!MayBeServed(excluded, now))
                return ValueTask.FromResult<Outcome<ReplicaPlace, RoutingRefusal>>(NoneLeft());
            waiting = new WaitingRequest(account.Uuid, request, excluded);
            if (!_waiting.TryAdd(waiting))
            {
                return ValueTask.FromResult<Outcome<ReplicaPlace, RoutingRefusal>>(new Refusal<RoutingRefusal>(
                    RoutingRefusal.TooManyWaiting, $"All that serve {Model.Listing} are busy, and as many requests wait as may. Try again in a few seconds."));
            }
        }

        return WaitAsync(waiting, patience, cancellationToken);
    }

    /// <summary>Gives a request to a replica that has room at once, and whose place nobody waits for.</summary>
    /// <returns>Null when there is none.</returns>
    public ReplicaPlace? TryEnter(RoutedRequest request, IReadOnlyCollection<ReplicaState> excluded)
    {
        lock (_lock)
            return _waiting.Count == 0 ? _chooser.TryEnter(_replicas, excluded, request, NowOf(_time)) : null;
    }

    /// <summary>A request at a replica has ended; whoever waits gets the place.</summary>
    public void Leave(ReplicaPlace place, RequestEnd end)
    {
        place.Leave(end, NowOf(_time));
        Serve();
    }

    /// <summary>Gives those who wait what has become free, and tells those for whom nobody is left. To be called again and again: that a replica may be tried anew is told by nobody.</summary>
    public void Serve()
    {
        lock (_lock)
            ServeWaiting();
    }

    private void ServeWaiting()
    {
        while (_waiting.Count > 0)
        {
            var now = NowOf(_time);
            // Most often all are busy, and all wait on.
            if (!_replicas.Any(replica => replica.MayTake(now)) && _replicas.Any(replica => replica.IsServing(now)))
                return;
            var isGiven = false;
            // Whoever waits for a replica that it has not tried yet does not keep others from one that is free.
            foreach (var head in _waiting.Heads())
            {
                var chosen = _chooser.TryEnter(_replicas, head.Excluded, head.Request, now);
                if (chosen is null && MayBeServed(head.Excluded, now))
                    continue;
                _waiting.Take(head);
                head.Give(chosen);
                isGiven = true;
            }

            if (!isGiven)
                return;
        }
    }

    private async ValueTask<Outcome<ReplicaPlace, RoutingRefusal>> WaitAsync(WaitingRequest waiting, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            return await waiting.Given.WaitAsync(patience, _time, cancellationToken) is { } given ? given : NoneLeft();
        }
        catch (Exception over) when (over is TimeoutException or OperationCanceledException)
        {
            lock (_lock)
                _waiting.Remove(waiting);
            // It may have been given one in the same moment.
            if (waiting.Given is { IsCompletedSuccessfully: true } task)
            {
                var given = await task;
                if (over is TimeoutException)
                    return given is { } last ? last : NoneLeft();
                if (given is { } place)
                    Leave(place, RequestEnd.Abandoned);
            }

            if (over is TimeoutException)
            {
                return new Refusal<RoutingRefusal>(
                    RoutingRefusal.WaitedTooLong, $"All that serve {Model.Listing} were busy for {patience.TotalSeconds:0.#} seconds. Try again later, or name another model.");
            }

            throw;
        }
    }

    private bool MayBeServed(IReadOnlyCollection<ReplicaState> excluded, long now)
    {
        foreach (var replica in _replicas)
        {
            // Whether it has room by now does not matter: whoever has just left it serves those who wait next.
            if (replica.IsServing(now) && !excluded.Contains(replica))
                return true;
        }

        return false;
    }

    private Refusal<RoutingRefusal> NoneLeft() => new(
        RoutingRefusal.NoReplica, $"Nobody who serves {Model.Listing} answers at the moment. Try again in a few seconds, or name another model.");
}

/// <summary>How many requests may wait for one version of a model.</summary>
/// <param name="Requests">In all.</param>
/// <param name="RequestsOfAccount">Of one account.</param>
public sealed record WaitingLimits(int Requests, int RequestsOfAccount);

/// <summary>Why a request has no replica.</summary>
public enum RoutingRefusal
{
    /// <summary>None is left that answers.</summary>
    NoReplica,

    /// <summary>All are busy, and as many wait as may.</summary>
    TooManyWaiting,

    /// <summary>All were busy for as long as the request could wait.</summary>
    WaitedTooLong,
}
