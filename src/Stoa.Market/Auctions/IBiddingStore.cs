using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>Where bidding policies are kept.</summary>
public interface IBiddingStore
{
    /// <summary>What must be known to open an auction.</summary>
    /// <param name="consumer">Whose task it is.</param>
    /// <param name="agents">Who is to be invited, <c>publisher/name</c>.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<BiddingOutlook> LookAsync(Id<User> consumer, IReadOnlyCollection<string> agents, CancellationToken cancellationToken);
}

/// <summary>What must be known to open an auction.</summary>
/// <param name="OpenAuctions">How many auctions of the consumer are open.</param>
/// <param name="Policies">Of the agents that have one, by <c>publisher/name</c>.</param>
public sealed record BiddingOutlook(int OpenAuctions, IReadOnlyDictionary<string, BiddingPolicy> Policies);
