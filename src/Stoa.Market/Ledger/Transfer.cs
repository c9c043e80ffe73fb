using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>How a transfer touches balances. The journal keeps the numbers: new kinds come last.</summary>
public enum TransferKind
{
    /// <summary>Moves the amount at once and for good.</summary>
    Posted,

    /// <summary>Holds the amount until a post or a void resolves it.</summary>
    Pending,

    /// <summary>Resolves a pending transfer by moving up to its amount; the rest is released.</summary>
    PostPending,

    /// <summary>Resolves a pending transfer by releasing all of it. Its amount is zero.</summary>
    VoidPending,
}

/// <summary>Why money moved. The journal keeps the numbers: new purposes come last.</summary>
public enum TransferPurpose
{
    Deposit,
    TaskHold,
    TaskCapture,
    TaskRelease,
    CreatorShare,
    NodeShare,
    PlatformShare,
    ChannelDeposit,
    ChannelPayment,
    ChannelReturn,
    PaymentCredit,
    PaymentRefund,
    PaymentReversal,
    PaymentReinstatement,
    Payout,
    PayoutReturn,
    Royalty,
    DisputeDeposit,
    DisputeFee,
    DisputeReturn,
    Refund,
    CallReturn,

    /// <summary>What was in the wallet of a person who was erased, and is given up to the platform.</summary>
    Forfeit,

    /// <summary>The price of a plan for a month, or for the rest of one.</summary>
    PlanFee,

    /// <summary>The credit that a plan includes.</summary>
    PlanCredit,

    /// <summary>The credit of a coupon.</summary>
    CouponCredit,

    /// <summary>Credit that was not spent in time goes back.</summary>
    CreditExpiry,

    /// <summary>A task is held of credit that does not suffice: the rest joins it from the wallet.</summary>
    CreditTopUp,

    /// <summary>What of that the task did not need is in the wallet again.</summary>
    CreditReturn,

    /// <summary>What a user keeps in the content store beyond what is free, for an hour.</summary>
    StorageFee,

    /// <summary>What a download costs when all of it is sent.</summary>
    TransferHold,

    /// <summary>What of a download was sent.</summary>
    TransferCapture,

    /// <summary>Nothing of a download was sent that costs anything.</summary>
    TransferRelease,

    /// <summary>What of fees for storage and transfer is the market's goes on from the node.</summary>
    PlatformFee,

    /// <summary>What requests to a model may cost for a while.</summary>
    InferenceHold,

    /// <summary>What of that was spent by requests that have ended.</summary>
    InferenceCapture,

    /// <summary>Nothing of it was spent.</summary>
    InferenceRelease,
}

/// <summary>An immutable entry of the journal. Its id is made by the caller, so the same transfer sent twice moves money once.</summary>
/// <param name="Id">Client-made; the idempotency key of the ledger.</param>
/// <param name="Kind">See <see cref="TransferKind"/>.</param>
/// <param name="DebitAccountId">The account that pays. For a resolution it equals that of the pending transfer.</param>
/// <param name="CreditAccountId">The account that receives. For a resolution it equals that of the pending transfer.</param>
/// <param name="Amount">Positive; zero for <see cref="TransferKind.VoidPending"/> and allowed for <see cref="TransferKind.PostPending"/>.</param>
/// <param name="PendingId">The pending transfer that this one resolves; null otherwise.</param>
/// <param name="Purpose">See <see cref="TransferPurpose"/>.</param>
/// <param name="Cause">Id of what caused it, such as a task.</param>
/// <param name="CreatedAt">UTC. Not part of what is compared when an id is used again: who sends again may have asked its clock again.</param>
public sealed record Transfer(
    Id<Transfer> Id,
    TransferKind Kind,
    Id<Account> DebitAccountId,
    Id<Account> CreditAccountId,
    Money Amount,
    Id<Transfer>? PendingId,
    TransferPurpose Purpose,
    string Cause,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "xfer";

    /// <summary>Whether this transfer resolves a pending one.</summary>
    public bool IsResolution => Kind is TransferKind.PostPending or TransferKind.VoidPending;

    /// <summary>Whether both say the same, whenever they were made.</summary>
    public bool SaysTheSameAs(Transfer other) => this == other with { CreatedAt = CreatedAt };
}

/// <summary>Every reason for which the ledger says no.</summary>
public enum TransferRefusal
{
    /// <summary>The amount is zero where it must be positive, or negative.</summary>
    AmountNotPositive,

    /// <summary>Debit and credit account are the same.</summary>
    AccountsSame,

    /// <summary>The debit account does not exist.</summary>
    DebitAccountUnknown,

    /// <summary>The credit account does not exist.</summary>
    CreditAccountUnknown,

    /// <summary>The debit account's available balance would fall below zero.</summary>
    InsufficientFunds,

    /// <summary>A balance, with what is pending, would leave the range of int64 nanodollars.</summary>
    BalanceOverflow,

    /// <summary>The id was used before, for a transfer that differs.</summary>
    IdReusedWithOtherContent,

    /// <summary>The pending transfer to resolve does not exist or is not pending.</summary>
    PendingUnknown,

    /// <summary>The pending transfer was already posted or voided.</summary>
    PendingAlreadyResolved,

    /// <summary>The accounts differ from those of the pending transfer.</summary>
    PendingAccountsDiffer,

    /// <summary>More was to be posted than is held; a void posts nothing, so any amount is more.</summary>
    AmountExceedsPending,
}
