using Stoa.Primitives;

namespace Stoa.Market.Inference.Routing;

/// <summary>What of a request decides which replica it goes to.</summary>
/// <param name="Tokens">That it may come to, read and written.</param>
/// <param name="Prefixes">Hashes of how its prompt begins; empty for none. See <see cref="PromptPrefixes"/>.</param>
/// <param name="Session">A hash of the session that it belongs to; 0 for none.</param>
/// <param name="Region">Where it should be answered; null for anywhere.</param>
public sealed record RoutedRequest(long Tokens, ReadOnlyMemory<ulong> Prefixes, ulong Session, string? Region)
{
    /// <summary>Whether only servers of this cell answer it.</summary>
    public bool StaysHere { get; init; }

    /// <summary>What it may cost at most; null for whatever was asked.</summary>
    public PriceCap? Within { get; init; }

    /// <summary>Whether a replica may answer it.</summary>
    public bool Allows(Replica replica)
    {
        ArgumentNullException.ThrowIfNull(replica);
        return (!StaysHere || replica.Supplied is null) && (Within is not { } cap || replica.Priced.TryPriceOf(cap.Usage)?.Total <= cap.Most);
    }
}

/// <summary>What a request may cost.</summary>
/// <param name="Usage">That it may come to.</param>
/// <param name="Most">And how much it may cost then.</param>
public sealed record PriceCap(TokenUsage Usage, Money Most);

/// <summary>Chooses the replica of a request.</summary>
/// <remarks>
/// <para>Of two replicas by chance, that which has less to do (M. Mitzenmacher, The power of two choices in randomized load balancing, 2001): nearly as even as looking at all of them, and requests that are sent
/// at the same moment do not all run to the same one.</para>
/// <para>Before that, a replica which knows the request's session, or has seen the beginning of its prompt, gets it as long as it does not have more to do than <see cref="BoundedLoad"/> times the average (V. Mirrokni, M. Thorup and
/// M. Zadimoghaddam, Consistent hashing with bounded loads, 2018): what it saves is worth a little waiting, and not a long queue.</para>
/// <para>What stands at other operators' nodes gets a request only when no server of this cell is free, wherever that one is: what is here costs no stranger's price, and tells no stranger anything, and where a stranger stands is his own word. Only then is it looked
/// who is in the region that the request names. Of the others those that ask more than <see cref="MostTimesDearer"/> times as much as the cheapest get none as long as that one serves; what is free of charge is compared with nobody.</para>
/// </remarks>
/// <param name="index">Who has seen which prompts.</param>
/// <param name="random">Chance.</param>
public sealed class ReplicaChooser(PrefixIndex index, Random random)
{
    // A request that so many servers have failed may be at fault itself: those that others have found to fail are left alone by it.
    private const int MostFailedInNeed = 4;

    /// <summary>A replica that has seen a prompt is given more than others, up to this many times the average.</summary>
    public const double BoundedLoad = 1.5;

    /// <summary>How many times as much as the cheapest one at another operator's node may ask.</summary>
    public const int MostTimesDearer = 2;

    private const double TypicalMs = 100;

    private readonly Lock _lock = new();

    /// <summary>Chooses, and gives the replica the request.</summary>
    /// <param name="replicas">Those that serve the model.</param>
    /// <param name="excluded">Those that have failed already.</param>
    /// <param name="request">What for.</param>
    /// <param name="now">Milliseconds of a monotonic clock.</param>
    /// <returns>Null when none takes it now.</returns>
    public ReplicaPlace? TryEnter(IReadOnlyList<ReplicaState> replicas, IReadOnlyCollection<ReplicaState> excluded, RoutedRequest request, long now)
    {
        ArgumentNullException.ThrowIfNull(replicas);
        ArgumentNullException.ThrowIfNull(excluded);
        ArgumentNullException.ThrowIfNull(request);
        // One that was free a moment ago may be taken by another request: then it is chosen again among the rest.
        for (var attempt = 0; attempt <= replicas.Count; attempt++)
        {
            if (Choose(replicas, excluded, request, now) is not { } chosen)
                return null;
            if (chosen.TryEnter(request.Tokens, now) is not { } place)
                continue;
            if (request.Prefixes.Length > 0)
                index.Note(request.Prefixes.Span, chosen.Slot, now);
            if (request.Session != 0)
                index.Note([request.Session], chosen.Slot, now);
            return place;
        }

        return null;
    }

    /// <summary>Chooses for a request that none takes now, among those of the cell that are left alone for a while since they have failed at others, that with least to do.</summary>
    /// <inheritdoc cref="TryEnter" path="/param"/>
    /// <returns>Null when there is none that answers at all.</returns>
    public static ReplicaPlace? TryEnterInNeed(IReadOnlyList<ReplicaState> replicas, IReadOnlyCollection<ReplicaState> excluded, RoutedRequest request, long now)
    {
        ArgumentNullException.ThrowIfNull(replicas);
        ArgumentNullException.ThrowIfNull(excluded);
        ArgumentNullException.ThrowIfNull(request);
        foreach (var replica in replicas.Where(replica => MayServeInNeed(replica, excluded, request)).OrderBy(replica => replica.LoadWith(request.Tokens, TypicalMs, now)))
        {
            if (replica.TryEnterInNeed(request.Tokens) is { } place)
                return place;
        }

        return null;
    }

    /// <summary>Whether a replica takes a request that has nobody else to go to, once it has room. Those at other operators' nodes are left alone for reasons of their own.</summary>
    internal static bool MayServeInNeed(ReplicaState replica, IReadOnlyCollection<ReplicaState> excluded, RoutedRequest request) =>
        excluded.Count < MostFailedInNeed && replica.ServesInNeed && replica.Replica.Supplied is null && !excluded.Contains(replica) && request.Allows(replica.Replica);

    private ReplicaState? Choose(IReadOnlyList<ReplicaState> replicas, IReadOnlyCollection<ReplicaState> excluded, RoutedRequest request, long now)
    {
        if (replicas.Count == 1)
            return !excluded.Contains(replicas[0]) && request.Allows(replicas[0].Replica) && replicas[0].MayTake(now) ? replicas[0] : null;
        var open = new List<ReplicaState>(replicas.Count);
        var supplied = 0;
        foreach (var replica in replicas)
        {
            if (!replica.MayTake(now) || excluded.Contains(replica) || !request.Allows(replica.Replica))
                continue;
            open.Add(replica);
            if (replica.Replica.Supplied is not null)
                supplied++;
        }

        if (supplied > 0 && supplied < open.Count)
            open.RemoveAll(replica => replica.Replica.Supplied is not null);
        else if (supplied > 0 && LeastOf(replicas.Where(replica => replica.IsServing(now) && !excluded.Contains(replica) && request.Allows(replica.Replica))) is { } least)
            open.RemoveAll(replica => IsTooDear(replica.Replica, least));
        if (request.Region is { } region && open.Exists(replica => replica.Replica.Region == region))
            open.RemoveAll(replica => replica.Replica.Region != region);
        if (open.Count <= 1)
            return open.Count == 0 ? null : open[0];
        return FindKnowing(open, request, now) ?? LighterOfTwo(open, request, now);
    }

    /// <summary>What the cheapest of some asks for a typical request, of those that ask anything; null when none does.</summary>
    internal static Money? LeastOf(IEnumerable<ReplicaState> replicas)
    {
        Money? least = null;
        foreach (var replica in replicas)
        {
            if (replica.Replica.TypicalPrice is var price && price > Money.Zero && !(least <= price))
                least = price;
        }

        return least;
    }

    /// <summary>Whether it stands at another operator's node and asks too much beside the cheapest.</summary>
    internal static bool IsTooDear(Replica replica, Money least) => replica.Supplied is not null && (Int128)replica.TypicalPrice.Nanodollars > (Int128)least.Nanodollars * MostTimesDearer;

    private ReplicaState? FindKnowing(List<ReplicaState> open, RoutedRequest request, long now)
    {
        if (request.Session != 0 && Lightest(open, index.Find([request.Session], now), request, now) is { } ofSession)
            return ofSession;
        return request.Prefixes.Length == 0 ? null : Lightest(open, index.Find(request.Prefixes.Span, now), request, now);
    }

    /// <summary>Of those that know the beginning, the one with least to do; null when that is too much.</summary>
    private static ReplicaState? Lightest(List<ReplicaState> open, PrefixMatch match, RoutedRequest request, long now)
    {
        if (match.Blocks == 0)
            return null;
        var (sum, knowing, least) = (0.0, (ReplicaState?)null, double.MaxValue);
        foreach (var replica in open)
        {
            var load = replica.LoadWith(request.Tokens, TypicalMs, now);
            sum += load;
            if (match.Has(replica.Slot) && load < least)
                (knowing, least) = (replica, load);
        }

        return least <= BoundedLoad * sum / open.Count ? knowing : null;
    }

    private ReplicaState LighterOfTwo(List<ReplicaState> open, RoutedRequest request, long now)
    {
        int first, second;
        lock (_lock)
            (first, second) = (random.Next(open.Count), random.Next(open.Count - 1));
        if (second >= first)
            second++;
        return open[first].LoadWith(request.Tokens, TypicalMs, now) <= open[second].LoadWith(request.Tokens, TypicalMs, now) ? open[first] : open[second];
    }
}
