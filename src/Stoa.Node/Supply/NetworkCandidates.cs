using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Selection;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Finds agents of the network for work of which only the capabilities are named.</summary>
/// <remarks>The best rated listings are looked at, of these those that a supplier offers now, and of the best of these prices are asked for: whatever strangers list, what is asked stays bounded.</remarks>
/// <param name="index">Of the network's listings.</param>
/// <param name="feed">Keeps it in step.</param>
/// <param name="agents">What they are.</param>
/// <param name="suppliers">Who would run them.</param>
/// <param name="quotes">For how much.</param>
/// <param name="options">How many are looked at.</param>
/// <param name="time">The clock.</param>
public sealed class NetworkCandidates(
    ListingIndex index, ListingFeed feed, SqlForeignAgents agents, SqlSuppliers suppliers, SupplierQuotes quotes, SupplyOptions options, TimeProvider time)
{
    private const int MaxAtOnce = 8_000;

    /// <summary>Those that would do, each with what its best supplier asks.</summary>
    public async Task<IReadOnlyList<NetworkCandidate>> ListAsync(RemoteSearch search, CancellationToken cancellationToken)
    {
        var nodes = (await suppliers.ListAsync(new PageRequest(options.MaxSuppliers), cancellationToken)).Items;
        if (nodes.Count == 0)
            return [];
        await feed.CatchUpAsync(cancellationToken);
        var listings = await FindForeignAsync(search, cancellationToken);
        if (listings.Count == 0)
            return [];
        var offered = await agents.ListOfferedAsync(listings, [.. nodes.Select(node => node.Node)], time.GetUtcNow(), cancellationToken);
        var fit = offered.Where(agent => agent.Manifest.IsAlone && search.Takes(ToIndexed(agent))).Take(options.MaxCandidates);
        var priced = await Task.WhenAll(fit.Select(agent => PriceAsync(agent, search, cancellationToken)));
        return [.. priced.OfType<NetworkCandidate>()];
    }

    /// <summary>The best rated listings of others: the cell's own, however many there are and however good, take nobody's place among those that are looked at.</summary>
    private async Task<IReadOnlyList<ListingKey>> FindForeignAsync(RemoteSearch search, CancellationToken cancellationToken)
    {
        var wanted = new ListingSearch { Kind = ListingKind.Agent, Capabilities = search.Capabilities, Sort = ListingSort.Rating };
        var foreign = new List<ListingKey>();
        string? cursor = null;
        // Each search looks at the whole index, so pages grow: many listings of the cell cost few searches.
        for (var limit = options.MaxListings; foreign.Count < options.MaxListings; limit = Math.Min(2 * limit, MaxAtOnce))
        {
            if (index.Search(wanted, new PageRequest(limit, cursor), cancellationToken) is not { } found)
                break;
            var own = await agents.ListOwnAsync([.. found.Hits.Select(hit => hit.Key.Publisher).Distinct()], cancellationToken);
            foreign.AddRange(found.Hits.Select(hit => hit.Key).Where(key => !own.Contains(key.Publisher)).Take(options.MaxListings - foreign.Count));
            if ((cursor = found.NextCursor) is null)
                break;
        }

        return foreign;
    }

    private async Task<NetworkCandidate?> PriceAsync(ForeignAgent agent, RemoteSearch search, CancellationToken cancellationToken)
    {
        var limits = TaskRules.CapLimits(agent.Manifest.Limits, search.Limits);
        var ranked = await quotes.RankAsync(new QuoteRequest(agent.ProgramDigest, search.InputBytes, limits, search.Places), cancellationToken);
        if (ranked.Count == 0)
            return null;
        var best = SupplierChoice.Affordable(ranked, search.Budget) is [var first, ..] ? first : ranked.MinBy(quote => quote.Amount)!;
        var standing = best.Supplier.Standing;
        return new NetworkCandidate(
            ToIndexed(agent),
            best.Supplier.Node.ToString(),
            best.Amount,
            SupplierChoice.HoldOf(ranked, search.Budget),
            standing.LatencyWith(best.Latency).TotalSeconds,
            standing.Successes,
            standing.Failures + standing.Disagreements,
            SupplierStanding.FailuresPerLie * (double)standing.Lies)
        {
            Region = best.Region,
        };
    }

    private static IndexedAgent ToIndexed(ForeignAgent agent) => new(
        agent.Id,
        agent.Listing,
        // Nobody of this cell.
        default(Id<User>),
        agent.Manifest.Capabilities,
        agent.Manifest.Price,
        agent.Manifest.Limits,
        agent.Manifest.Input,
        agent.Manifest.Parameters)
    {
        Factors = agent.Manifest.Factors,
    };
}
