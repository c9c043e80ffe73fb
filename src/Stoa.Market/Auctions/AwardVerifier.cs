using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>Why an award is not to be believed.</summary>
public enum AwardFault
{
    /// <summary>The envelope holds something else, or an award that cannot be read.</summary>
    NotAnAward,

    /// <summary>The peer id that it states is not that of the key that it carries.</summary>
    KeyMismatch,

    /// <summary>It is of another node than the one expected.</summary>
    OtherNode,

    /// <summary>No signature over these bytes was made by the node's key.</summary>
    SignatureInvalid,

    /// <summary>It was decided before the end of the window: bidders may have been too late who were in time.</summary>
    DecidedEarly,

    /// <summary>A bid in it is not one of its bidder for this auction, in time and signed with the right key.</summary>
    BidInvalid,

    /// <summary>The rule gives another ranking, or other prices, for the bids in it.</summary>
    DecisionUnexplained,
}

/// <summary>Decides an auction again from its record.</summary>
public static class AwardVerifier
{
    /// <summary>Reads an award, checks the node's signature and that of each bid, and decides the auction again.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="expectedNode">The node that must have signed; null for whichever the award names.</param>
    public static Outcome<AwardRecord, AwardFault> Verify(DsseEnvelope envelope, PeerId? expectedNode)
    {
        if (!NodeRecord.Open(envelope, AwardRecord.PayloadType, "award", AwardJson.Read, record => record.NodeKey, expectedNode).TryGet(out var record, out var unread))
            return Fault(ToFault(unread.Code), unread.Detail);
        if (record.DecidedAt < record.Announcement.ClosesAt)
            return Fault(AwardFault.DecidedEarly, $"It was decided at {record.DecidedAt:O}, before the window closed at {record.Announcement.ClosesAt:O}.");
        var bids = new List<Bid>();
        foreach (var made in record.Bids)
        {
            if (!Open(record, made).TryGet(out var bid, out var refusal))
                return refusal;
            bids.Add(bid);
        }

        if (record.Bids.DistinctBy(bid => bid.Agent).Count() != record.Bids.Count
            || record.Announcement.Bidders.DistinctBy(bidder => bidder.Name).Count() != record.Announcement.Bidders.Count)
        {
            return Fault(AwardFault.BidInvalid, "A bidder is in the award twice.");
        }

        return AwardRule.Decide(record.Announcement, bids).Equals(record.Decision)
            ? record
            : Fault(AwardFault.DecisionUnexplained, "The bids of the award give another ranking, or other prices, than it states.");
    }

    private static Outcome<Bid, AwardFault> Open(AwardRecord record, SealedBid made)
    {
        if (record.Announcement.Find(made.Agent) is not { } bidder)
            return Fault(AwardFault.BidInvalid, $"{made.Agent} was not invited.");
        if (!Bid.Read(made.Envelope).TryGet(out var bid, out var refusal))
            return Fault(AwardFault.BidInvalid, $"The bid of {made.Agent} cannot be read: {refusal.Detail}");
        if (bid.AuctionId != record.Announcement.Id || bid.Agent != made.Agent)
            return Fault(AwardFault.BidInvalid, $"The bid of {made.Agent} was made by {bid.Agent} for {bid.AuctionId}.");
        // What the node signs itself it makes when it likes, without having seen what others ask.
        if (bidder.Key is not null && (made.ReceivedAt < record.Announcement.OpenedAt || made.ReceivedAt > record.Announcement.ClosesAt))
            return Fault(AwardFault.BidInvalid, $"The bid of {made.Agent} was not made within the window.");
        return made.Envelope.Verify(bidder.Key ?? record.NodeKey)
            ? bid
            : Fault(AwardFault.BidInvalid, $"The bid of {made.Agent} was not signed with the key of the bidder.");
    }

    private static AwardFault ToFault(NodeRecordFault fault) => fault switch
    {
        NodeRecordFault.NotARecord => AwardFault.NotAnAward,
        NodeRecordFault.KeyMismatch => AwardFault.KeyMismatch,
        NodeRecordFault.OtherNode => AwardFault.OtherNode,
        NodeRecordFault.SignatureInvalid => AwardFault.SignatureInvalid,
        _ => throw new ArgumentOutOfRangeException(nameof(fault)),
    };

    private static Refusal<AwardFault> Fault(AwardFault fault, string detail) => new(fault, detail);
}
