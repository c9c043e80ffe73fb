using Stoa.Client.Contracts;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Between the auctions of the market and those of the wire.</summary>
internal static class AuctionContracts
{
    /// <summary>What is said of its auction with a task.</summary>
    public static TaskAuctionBody? ToAuctionBody(this AgentTask task) => task.Auction is not { } auction
        ? null
        : new TaskAuctionBody(
            auction.Id.ToString(),
            (task.IsBidding, auction) switch
            {
                (true, _) => "open",
                (_, { IsOpen: true }) => "cancelled",
                (_, { AwardDigest: not null }) => "awarded",
                _ => "noBids",
            },
            auction.ClosesAt);

    /// <summary>An auction, as somebody may see it.</summary>
    /// <param name="kept">The auction.</param>
    /// <param name="sealedBids">What came from outside, while it is open.</param>
    /// <param name="viewer">Its consumer, or the publisher of somebody who was invited.</param>
    public static AuctionResponse ToContract(this KeptAuction kept, IReadOnlyList<SealedBid> sealedBids, Id<User> viewer)
    {
        var announcement = kept.Auction.Announcement;
        var decided = kept.Award is { } envelope ? AwardJson.Read(envelope.Payload, out _) : null;
        var bidders = announcement.Bidders.Zip(kept.Auction.Invitations)
            .Where(pair => decided is not null || viewer == kept.OwnerId || pair.Second.PublisherId == viewer)
            .Select(pair => pair.First);
        return new AuctionResponse(
            announcement.Id.ToString(),
            announcement.TaskId,
            EnumWord.Of(kept.State),
            announcement.Capabilities,
            announcement.InputBytes,
            announcement.OpenedAt,
            announcement.ClosesAt,
            [.. bidders.OrderBy(bidder => decided is null ? 0 : PlaceOf(decided, bidder)).Select(bidder => ToContract(announcement, bidder, decided))],
            [.. sealedBids.Select(ToContract)],
            announcement.Reserve?.ToString(),
            kept.DecidedAt,
            kept.Award);
    }

    public static SealedBidResponse ToContract(this SealedBid bid) => new(bid.Commitment.ToString(), bid.ReceivedAt);

    private static BidderBody ToContract(Announcement announcement, Bidder bidder, AwardRecord? decided)
    {
        var ranked = decided?.Decision.Ranking.FirstOrDefault(bid => bid.Agent == bidder.Name);
        var lost = decided?.Decision.Losses.FirstOrDefault(loss => loss.Agent == bidder.Name);
        var receivedAt = decided?.Bids.FirstOrDefault(bid => bid.Agent == bidder.Name)?.ReceivedAt;
        return new BidderBody(
            bidder.Agent.ToString(),
            (ranked, lost) switch
            {
                ({ } bid, _) => ReferenceEquals(bid, decided!.Decision.Winner) ? "won" : "outbid",
                (_, { } loss) => EnumWord.Of(loss.Reason),
                _ => "invited",
            },
            bidder.Quality / (double)BidQuality.Full,
            bidder.Expected.ToString(),
            bidder.Load,
            ToContract(bidder.Rates),
            bidder.Limits.ToContract(),
            (ranked?.Ask ?? lost?.Ask) is { } ask && receivedAt is { } at
                ? new BidBody(at, FactorOf(ask), PriceOf(ask), ranked?.Expected.ToString(), ranked?.Score.ToString())
                : null,
            ranked?.Award is { } award
                ? new AwardBody(ToContract(award.Rates), award.Expected.ToString(), award.AtLimits.ToString(), FactorOf(award.Ask), PriceOf(award.Ask), award.Factor == PriceFactor.One ? null : award.Factor.Value)
                : null,
            bidder.Key is { } key ? Convert.ToBase64String(key.ToSpki()) : null,
            bidder.Factor == PriceFactor.One ? null : bidder.Factor.Value);
    }

    private static int PlaceOf(AwardRecord decided, Bidder bidder)
    {
        for (var place = 0; place < decided.Decision.Ranking.Count; place++)
        {
            if (decided.Decision.Ranking[place].Agent == bidder.Name)
                return place;
        }

        return int.MaxValue;
    }

    private static AgentPriceBody ToContract(AgentPrice rates) =>
        new(rates.Base.ToString(), rates.PerMegabyte.ToString(), rates.PerGigafuel.ToString(), rates.PerGigabyteSecond.ToString());

    private static string? FactorOf(Ask ask) => ask is Ask.Factor factor ? factor.ToString() : null;

    private static string? PriceOf(Ask ask) => ask is Ask.Price price ? price.ToString() : null;
}
