using System.Text;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>What is told about auctions and bidding.</summary>
public static class AuctionEvents
{
    /// <summary>A publisher whose own service bids is invited.</summary>
    /// <remarks>Data: the announcement, with this one bidder in it.</remarks>
    public static NewEvent Announced(Announcement announcement, Bidder bidder, Id<User> publisher) => new(
        EventTypes.AuctionAnnounced,
        announcement.Id.ToString(),
        publisher,
        announcement.OpenedAt,
        Encoding.UTF8.GetString(AwardJson.Write(announcement, bidder.Name)));

    /// <summary>The consumer is told who has won; the subject is the task.</summary>
    /// <remarks>Data members: <c>taskId</c>, <c>auctionId</c>, <c>agent</c>, <c>bids</c>, <c>expectedPrice</c>, <c>priceAtLimits</c>.</remarks>
    public static NewEvent Awarded(AwardRecord award, Id<User> consumer)
    {
        var (announcement, winner) = (award.Announcement, award.Decision.Winner!);
        return NewEvent.Create(EventTypes.AuctionAwarded, announcement.TaskId, consumer, award.DecidedAt, json =>
        {
            json.WriteString("taskId", announcement.TaskId);
            json.WriteString("auctionId", announcement.Id.ToString());
            json.WriteString("agent", announcement.Find(winner.Agent)!.Agent.ToString());
            json.WriteNumber("bids", award.Bids.Count);
            json.WriteString("expectedPrice", winner.Award!.Expected.ToString());
            json.WriteString("priceAtLimits", winner.Award.AtLimits.ToString());
        });
    }

    /// <summary>A publisher's bidding program did not bid, for a fault of its own.</summary>
    /// <remarks>Data members: <c>agent</c>, <c>auctionId</c>, <c>reason</c>, <c>faults</c> so far.</remarks>
    public static NewEvent Faulted(string agent, Id<Auction> auction, string reason, long faults, Id<User> publisher, DateTimeOffset now) => NewEvent.Create(
        EventTypes.BiddingFaulted, agent, publisher, now, json =>
        {
            json.WriteString("agent", agent);
            json.WriteString("auctionId", auction.ToString());
            json.WriteString("reason", reason);
            json.WriteNumber("faults", faults);
        });
}
