using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>What is known to those who bid, and to those who check the award afterwards. It never changes.</summary>
/// <param name="Id">The auction.</param>
/// <param name="TaskId">The task.</param>
/// <param name="Capabilities">What must be done.</param>
/// <param name="InputBytes">Size of the input.</param>
/// <param name="Reserve">The most that the task may cost at its limits; null for any price up to the posted one.</param>
/// <param name="OpenedAt">When it was announced, UTC.</param>
/// <param name="ClosesAt">Bids that arrive later are refused.</param>
/// <param name="Bidders">Who may bid, at most <see cref="MaxBidders"/>.</param>
public sealed record Announcement(
    Id<Auction> Id,
    string TaskId,
    IReadOnlyList<string> Capabilities,
    long InputBytes,
    Money? Reserve,
    DateTimeOffset OpenedAt,
    DateTimeOffset ClosesAt,
    IReadOnlyList<Bidder> Bidders)
{
    /// <summary>The most that are invited: the best of the selection, and some of whom little is known.</summary>
    public const int MaxBidders = 24;

    /// <summary>A bidder by the name of its agent, <c>publisher/name</c>.</summary>
    public Bidder? Find(string agent) => Bidders.FirstOrDefault(bidder => bidder.Name == agent);
}

/// <summary>An agent that may bid.</summary>
/// <param name="Agent">Full name of the version.</param>
/// <param name="Quality">In units of 10⁻⁹, from 1 to <see cref="BidQuality.Full"/>: its bid is compared by price divided by this.</param>
/// <param name="Expected">What the task is expected to cost at its posted rates and factor.</param>
/// <param name="Limits">What the task would get.</param>
/// <param name="Rates">Its posted ones.</param>
/// <param name="Load">Tasks that it had at the node when it was invited.</param>
/// <param name="Key">What its bids are signed with; null when the node signs for it.</param>
public sealed record Bidder(
    ListingName Agent, long Quality, Money Expected, AgentLimits Limits, AgentPrice Rates, int Load, PublicKey? Key)
{
    /// <summary><c>publisher/name</c>: the bidder, whichever version it is.</summary>
    public string Name => $"{Agent.Publisher}/{Agent.Name}";

    /// <summary>What the price by its posted rates is multiplied by: for the task's priority, and for what it has to do.</summary>
    public PriceFactor Factor { get; init; } = PriceFactor.One;

    /// <summary>What the task costs at its limits by some rates; null when that is beyond any amount of money.</summary>
    public Money? PriceAtLimits(AgentPrice rates, PriceFactor factor, long inputBytes) =>
        rates.TryPrice(PricedWork.AtLimits(inputBytes, Limits), factor, out var parts) ? parts.Total : null;
}
