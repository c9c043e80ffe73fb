namespace Stoa.Market.Payments;

/// <summary>Every reason for which a payment or a payout is refused.</summary>
public enum PaymentRefusal
{
    /// <summary>This node has no key of Stripe.</summary>
    PaymentsOff,

    /// <summary>There is no such payment, or it is somebody else's.</summary>
    PaymentUnknown,

    /// <summary>There is no such payout, or it is somebody else's.</summary>
    PayoutUnknown,

    /// <summary>Outside the ledger there is nothing smaller than a cent.</summary>
    AmountNotWholeCents,

    /// <summary>Less or more than one payment may be.</summary>
    AmountOutOfRange,

    /// <summary>Only US dollars are taken.</summary>
    CurrencyUnsupported,

    /// <summary>The user has begun as many payments as may wait at once.</summary>
    PaymentsTooMany,

    /// <summary>The payment was given up before its checkout was made.</summary>
    PaymentExpired,

    /// <summary>It is not credited, or a bank has it in dispute.</summary>
    PaymentNotRefundable,

    /// <summary>More than is left of it.</summary>
    RefundExceedsPayment,

    /// <summary>The wallet does not have the amount: it was spent, or is held.</summary>
    InsufficientFunds,

    /// <summary>The user has paid nothing in yet, so there is no portal.</summary>
    CustomerUnknown,

    /// <summary>The user has no account to be paid out to.</summary>
    PayoutAccountMissing,

    /// <summary>The account is not ready to be paid out to.</summary>
    PayoutAccountNotReady,

    /// <summary>Less than a payout has to be.</summary>
    PayoutBelowMinimum,

    /// <summary>Stripe cannot be reached, or fails.</summary>
    StripeUnavailable,

    /// <summary>Stripe has refused what this node asked.</summary>
    StripeRefused,

    /// <summary>A webhook that Stripe has not signed, or too long ago.</summary>
    StripeSignatureInvalid,

    /// <summary>What was signed is no event of Stripe.</summary>
    StripeEventInvalid,
}
