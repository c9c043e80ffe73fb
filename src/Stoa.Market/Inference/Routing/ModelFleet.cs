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
    private Snapshot _now = Snapshot.Of([]);

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
    public IReadOnlyList<ReplicaState> Replicas => Volatile.Read(ref _now).Replicas;

    /// <summary>Whether some of these stand at other operators' nodes.</summary>
    public bool HasSupplied => Volatile.Read(ref _now).HasSupplied;

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
        Volatile.Write(ref _now, Snapshot.Of(replicas));
        Serve();
    }

    /// <summary>The prices of the replica that takes most for a request, of those that are offered and may have it; of all where none is, and those of the listing alone when nobody serves the model any more.</summary>
    /// <param name="usage">What the request may come to.</param>
    /// <param name="staysHere">Whether only servers of this cell answer it.</param>
    public PricedModel DearestFor(TokenUsage usage, bool staysHere = false) =>
        Volatile.Read(ref _now).Only ?? PricesFor(staysHere).MaxBy(price => CostOf(price, usage)) ?? new PricedModel(Model.Listing, Model.Publisher, Model.Price, null);

    /// <summary>The prices of the replica that takes least for a request, of those that are offered; null when none takes less than the one that takes most.</summary>
    /// <inheritdoc cref="DearestFor" path="/param"/>
    public PricedModel? CheaperFor(TokenUsage usage, bool staysHere = false)
    {
        if (Volatile.Read(ref _now).Only is not null || PricesFor(staysHere).MinBy(price => CostOf(price, usage)) is not { } least)
            return null;
        return CostOf(least, usage) < CostOf(DearestFor(usage, staysHere), usage) ? least : null;
    }

    /// <summary>The prices of the replica that takes most for a request, of those that are offered and take no more than so much; null when all take more.</summary>
    /// <param name="usage">What the request may come to.</param>
    /// <param name="most">How much it may cost then.</param>
    /// <param name="staysHere">Whether only servers of this cell answer it.</param>
    public PricedModel? DearestWithin(TokenUsage usage, Money most, bool staysHere = false) =>
        PricesFor(staysHere).Where(price => CostOf(price, usage) <= most).MaxBy(price => CostOf(price, usage));

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
            if (Choose(Replicas, request, excluded, now) is { } chosen)
                return ValueTask.FromResult<Outcome<ReplicaPlace, RoutingRefusal>>(chosen);
            if (!MayBeServed(request, excluded, now))
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
            return _waiting.Count == 0 ? _chooser.TryEnter(Replicas, excluded, request, NowOf(_time)) : null;
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
            var replicas = Replicas;
            if (AreAllBusy(replicas, now))
                return;
            var isGiven = false;
            // Whoever waits for a replica that it has not tried yet does not keep others from one that is free.
            foreach (var head in _waiting.Heads())
            {
                var chosen = Choose(replicas, head.Request, head.Excluded, now);
                if (chosen is null && MayBeServed(head.Request, head.Excluded, now))
                    continue;
                _waiting.Take(head);
                head.Give(chosen);
                isGiven = true;
            }

            if (!isGiven)
                return;
        }
    }

    /// <summary>Whether nobody who waits can be given anything, nor be told that there is nothing: most often all are busy, and all wait on.</summary>
    private bool AreAllBusy(IReadOnlyList<ReplicaState> replicas, long now)
    {
        if (replicas.Any(replica => replica.MayTake(now)) || !replicas.Any(replica => replica.IsServing(now)))
            return false;
        // One that is left alone is for those alone who may not wait for the others: where there are none, it changes nothing that it is free.
        return !(_waiting.Particular > 0 && replicas.Any(replica => replica.MayTakeInNeed)) && !(HasSupplied && _waiting.Heads().Any(head => head.Request.StaysHere));
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

    /// <summary>A place at one that serves; where none does, at one that is left alone for what others have asked.</summary>
    private ReplicaPlace? Choose(IReadOnlyList<ReplicaState> replicas, RoutedRequest request, IReadOnlyCollection<ReplicaState> excluded, long now) =>
        _chooser.TryEnter(replicas, excluded, request, now) ?? (IsServed(request, excluded, now) ? null : ReplicaChooser.TryEnterInNeed(replicas, excluded, request, now));

    private bool MayBeServed(RoutedRequest request, IReadOnlyCollection<ReplicaState> excluded, long now) =>
        IsServed(request, excluded, now) || Replicas.Any(replica => ReplicaChooser.MayServeInNeed(replica, excluded, request));

    private bool IsServed(RoutedRequest request, IReadOnlyCollection<ReplicaState> excluded, long now)
    {
        foreach (var replica in Replicas)
        {
            // Whether it has room by now does not matter: whoever has just left it serves those who wait next.
            if (replica.IsServing(now) && !excluded.Contains(replica) && request.Allows(replica.Replica))
                return true;
        }

        return false;
    }

    private IEnumerable<PricedModel> PricesFor(bool staysHere)
    {
        var now = Volatile.Read(ref _now);
        IReadOnlyList<ReplicaState> allowed = staysHere && now.HasSupplied ? [.. now.Replicas.Where(replica => replica.Replica.Supplied is null)] : now.Replicas;
        List<ReplicaState> offered = [.. allowed.Where(replica => replica.IsOffered)];
        if (now.HasSupplied && !staysHere && ReplicaChooser.LeastOf(offered) is { } least)
            offered.RemoveAll(replica => ReplicaChooser.IsTooDear(replica.Replica, least));
        return (offered.Count > 0 ? offered : allowed).Select(replica => replica.Replica.Priced);
    }

    private static Money CostOf(PricedModel price, TokenUsage usage) => price.TryPriceOf(usage)?.Total ?? new Money(long.MaxValue);

    private Refusal<RoutingRefusal> NoneLeft() => new(
        RoutingRefusal.NoReplica, $"Nobody who serves {Model.Listing} answers at the moment. Try again in a few seconds, or name another model.");

    /// <param name="Replicas">Those that serve it.</param>
    /// <param name="HasSupplied">Whether some of them stand at other operators' nodes.</param>
    /// <param name="Only">The prices, where all have the same; null otherwise.</param>
    private sealed record Snapshot(IReadOnlyList<ReplicaState> Replicas, bool HasSupplied, PricedModel? Only)
    {
        public static Snapshot Of(IReadOnlyList<ReplicaState> replicas)
        {
            List<PricedModel> prices = [.. replicas.Select(replica => replica.Replica.Priced).Distinct().Take(2)];
            return new Snapshot(replicas, replicas.Any(replica => replica.Replica.Supplied is not null), prices.Count == 1 ? prices[0] : null);
        }
    }
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
