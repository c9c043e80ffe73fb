using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>A call with who earns what by it.</summary>
/// <param name="Call">As it was run.</param>
/// <param name="Shares">Of its price.</param>
/// <param name="Parts">Of the creator's share; they sum to it.</param>
/// <param name="Wallets">Where each is paid.</param>
internal sealed record SharedCall(
    AgentCall Call, Shares Shares, IReadOnlyList<RoyaltyPart> Parts, IReadOnlyDictionary<Id<User>, Id<Account>> Wallets)
{
    private int? Parent => Call.Parent == 0 ? null : Call.Parent;

    private string? Failure => Call.Failure is { } code ? EnumWord.Of(code) : null;

    /// <summary>Where everybody is paid who has a part in an agent, in what it called or in what it asked.</summary>
    public static Dictionary<Id<User>, Id<Account>> WalletsOf(
        IReadOnlyDictionary<Id<User>, Id<Account>> own, IReadOnlyList<SharedCall> calls, IReadOnlyList<SharedModelRequest> requests)
    {
        var wallets = new Dictionary<Id<User>, Id<Account>>(own);
        foreach (var (payee, wallet) in calls.SelectMany(call => call.Wallets).Concat(requests.SelectMany(request => request.Wallets)))
            wallets[payee] = wallet;
        return wallets;
    }

    public ReceiptCall ToReceipt() => new(
        Call.Number,
        Parent,
        Call.Agent.Listing,
        Call.Agent.ProgramDigest,
        Call.Limits,
        Call.Input,
        Call.Output,
        Call.Usage,
        Failure,
        new ReceiptPricing(Call.Agent.Manifest.Price, Call.InputBytes),
        Call.Price,
        Shares,
        [.. Parts.Select(part => new ReceiptRoyalty(part.Handle, part.Agent, part.Amount))]);

    public TaskCall ToResult() => new(
        Call.Number,
        Parent,
        Call.Agent.Listing.ToString(),
        Call.Agent.PublisherId,
        Call.Usage,
        Failure,
        Call.Price,
        Shares.Node,
        Shares.Platform,
        [.. Parts.Select(part => new CreatorPart(part.Payee, part.Handle, part.Agent.ToString(), part.Amount))]);
}

/// <summary>Who earns what by a task and by all that was called and asked for it: each price is shared out by itself, and here it is put together.</summary>
/// <param name="agent">That did the task.</param>
/// <param name="version">Its version.</param>
/// <param name="own">The shares of its own price.</param>
/// <param name="ownParts">Of its creator's share; none where all of it is the publisher's.</param>
/// <param name="calls">What was called.</param>
/// <param name="requests">Which models were asked.</param>
internal sealed class TaskEarnings(
    ListingName agent, AgentVersion version, Shares own, IReadOnlyList<RoyaltyPart> ownParts, IReadOnlyList<SharedCall> calls, IReadOnlyList<SharedModelRequest> requests)
{
    /// <summary>What was called.</summary>
    public IReadOnlyList<SharedCall> Calls => calls;

    /// <summary>Which models were asked.</summary>
    public IReadOnlyList<SharedModelRequest> Requests => requests;

    /// <summary>Of the whole price.</summary>
    public Shares Shares { get; } = calls.Select(call => call.Shares).Concat(requests.Select(request => request.Shares)).Aggregate(own, (sum, shares) => new Shares(
        sum.Creator + shares.Creator, sum.Node + shares.Node, sum.Platform + shares.Platform));

    /// <summary>Of the whole creator's share, as the receipt states them; none where all of it is the publisher's of an agent that called nobody and asked no model.</summary>
    public IReadOnlyList<RoyaltyPart> Parts { get; } = calls.Count == 0 && requests.Count == 0
        ? ownParts
        : Merge(PartsOf(version, ownParts, own.Creator).Concat(calls.SelectMany(call => call.Parts)).Concat(requests.SelectMany(request => request.Parts)));

    /// <summary>What each is told to have earned by which of the agents that ran and of the models that were asked.</summary>
    public IEnumerable<RoyaltyPart> ByAgent() => PartsOf(version, ownParts, own.Creator)
        .Select(part => part with { Agent = agent })
        .Concat(calls.SelectMany(call => call.Parts.Select(part => part with { Agent = call.Call.Agent.Listing })))
        .Concat(requests.SelectMany(request => request.Parts))
        .GroupBy(part => (part.Payee, part.Agent))
        .Select(Together);

    /// <summary>The parts of a creator's share, with the publisher's where there are no others.</summary>
    public static IReadOnlyList<RoyaltyPart> PartsOf(AgentVersion version, IReadOnlyList<RoyaltyPart> parts, Money creator) => parts.Count > 0 || creator == Money.Zero
        ? parts
        : [new RoyaltyPart(version.PublisherId, version.Publisher, version.Listing, creator)];

    private static IReadOnlyList<RoyaltyPart> Merge(IEnumerable<RoyaltyPart> parts) =>
        [.. parts.GroupBy(part => (part.Payee, part.Handle, part.Agent)).Select(Together)];

    private static RoyaltyPart Together(IEnumerable<RoyaltyPart> same) =>
        same.Aggregate((sum, part) => sum with { Amount = sum.Amount + part.Amount });
}
