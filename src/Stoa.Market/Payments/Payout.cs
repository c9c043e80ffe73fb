using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>Where a payout stands.</summary>
public enum PayoutState
{
    /// <summary>The amount is held, and Stripe has not answered.</summary>
    Requested,

    /// <summary>It is in the creator's account at Stripe, and the hold was captured.</summary>
    Paid,

    /// <summary>Stripe has refused, and the hold was released.</summary>
    Failed,

    /// <summary>It was paid, and all or a part of it came back.</summary>
    Reversed,
}

/// <summary>Money that a creator takes out.</summary>
/// <param name="Id">The id of the ledger's hold, too, and Stripe's idempotency key.</param>
/// <param name="UserId">Whose.</param>
/// <param name="WalletId">Where it comes from.</param>
/// <param name="Destination">The creator's account at Stripe.</param>
/// <param name="Amount">Whole cents.</param>
/// <param name="Returned">What of it came back.</param>
/// <param name="State">See <see cref="PayoutState"/>.</param>
/// <param name="StripeId">Id of the transfer at Stripe; null until it is known.</param>
/// <param name="Reason">Why it failed.</param>
/// <param name="Looks">How often Stripe was asked.</param>
/// <param name="Version">Counts all that happens to it.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ChangedAt">When the state changed, UTC.</param>
/// <param name="DueAt">When Stripe is asked next; null for not by itself.</param>
public sealed record Payout(
    Id<Payout> Id,
    Id<User> UserId,
    Id<Account> WalletId,
    string Destination,
    Money Amount,
    Money Returned,
    PayoutState State,
    string? StripeId,
    string? Reason,
    int Looks,
    long Version,
    DateTimeOffset CreatedAt,
    DateTimeOffset ChangedAt,
    DateTimeOffset? DueAt) : IIdentified
{
    public static string IdPrefix => "payout";

    /// <summary>The ledger's hold.</summary>
    public Id<Transfer> Hold => new(Id.Uuid);

    /// <summary>A new one.</summary>
    public static Payout Create(Id<Payout> id, Id<User> user, Id<Account> wallet, string destination, Money amount, DateTimeOffset now) =>
        new(id, user, wallet, destination, amount, Money.Zero, PayoutState.Requested, null, null, 0, 0, now, now, now);
}

/// <summary>What Stripe's answer changes.</summary>
public sealed record PayoutChange(Payout Before, Payout After, IReadOnlyList<Transfer> Transfers);

/// <summary>What becomes of payouts.</summary>
public static class PayoutRules
{
    /// <summary>The hold of a payout that is asked for.</summary>
    public static Transfer Hold(Payout payout, Id<Account> world)
    {
        ArgumentNullException.ThrowIfNull(payout);
        return new Transfer(payout.Hold, TransferKind.Pending, payout.WalletId, world, payout.Amount, null, TransferPurpose.Payout, payout.Id.ToString(), payout.CreatedAt);
    }

    /// <summary>Takes on what Stripe says of the transfer: captures the hold, and gives back what has come back.</summary>
    public static PayoutChange Observe(Payout payout, SeenTransfer seen, Id<Account> world, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payout);
        ArgumentNullException.ThrowIfNull(seen);
        if (payout.State is PayoutState.Failed)
            return new PayoutChange(payout, payout, []);
        var transfers = new List<Transfer>();
        if (payout.State is PayoutState.Requested)
            transfers.Add(End(payout, TransferKind.PostPending, payout.Amount, world, now));
        // What has come back stays back.
        var returned = Money.Min(Money.Max(seen.Reversed, payout.Returned), payout.Amount);
        if (returned > payout.Returned)
        {
            transfers.Add(new Transfer(
                DerivedId.Of(payout.Id.Uuid, $"returned {returned.Nanodollars}"),
                TransferKind.Posted,
                world,
                payout.WalletId,
                returned - payout.Returned,
                null,
                TransferPurpose.PayoutReturn,
                payout.Id.ToString(),
                now));
        }

        var state = returned > Money.Zero ? PayoutState.Reversed : PayoutState.Paid;
        var after = payout with { State = state, StripeId = seen.StripeId, Returned = returned, ChangedAt = state == payout.State ? payout.ChangedAt : now };
        return new PayoutChange(payout, after, transfers);
    }

    /// <summary>Stripe has refused it for good.</summary>
    public static PayoutChange Fail(Payout payout, string reason, Id<Account> world, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payout);
        return payout.State is PayoutState.Requested
            ? new PayoutChange(payout, payout with { State = PayoutState.Failed, Reason = reason, ChangedAt = now, DueAt = null }, [End(payout, TransferKind.VoidPending, Money.Zero, world, now)])
            : new PayoutChange(payout, payout, []);
    }

    // One id for both ends: the ledger takes one of them, and refuses the other.
    private static Transfer End(Payout payout, TransferKind kind, Money amount, Id<Account> world, DateTimeOffset now) => new(
        DerivedId.Of(payout.Id.Uuid, "end"), kind, payout.WalletId, world, amount, payout.Hold, TransferPurpose.Payout, payout.Id.ToString(), now);
}
