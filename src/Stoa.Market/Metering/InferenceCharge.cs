using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What a user has paid for requests to a model within a short while: what a usage event is made of. It never changes.</summary>
/// <param name="Id">The event's; its UUID is that of the transfer of the ledger that held the money.</param>
/// <param name="UserId">Who has paid.</param>
/// <param name="KeyId">The API key with a spending limit that was used; null for none.</param>
/// <param name="PublisherId">Who earns the creator's share; null where nobody of this cell does.</param>
/// <param name="Model"><c>publisher/name@version</c>.</param>
/// <param name="Node">The peer id of the node that has counted it.</param>
/// <param name="Requests">That were settled.</param>
/// <param name="InputTokens">Of them.</param>
/// <param name="OutputTokens">Of them.</param>
/// <param name="ListingPrice">What of the price is for the listing.</param>
/// <param name="ServingPrice">What of it is for serving.</param>
/// <param name="SuppliedPrice">What of it is for having it answered at other operators' nodes.</param>
/// <param name="Shares">Who was paid what; they sum to the price.</param>
/// <param name="From">When the while began, UTC.</param>
/// <param name="To">When it ended, UTC: in that hour, day and month it counts.</param>
public sealed record InferenceCharge(
    Id<InferenceCharge> Id,
    Id<User> UserId,
    Id<ApiKey>? KeyId,
    Id<User>? PublisherId,
    ListingName Model,
    string Node,
    long Requests,
    long InputTokens,
    long OutputTokens,
    Money ListingPrice,
    Money ServingPrice,
    Money SuppliedPrice,
    Shares Shares,
    DateTimeOffset From,
    DateTimeOffset To) : IIdentified
{
    public static string IdPrefix => "inf";

    /// <summary>What was paid.</summary>
    public Money Price => ListingPrice + ServingPrice + SuppliedPrice;

    /// <summary>What usage is told apart by.</summary>
    public UsageLabels Labels => new(
        UserId.ToString(), PublisherId?.ToString() ?? "", $"{Model.Publisher}/{Model.Name}", Model.Version?.ToString() ?? "", Node, UsageKind.Inference);

    /// <summary>What it adds to a total, apart from money.</summary>
    public UsageAmounts Measured => new UsageAmounts(1, 0, 0, 0, 0, Money.Zero, Money.Zero, Money.Zero, Money.Zero) with
    {
        Requests = Requests,
        InputTokens = InputTokens,
        OutputTokens = OutputTokens,
    };

    /// <summary>Whether the cause of an entry of the ledger is such a charge.</summary>
    public static bool IsCause(string cause)
    {
        ArgumentNullException.ThrowIfNull(cause);
        return cause.StartsWith("inf_", StringComparison.Ordinal);
    }

    /// <summary>What an entry of the ledger for it has to come to: the capture and each share; null for one that it has none of.</summary>
    public Money? AmountOf(TransferPurpose purpose) => purpose switch
    {
        TransferPurpose.InferenceCapture => Price,
        TransferPurpose.CreatorShare => Shares.Creator,
        TransferPurpose.NodeShare => Shares.Node,
        TransferPurpose.PlatformShare => Shares.Platform,
        _ => null,
    };
}

/// <summary>The transfers by which requests to models are paid: what they may cost is held for a while, then what they have cost is captured and shared out, and the rest is free again.</summary>
/// <remarks>The shares go by way of the clearing account, as those of a task. All ids follow from that of the hold, so that settling twice moves money once.</remarks>
public static class InferenceTransfers
{
    /// <summary>Holds what requests may cost.</summary>
    public static Transfer Hold(Id<InferenceCharge> id, Id<Account> wallet, Id<Account> clearing, Money amount, DateTimeOffset now) =>
        new(new Id<Transfer>(id.Uuid), TransferKind.Pending, wallet, clearing, amount, null, TransferPurpose.InferenceHold, id.ToString(), now);

    /// <summary>Resolves the hold: what was spent is paid and shared out, the rest is free again.</summary>
    /// <param name="id">Of the hold.</param>
    /// <param name="shares">Of what was spent; a share of nothing makes no transfer.</param>
    /// <param name="wallet">Of which it is held.</param>
    /// <param name="creator">Who gets the creator's share; null only where that is nothing.</param>
    /// <param name="accounts">Of the cell.</param>
    /// <param name="now">UTC.</param>
    public static IReadOnlyList<Transfer> Settle(Id<InferenceCharge> id, Shares shares, Id<Account> wallet, Id<Account>? creator, SystemAccounts accounts, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(shares);
        ArgumentNullException.ThrowIfNull(accounts);
        var (hold, cause) = (new Id<Transfer>(id.Uuid), id.ToString());
        if (shares.Total == Money.Zero)
            return [new(DerivedId.Of(hold.Uuid, "release"), TransferKind.VoidPending, wallet, accounts.Clearing, Money.Zero, hold, TransferPurpose.InferenceRelease, cause, now)];
        var transfers = new List<Transfer>(4)
        {
            new(CaptureOf(id), TransferKind.PostPending, wallet, accounts.Clearing, shares.Total, hold, TransferPurpose.InferenceCapture, cause, now),
        };
        Share("creator", creator, shares.Creator, TransferPurpose.CreatorShare);
        Share("node", accounts.Node, shares.Node, TransferPurpose.NodeShare);
        Share("platform", accounts.Platform, shares.Platform, TransferPurpose.PlatformShare);
        return transfers;

        void Share(string what, Id<Account>? payee, Money amount, TransferPurpose purpose)
        {
            if (amount == Money.Zero)
                return;
            var account = payee ?? throw new ArgumentException($"{cause} has a creator's share, and nobody who gets it.", nameof(creator));
            transfers.Add(new(DerivedId.Of(hold.Uuid, what), TransferKind.Posted, accounts.Clearing, account, amount, null, purpose, cause, now));
        }
    }

    /// <summary>The id of the transfer that captures what was spent.</summary>
    public static Id<Transfer> CaptureOf(Id<InferenceCharge> id) => DerivedId.Of(id.Uuid, "capture");
}
