using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>Where a payment for credit stands. docs/payments.md has the picture.</summary>
public enum PaymentState
{
    /// <summary>The payer has been given the address of a checkout, and has not paid.</summary>
    Created,

    /// <summary>The payer has done its part by a method that takes days, and the money has not come.</summary>
    Processing,

    /// <summary>The checkout is over, and nobody has paid.</summary>
    Expired,

    /// <summary>The payer's method was refused after the checkout.</summary>
    Failed,

    /// <summary>Stripe has the money and the wallet does not: another amount or currency than was asked for, or a wallet that cannot take it.</summary>
    Paid,

    /// <summary>The wallet has the money.</summary>
    Credited,

    /// <summary>A part went back to the payer.</summary>
    PartlyRefunded,

    /// <summary>All of it went back to the payer.</summary>
    Refunded,

    /// <summary>The payer's bank has taken the money back until it decides.</summary>
    Disputed,

    /// <summary>A dispute was decided for the payee: the money has come back.</summary>
    Won,

    /// <summary>A dispute was decided for the payer: the money is gone.</summary>
    Lost,
}

/// <summary>Money that a user pays in.</summary>
/// <param name="Id">The id of the ledger's transfer that credits it, too.</param>
/// <param name="UserId">Who pays.</param>
/// <param name="WalletId">Where it goes.</param>
/// <param name="Amount">Whole cents.</param>
/// <param name="State">See <see cref="PaymentState"/>.</param>
/// <param name="Session">Id of the checkout at Stripe; null until it is made.</param>
/// <param name="Url">Where the payer pays.</param>
/// <param name="Intent">Id of the payment intent at Stripe; null until it is known.</param>
/// <param name="Refunded">What Stripe has given back to the payer. What is held for a refund that is not decided is not in it.</param>
/// <param name="Disputed">What a bank has taken back, by disputes that are open or lost.</param>
/// <param name="Recovered">What of these two the wallet has paid.</param>
/// <param name="Moves">How many transfers the two have made: the next one's id comes of it.</param>
/// <param name="Looks">How often Stripe was asked since the state changed.</param>
/// <param name="Version">Counts all that happens to it: who has asked Stripe writes what it saw only if nothing else came between.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ChangedAt">When the state changed, UTC.</param>
/// <param name="DueAt">When Stripe is asked next; null for not by itself.</param>
public sealed record Payment(
    Id<Payment> Id,
    Id<User> UserId,
    Id<Account> WalletId,
    Money Amount,
    PaymentState State,
    string? Session,
    string? Url,
    string? Intent,
    Money Refunded,
    Money Disputed,
    Money Recovered,
    int Moves,
    int Looks,
    long Version,
    DateTimeOffset CreatedAt,
    DateTimeOffset ChangedAt,
    DateTimeOffset? DueAt) : IIdentified
{
    public static string IdPrefix => "pay";

    /// <summary>Whether the wallet has had the money.</summary>
    public bool IsCredited => State >= PaymentState.Credited;

    /// <summary>What the wallet still has to pay of what went back: a debt of the user, which later credit pays first.</summary>
    public Money Owed => Money.Max(Refunded + Disputed - Recovered, Money.Zero);

    /// <summary>A new one.</summary>
    public static Payment Create(Id<Payment> id, Id<User> user, Id<Account> wallet, Money amount, DateTimeOffset now) => new(
        id, user, wallet, amount, PaymentState.Created, null, null, null, Money.Zero, Money.Zero, Money.Zero, 0, 0, 0, now, now, now + PaymentSchedule.FirstLook);
}

/// <summary>Where a refund that was asked for here stands.</summary>
public enum RefundState
{
    /// <summary>The amount is held, and Stripe has not decided.</summary>
    Requested,

    /// <summary>The payer gets it, and the hold was captured.</summary>
    Succeeded,

    /// <summary>The payer does not get it, and the hold was released; or it came back later.</summary>
    Failed,
}

/// <summary>A refund that was asked for here.</summary>
/// <param name="Id">The id of the ledger's hold, too, and Stripe's idempotency key.</param>
/// <param name="PaymentId">Of what.</param>
/// <param name="Amount">Whole cents.</param>
/// <param name="State">See <see cref="RefundState"/>.</param>
/// <param name="StripeId">Its id at Stripe; null until it is known.</param>
/// <param name="Reason">Why it failed.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ChangedAt">UTC.</param>
public sealed record Refund(
    Id<Refund> Id, Id<Payment> PaymentId, Money Amount, RefundState State, string? StripeId, string? Reason, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt) : IIdentified
{
    public static string IdPrefix => "refund";

    /// <summary>The ledger's hold.</summary>
    public Id<Transfer> Hold => new(Id.Uuid);
}
