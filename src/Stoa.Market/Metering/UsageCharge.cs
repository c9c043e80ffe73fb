using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What a user has paid for storage in an hour, or for one transfer: what a usage event is made of. It never changes.</summary>
/// <param name="Id">The event's; its UUID is that of the transfer of the ledger which pays for an hour, or holds for a transfer.</param>
/// <param name="UserId">Who has paid.</param>
/// <param name="Kind"><see cref="UsageKind.Storage"/> or <see cref="UsageKind.Transfer"/>.</param>
/// <param name="Node">The peer id of the node that has measured it.</param>
/// <param name="Quantity">Bytes that were paid for: kept for an hour, or sent.</param>
/// <param name="Price">What was paid.</param>
/// <param name="Platform">Of that, to the market; the rest is the node's.</param>
/// <param name="At">Of storage, when the hour began; of a transfer, when it ended. UTC.</param>
public sealed record UsageCharge(Id<UsageCharge> Id, Id<User> UserId, UsageKind Kind, string Node, long Quantity, Money Price, Money Platform, DateTimeOffset At) : IIdentified
{
    public static string IdPrefix => "use";

    /// <summary>Who was paid what. No creator has a part in it.</summary>
    public Shares Shares => new(Money.Zero, Price - Platform, Platform);

    /// <summary>What usage is told apart by: its row is named by the kind, as others are by their agent.</summary>
    public UsageLabels Labels => new(UserId.ToString(), "", NameOf(Kind), "", Node, Kind);

    /// <summary>What it adds to a total, apart from money.</summary>
    public UsageAmounts Measured => new(1, 0, 0, 0, 0, Money.Zero, Money.Zero, Money.Zero, Money.Zero)
    {
        ByteHours = Kind is UsageKind.Storage ? Quantity : 0,
        TransferBytes = Kind is UsageKind.Transfer ? Quantity : 0,
    };

    /// <summary>What stands in place of an agent in reports.</summary>
    public static string NameOf(UsageKind kind) => kind switch
    {
        UsageKind.Storage => "storage",
        UsageKind.Transfer => "transfer",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The id of what a user pays for an hour of storage: the same whoever makes it, and however often.</summary>
    /// <param name="user">Who pays.</param>
    /// <param name="hour">When the hour begins.</param>
    public static Id<UsageCharge> IdOf(Id<User> user, DateTimeOffset hour) => new(DerivedId.At(hour, user.Uuid, "storage").Uuid);
}

/// <summary>The transfers by which storage and transfer are paid.</summary>
/// <remarks>
/// Both go from the wallet to the node, which passes on what of it is the market's. The shares of tasks go by way of the clearing account, each in a transfer of its own; of an hour of storage there are as many
/// payments as users, and what of all of them is the market's is one transfer.
/// </remarks>
public static class UsageTransfers
{
    /// <summary>What of a price is the market's: node and market share it as they do that of a task, without a creator, by largest remainder.</summary>
    public static Money PlatformOf(Money price, SplitPolicy split)
    {
        ArgumentNullException.ThrowIfNull(split);
        return split.PlatformOf(price);
    }

    /// <summary>Pays an hour of storage.</summary>
    public static Transfer Pay(UsageCharge charge, Id<Account> wallet, Id<Account> node, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(charge);
        return new(new Id<Transfer>(charge.Id.Uuid), TransferKind.Posted, wallet, node, charge.Price, null, TransferPurpose.StorageFee, charge.Id.ToString(), now);
    }

    /// <summary>Passes on what of fees is the market's.</summary>
    public static Transfer PassOn(Id<Transfer> id, Money amount, SystemAccounts accounts, string cause, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        return new(id, TransferKind.Posted, accounts.Node, accounts.Platform, amount, null, TransferPurpose.PlatformFee, cause, now);
    }

    /// <summary>Holds what a transfer will cost when all of it is sent.</summary>
    public static Transfer Hold(Id<UsageCharge> id, Id<Account> wallet, Id<Account> node, Money amount, DateTimeOffset now) =>
        new(new Id<Transfer>(id.Uuid), TransferKind.Pending, wallet, node, amount, null, TransferPurpose.TransferHold, id.ToString(), now);

    /// <summary>Resolves the hold: what was sent is paid, the rest is free again.</summary>
    /// <param name="charge">What was sent, at its price; a price of zero pays nothing.</param>
    /// <param name="wallet">Of which it is held.</param>
    /// <param name="accounts">Of the cell.</param>
    /// <param name="now">UTC.</param>
    public static IReadOnlyList<Transfer> Settle(UsageCharge charge, Id<Account> wallet, SystemAccounts accounts, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(charge);
        ArgumentNullException.ThrowIfNull(accounts);
        var (hold, cause) = (new Id<Transfer>(charge.Id.Uuid), charge.Id.ToString());
        if (charge.Price == Money.Zero)
            return [new(DerivedId.Of(hold.Uuid, "release"), TransferKind.VoidPending, wallet, accounts.Node, Money.Zero, hold, TransferPurpose.TransferRelease, cause, now)];
        var capture = new Transfer(DerivedId.Of(hold.Uuid, "capture"), TransferKind.PostPending, wallet, accounts.Node, charge.Price, hold, TransferPurpose.TransferCapture, cause, now);
        return charge.Platform == Money.Zero ? [capture] : [capture, PassOn(DerivedId.Of(hold.Uuid, "platform"), charge.Platform, accounts, cause, now)];
    }
}
