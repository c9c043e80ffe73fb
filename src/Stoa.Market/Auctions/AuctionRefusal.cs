namespace Stoa.Market.Auctions;

/// <summary>Every reason for which an act on auctions and bidding is refused.</summary>
public enum AuctionRefusal
{
    /// <summary>No such auction, or none that the caller has to do with.</summary>
    AuctionUnknown,

    /// <summary>The window has closed: the bid came too late.</summary>
    AuctionClosed,

    /// <summary>The task was not put out to bids.</summary>
    NoAuction,

    /// <summary>The bid cannot be read, or its price is not one that a bid may have.</summary>
    BidInvalid,

    /// <summary>The bid was made for another auction.</summary>
    BidForAnotherAuction,

    /// <summary>The agent was not invited, is not the caller's, or the node bids for it.</summary>
    NotABidder,

    /// <summary>The bid was not signed with the key that was registered for the agent.</summary>
    BidSignatureInvalid,

    /// <summary>The agent has made another bid in this auction.</summary>
    BidMade,

    /// <summary>The agent does not exist, or is somebody else's.</summary>
    AgentNotYours,

    /// <summary>A bidding policy is not as it must be; every reason is listed.</summary>
    PolicyInvalid,
}
