using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>How a checkout stands at Stripe.</summary>
public enum CheckoutState
{
    /// <summary>May be paid.</summary>
    Open,

    /// <summary>Done by the payer, and the money is on its way.</summary>
    Processing,

    /// <summary>Over, not paid.</summary>
    Expired,

    /// <summary>Done by the payer, and then refused.</summary>
    Failed,

    /// <summary>Paid.</summary>
    Paid,
}

/// <summary>How a refund stands at Stripe.</summary>
public enum SeenRefundState
{
    /// <summary>Not decided. The money has left the balance.</summary>
    Pending,

    /// <summary>The payer has it, or will.</summary>
    Succeeded,

    /// <summary>Refused, cancelled or returned by the bank: the money is in the balance again.</summary>
    Failed,
}

/// <summary>How a dispute stands at Stripe. Inquiries, which move nothing, are not disputes.</summary>
public enum SeenDisputeState
{
    /// <summary>Not decided. The money has left the balance.</summary>
    Open,

    /// <summary>The money has come back.</summary>
    Won,

    /// <summary>The money is gone.</summary>
    Lost,
}

/// <summary>A refund as Stripe tells it.</summary>
/// <param name="StripeId">Its id there; null for one that Stripe has refused to make.</param>
/// <param name="Amount">How much.</param>
/// <param name="State">How it stands.</param>
/// <param name="Own">The refund here that it is; null for one that was made elsewhere, such as in Stripe's dashboard.</param>
/// <param name="Reason">Why it failed.</param>
public sealed record SeenRefund(string? StripeId, Money Amount, SeenRefundState State, Id<Refund>? Own, string? Reason = null);

/// <summary>A dispute as Stripe tells it.</summary>
public sealed record SeenDispute(string StripeId, Money Amount, SeenDisputeState State);

/// <summary>All that Stripe says of a payment at one time.</summary>
/// <param name="Checkout">How the checkout stands.</param>
/// <param name="Paid">What was paid, or is to be.</param>
/// <param name="Currency">In lower case.</param>
/// <param name="Intent">Id of the payment intent; null when there is none yet.</param>
/// <param name="Refunds">All of them.</param>
/// <param name="Disputes">All of them.</param>
public sealed record StripeView(
    CheckoutState Checkout, Money Paid, string Currency, string? Intent, IReadOnlyList<SeenRefund> Refunds, IReadOnlyList<SeenDispute> Disputes)
{
    /// <summary>The only currency that is taken.</summary>
    public const string Dollars = "usd";
}

/// <summary>A transfer to a creator's account, as Stripe tells it.</summary>
/// <param name="StripeId">Its id there.</param>
/// <param name="Amount">How much went.</param>
/// <param name="Reversed">What of it came back.</param>
public sealed record SeenTransfer(string StripeId, Money Amount, Money Reversed);
