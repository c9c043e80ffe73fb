using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What a task knows of its auction.</summary>
/// <param name="Id">The auction.</param>
/// <param name="ClosesAt">When the last bids are taken.</param>
/// <param name="IsOpen">It is not decided yet: nobody works on the task.</param>
/// <param name="AwardDigest">What receipts name the award by; null while it is open, and when nobody has bid.</param>
/// <param name="Awards">Who has the task, and after it those who get it when that one fails. When nobody has bid, who does it at its posted price.</param>
public sealed record TaskAuction(
    Id<Auction> Id, DateTimeOffset ClosesAt, bool IsOpen, ContentHash? AwardDigest, IReadOnlyList<AwardedAgent> Awards)
{
    /// <summary>Who has the task by its auction; null when nobody has.</summary>
    public AwardedAgent? Current => Awards.Count > 0 ? Awards[0] : null;

    /// <summary>Without the one who had the task.</summary>
    public TaskAuction Advance() => this with { Awards = [.. Awards.Skip(1)] };
}

/// <summary>An agent that has won a task, or gets it when those before it fail.</summary>
/// <param name="AgentId">The version.</param>
/// <param name="Agent">Its full name.</param>
/// <param name="Parameters">In its manifest's order.</param>
/// <param name="Limits">In force.</param>
/// <param name="Rates">What it is paid by, in place of its posted ones.</param>
/// <param name="Factor">What the price by these is multiplied by.</param>
/// <param name="Demand">The demand factor that it is counted under while it has the task, in parts per thousand; null when it has none.</param>
public sealed record AwardedAgent(
    Id<AgentVersion> AgentId,
    ListingName Agent,
    IReadOnlyList<TaskParameter> Parameters,
    AgentLimits Limits,
    AgentPrice Rates,
    PriceFactor Factor,
    int? Demand);
