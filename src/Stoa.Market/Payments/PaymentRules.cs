using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>What a look at Stripe changes.</summary>
/// <param name="Before">As it was.</param>
/// <param name="After">As it is.</param>
/// <param name="Refunds">Those of its refunds that have changed.</param>
/// <param name="Transfers">What the ledger does, all or none.</param>
public sealed record PaymentChange(Payment Before, Payment After, IReadOnlyList<Refund> Refunds, IReadOnlyList<Transfer> Transfers);

/// <summary>What becomes of payments.</summary>
/// <remarks>
/// An event of Stripe is only a reason to ask how things stand: events come twice, late, in any order or never. A payment therefore does not step from event to
/// event but takes on what Stripe says of it, whole, whatever it was before; and each nanodollar that the ledger moves is the difference between what the wallet
/// has paid and what Stripe has taken. So a look that is made twice moves nothing the second time.
/// </remarks>
public static class PaymentRules
{
    /// <summary>Takes on what Stripe says.</summary>
    /// <param name="payment">As it is.</param>
    /// <param name="refunds">All that were asked for here.</param>
    /// <param name="view">What Stripe said after the version of the payment was read.</param>
    /// <param name="available">What may be spent of the wallet.</param>
    /// <param name="world">The account of the world outside.</param>
    /// <param name="now">UTC.</param>
    public static PaymentChange Observe(
        Payment payment, IReadOnlyList<Refund> refunds, StripeView view, Money available, Id<Account> world, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payment);
        ArgumentNullException.ThrowIfNull(refunds);
        ArgumentNullException.ThrowIfNull(view);
        // What was paid is never unpaid again.
        if (payment.State >= PaymentState.Paid && view.Checkout is not CheckoutState.Paid)
            return new PaymentChange(payment, payment, [], []);
        var transfers = new List<Transfer>();
        var after = payment with { Intent = payment.Intent ?? view.Intent };
        if (!after.IsCredited)
        {
            // What the operator gave back before it was in the wallet was never the user's: nothing of it is moved here.
            if (payment.State is PaymentState.Paid && IsGivenBack(view))
                return new PaymentChange(payment, Turn(after with { Refunded = after.Amount, Recovered = after.Amount }, PaymentState.Refunded, now), [], []);
            if (view.Checkout is not CheckoutState.Paid || view.Paid != payment.Amount || view.Currency != StripeView.Dollars)
                return new PaymentChange(payment, Turn(after, StateOf(view.Checkout), now), [], []);
            transfers.Add(new Transfer(
                new Id<Transfer>(payment.Id.Uuid), TransferKind.Posted, world, payment.WalletId, payment.Amount, null, TransferPurpose.PaymentCredit, payment.Id.ToString(), now));
            // Of a wallet that is nearly full the ledger refuses the credit, which is not for this sum to say.
            available = available > new Money(long.MaxValue) - payment.Amount ? new Money(long.MaxValue) : available + payment.Amount;
        }

        var changed = new List<Refund>();
        var held = new HashSet<Id<Refund>>();
        foreach (var refund in refunds)
        {
            var seen = view.Refunds.FirstOrDefault(seen => seen.Own == refund.Id);
            var next = Next(refund, seen, now);
            if (next != refund)
                changed.Add(next);
            if (next.State is RefundState.Requested)
                held.Add(refund.Id);
            else if (refund.State is RefundState.Requested)
                transfers.Add(Resolve(after, next, world, now));
            if (refund.State is RefundState.Requested && next.State is RefundState.Succeeded)
                after = after with { Recovered = after.Recovered + refund.Amount };
            if (refund.State is RefundState.Requested && next.State is RefundState.Failed)
                available += refund.Amount;
        }

        var refunded = Sum(view.Refunds.Where(seen => seen.State is not SeenRefundState.Failed && !(seen.Own is { } own && held.Contains(own))).Select(seen => seen.Amount));
        var disputed = Sum(view.Disputes.Where(seen => seen.State is not SeenDisputeState.Won).Select(seen => seen.Amount));
        after = after with { Refunded = Money.Min(refunded, after.Amount) };
        after = after with { Disputed = Money.Min(disputed, after.Amount - after.Refunded) };
        after = Turn(after, StateOf(after, view), now);
        (after, var settled) = Settle(after, available, world, now);
        transfers.AddRange(settled);
        return new PaymentChange(payment, after, changed, transfers);
    }

    /// <summary>Takes from the wallet what is still owed, as far as there is some, or gives back what was taken too much.</summary>
    public static (Payment After, IReadOnlyList<Transfer> Transfers) Settle(Payment payment, Money available, Id<Account> world, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payment);
        var difference = payment.Refunded + payment.Disputed - payment.Recovered;
        var moved = difference > Money.Zero ? Money.Min(difference, Money.Max(available, Money.Zero)) : difference;
        if (moved == Money.Zero)
            return (payment, []);
        var isTaken = moved > Money.Zero;
        var transfer = new Transfer(
            DerivedId.Of(payment.Id.Uuid, $"move {payment.Moves}"),
            TransferKind.Posted,
            isTaken ? payment.WalletId : world,
            isTaken ? world : payment.WalletId,
            isTaken ? moved : -moved,
            null,
            isTaken ? TransferPurpose.PaymentReversal : TransferPurpose.PaymentReinstatement,
            payment.Id.ToString(),
            now);
        return (payment with { Recovered = payment.Recovered + moved, Moves = payment.Moves + 1 }, [transfer]);
    }

    /// <summary>Whether a refund may be asked for.</summary>
    /// <param name="payment">Of this payment.</param>
    /// <param name="refunds">All that were asked for before.</param>
    /// <param name="amount">How much.</param>
    public static Refusal<PaymentRefusal>? CheckRefund(Payment payment, IReadOnlyList<Refund> refunds, Money amount)
    {
        ArgumentNullException.ThrowIfNull(payment);
        ArgumentNullException.ThrowIfNull(refunds);
        if (payment.State is not (PaymentState.Credited or PaymentState.PartlyRefunded or PaymentState.Won))
            return new Refusal<PaymentRefusal>(PaymentRefusal.PaymentNotRefundable, $"{payment.Id} is {Word(payment.State)}. Only what is credited and not disputed is refunded.");
        if (!Cents.TryOf(amount, out _))
            return new Refusal<PaymentRefusal>(PaymentRefusal.AmountNotWholeCents, $"{amount} USD is no whole number of cents.", [new FieldError("/amount", "An amount in whole cents such as \"12.50\" is expected.")]);
        var left = payment.Amount - payment.Refunded - payment.Disputed - Sum(refunds.Where(refund => refund.State is RefundState.Requested).Select(refund => refund.Amount));
        return amount <= Money.Zero || amount > left
            ? new Refusal<PaymentRefusal>(PaymentRefusal.RefundExceedsPayment, $"{left} USD of {payment.Id} can be refunded; {amount} USD were asked for.")
            : null;
    }

    /// <summary>The hold of a refund that is asked for.</summary>
    public static Transfer Hold(Payment payment, Refund refund, Id<Account> world)
    {
        ArgumentNullException.ThrowIfNull(payment);
        ArgumentNullException.ThrowIfNull(refund);
        return new Transfer(
            refund.Hold, TransferKind.Pending, payment.WalletId, world, refund.Amount, null, TransferPurpose.PaymentRefund, refund.Id.ToString(), refund.CreatedAt);
    }

    /// <summary>The payment with another state, which begins to be looked at anew; the same where the state is.</summary>
    public static Payment Turn(Payment payment, PaymentState state, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(payment);
        return payment.State == state ? payment : payment with { State = state, ChangedAt = now, Looks = 0 };
    }

    /// <summary>Whether all that was paid, in whatever currency, is with the payer again.</summary>
    private static bool IsGivenBack(StripeView view) =>
        view.Paid > Money.Zero && Sum(view.Refunds.Where(seen => seen.State is SeenRefundState.Succeeded).Select(seen => seen.Amount)) >= view.Paid;

    private static Refund Next(Refund refund, SeenRefund? seen, DateTimeOffset now) => (refund.State, seen?.State) switch
    {
        (RefundState.Requested, SeenRefundState.Succeeded) => refund with { State = RefundState.Succeeded, StripeId = seen!.StripeId, ChangedAt = now },
        // A bank may return what was paid to it, weeks later.
        (RefundState.Requested or RefundState.Succeeded, SeenRefundState.Failed) =>
            refund with { State = RefundState.Failed, StripeId = seen!.StripeId ?? refund.StripeId, Reason = seen.Reason ?? "Stripe does not say why.", ChangedAt = now },
        (RefundState.Requested, SeenRefundState.Pending) => refund with { StripeId = seen!.StripeId },
        _ => refund,
    };

    private static Transfer Resolve(Payment payment, Refund refund, Id<Account> world, DateTimeOffset now)
    {
        var isCaptured = refund.State is RefundState.Succeeded;
        // One id for both ends: the ledger takes one of them, and refuses the other.
        return new Transfer(
            DerivedId.Of(refund.Id.Uuid, "end"),
            isCaptured ? TransferKind.PostPending : TransferKind.VoidPending,
            payment.WalletId,
            world,
            isCaptured ? refund.Amount : Money.Zero,
            refund.Hold,
            TransferPurpose.PaymentRefund,
            refund.Id.ToString(),
            now);
    }

    private static PaymentState StateOf(CheckoutState checkout) => checkout switch
    {
        CheckoutState.Open => PaymentState.Created,
        CheckoutState.Processing => PaymentState.Processing,
        CheckoutState.Expired => PaymentState.Expired,
        CheckoutState.Failed => PaymentState.Failed,
        CheckoutState.Paid => PaymentState.Paid,
        _ => throw new ArgumentOutOfRangeException(nameof(checkout)),
    };

    private static PaymentState StateOf(Payment payment, StripeView view)
    {
        if (view.Disputes.Any(dispute => dispute.State is SeenDisputeState.Open))
            return PaymentState.Disputed;
        if (view.Disputes.Any(dispute => dispute.State is SeenDisputeState.Lost))
            return PaymentState.Lost;
        if (payment.Refunded > Money.Zero)
            return payment.Refunded == payment.Amount ? PaymentState.Refunded : PaymentState.PartlyRefunded;
        return view.Disputes.Count > 0 ? PaymentState.Won : PaymentState.Credited;
    }

    private static Money Sum(IEnumerable<Money> amounts) => amounts.Aggregate(Money.Zero, (sum, amount) => sum + amount);

    private static string Word(PaymentState state) => state switch
    {
        PaymentState.PartlyRefunded => "refunded in part",
        _ => state.ToString().ToLowerInvariant(),
    };
}
