using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>How a consumer wants a task to be put out to bids.</summary>
/// <param name="WindowMs">How long bids are taken, in milliseconds.</param>
/// <param name="OnNoBids">What becomes of the task when nobody bids.</param>
public sealed record AuctionTerms(int WindowMs, OnNoBids OnNoBids)
{
    /// <summary>The window when none is asked for: 150 ms.</summary>
    public const int DefaultWindowMs = 150;

    /// <summary>The shortest window: 10 ms.</summary>
    public const int MinWindowMs = 10;

    /// <summary>The longest window: 5 s.</summary>
    public const int MaxWindowMs = 5_000;

    /// <summary>The same for the same terms.</summary>
    public string Canonical() => FormattableString.Invariant($"auction;{WindowMs};{OnNoBids}");
}

/// <summary>What becomes of a task for which nobody bids.</summary>
public enum OnNoBids
{
    /// <summary>It fails, and costs nothing.</summary>
    Fail,

    /// <summary>The best of those who were invited does it at its posted price, if that is within the budget.</summary>
    Select,
}

/// <summary>An auction of one task, with what only the node knows of it.</summary>
/// <param name="Announcement">What is told.</param>
/// <param name="Invitations">Those of the announcement's bidders, in their order.</param>
/// <param name="OnNoBids">What becomes of the task when nobody bids.</param>
/// <param name="Holder">The start of a node that took the submission, and decides; see <see cref="Membership.LeaseHolder"/>.</param>
public sealed record Auction(Announcement Announcement, IReadOnlyList<Invitation> Invitations, OnNoBids OnNoBids, string Holder) : IIdentified
{
    public static string IdPrefix => "auction";

    /// <summary>How long bids are taken.</summary>
    public TimeSpan Window => Announcement.ClosesAt - Announcement.OpenedAt;
}

/// <summary>What the node knows of a bidder and tells nobody.</summary>
/// <param name="AgentId">The version that would do it.</param>
/// <param name="PublisherId">Whose it is.</param>
/// <param name="ParameterNames">Its settings, in the order in which it takes them.</param>
/// <param name="Policy">What makes its bid.</param>
public sealed record Invitation(
    Id<AgentVersion> AgentId, Id<User> PublisherId, IReadOnlyList<string> ParameterNames, BiddingPolicy Policy)
{
    /// <summary>The demand factor that it is counted under if it gets the task, in parts per thousand; null when it has none.</summary>
    public int? Demand { get; init; }
}

/// <summary>Where an auction is.</summary>
public enum AuctionState
{
    /// <summary>Bids are taken.</summary>
    Open,

    /// <summary>Somebody has won.</summary>
    Awarded,

    /// <summary>Nobody has made a bid that could win.</summary>
    NoBids,

    /// <summary>The consumer took the task back before the end of the window.</summary>
    Cancelled,
}
