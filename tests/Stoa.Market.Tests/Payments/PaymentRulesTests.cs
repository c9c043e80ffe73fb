using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Payments;

/// <summary>What becomes of a payment of 25 dollars in every state, whatever Stripe says of it.</summary>
public sealed class PaymentRulesTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
    private static readonly IdSource s_ids = new(new At(s_now), new Random(1));
    private static readonly Id<Account> s_world = s_ids.Next<Account>();
    private static readonly Money s_amount = Money.Parse("25");

    /// <summary>Views of Stripe, and what a payment is after them, whatever it was before.</summary>
    private static readonly (string Name, StripeView View, PaymentState WhenPaid)[] s_views =
    [
        ("paid", Paid(), PaymentState.Credited),
        ("refunded in part", Paid(refunds: [Foreign("10")]), PaymentState.PartlyRefunded),
        ("refunded whole", Paid(refunds: [Foreign("10"), Foreign("15")]), PaymentState.Refunded),
        ("a refund that waits", Paid(refunds: [Foreign("10", SeenRefundState.Pending)]), PaymentState.PartlyRefunded),
        ("a refund that failed", Paid(refunds: [Foreign("10", SeenRefundState.Failed)]), PaymentState.Credited),
        ("disputed", Paid(disputes: [new("dp_1", s_amount, SeenDisputeState.Open)]), PaymentState.Disputed),
        ("won", Paid(disputes: [new("dp_1", s_amount, SeenDisputeState.Won)]), PaymentState.Won),
        ("lost", Paid(disputes: [new("dp_1", s_amount, SeenDisputeState.Lost)]), PaymentState.Lost),
        ("refunded in part, then disputed", Paid(refunds: [Foreign("10")], disputes: [new("dp_1", Money.Parse("15"), SeenDisputeState.Open)]), PaymentState.Disputed),
        ("refunded in part, and won", Paid(refunds: [Foreign("10")], disputes: [new("dp_1", Money.Parse("15"), SeenDisputeState.Won)]), PaymentState.PartlyRefunded),
        ("one won and one lost", Paid(disputes: [new("dp_1", Money.Parse("5"), SeenDisputeState.Won), new("dp_2", s_amount, SeenDisputeState.Lost)]), PaymentState.Lost),
    ];

    private static readonly (CheckoutState Checkout, PaymentState State)[] s_unpaid =
    [
        (CheckoutState.Open, PaymentState.Created),
        (CheckoutState.Processing, PaymentState.Processing),
        (CheckoutState.Expired, PaymentState.Expired),
        (CheckoutState.Failed, PaymentState.Failed),
    ];

    public static TheoryData<PaymentState> States => [.. Enum.GetValues<PaymentState>()];

    [Theory]
    [MemberData(nameof(States))]
    public void Payment_InAnyState_TakesOnWhatStripeSaysOfWhatWasPaid(PaymentState before)
    {
        foreach (var (name, view, expected) in s_views)
        {
            var change = Observe(In(before), view, Money.Parse("100"));
            change.After.State.ShouldBe(expected, $"{before}: {name}");
            var reversed = change.After.Refunded + change.After.Disputed;
            change.After.Recovered.ShouldBe(reversed, $"{before}: {name}");
            // What the wallet has gained since nothing was paid is what was paid less what went back.
            (Gained(change) + Had(In(before))).ShouldBe(s_amount - reversed, $"{before}: {name}");
            Observe(change.After, view, Money.Parse("100")).Transfers.ShouldBeEmpty($"{before}: {name}, twice");
        }
    }

    [Theory]
    [MemberData(nameof(States))]
    public void Payment_InAnyState_TakesOnWhatStripeSaysOfWhatWasNotPaid(PaymentState before)
    {
        foreach (var (checkout, state) in s_unpaid)
        {
            var change = Observe(In(before), new StripeView(checkout, s_amount, "usd", "pi_1", [], []), Money.Zero);
            // What was paid is never unpaid.
            var wasPaid = before is PaymentState.Paid || In(before).IsCredited;
            change.After.State.ShouldBe(wasPaid ? before : state, $"{before}: {checkout}");
            change.Transfers.ShouldBeEmpty();
        }
    }

    [Theory]
    [InlineData("24.99", "usd")]
    [InlineData("25.01", "usd")]
    [InlineData("25", "eur")]
    public void Payment_OfAnotherAmountOrCurrency_IsPaidAndNotCredited(string paid, string currency)
    {
        var change = Observe(In(PaymentState.Created), Paid() with { Paid = Money.Parse(paid), Currency = currency }, Money.Zero);

        change.After.State.ShouldBe(PaymentState.Paid);
        change.Transfers.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("24.99", true)]
    [InlineData("24.98", false)]
    public void Payment_ThatWasNotCreditedAndIsGivenBackWhole_IsRefundedWithoutATransfer(string givenBack, bool isOver)
    {
        var view = Paid(refunds: [Foreign(givenBack)]) with { Paid = Money.Parse("24.99") };

        var change = Observe(In(PaymentState.Paid), view, Money.Zero);

        (change.After.State, change.After.Owed).ShouldBe((isOver ? PaymentState.Refunded : PaymentState.Paid, Money.Zero));
        change.Transfers.ShouldBeEmpty();
    }

    [Fact]
    public void Dispute_OfSpentMoney_TakesWhatIsThereAndTheRestIsOwed()
    {
        var change = Observe(In(PaymentState.Credited), s_views.Single(view => view.Name == "disputed").View, Money.Parse("4.5"));

        (change.After.Recovered, change.After.Owed).ShouldBe((Money.Parse("4.5"), Money.Parse("20.5")));
        change.Transfers.Single().ShouldSatisfyAllConditions(
            taken => taken.Amount.ShouldBe(Money.Parse("4.5")), taken => taken.Purpose.ShouldBe(TransferPurpose.PaymentReversal), taken => taken.CreditAccountId.ShouldBe(s_world));

        var (later, collected) = PaymentRules.Settle(change.After, Money.Parse("10"), s_world, s_now);
        (later.Owed, collected.Single().Amount).ShouldBe((Money.Parse("10.5"), Money.Parse("10")));
        collected.Single().Id.ShouldNotBe(change.Transfers.Single().Id);
        PaymentRules.Settle(later, Money.Parse("-3"), s_world, s_now).Transfers.ShouldBeEmpty();

        var won = Observe(later, s_views.Single(view => view.Name == "won").View, Money.Zero);
        (won.After.Owed, won.After.Recovered, Gained(won)).ShouldBe((Money.Zero, Money.Zero, Money.Parse("14.5")));
    }

    [Fact]
    public void Refund_ThatWasAskedForHere_CapturesItsHoldOrReleasesItNeverBoth()
    {
        var payment = In(PaymentState.Credited);
        var refund = NewRefund(payment, "10");

        foreach (var (seen, kind, refunded, state) in new[]
        {
            (SeenRefundState.Succeeded, TransferKind.PostPending, "10", RefundState.Succeeded),
            (SeenRefundState.Failed, TransferKind.VoidPending, "0", RefundState.Failed),
        })
        {
            var change = PaymentRules.Observe(payment, [refund], Paid(refunds: [new("re_1", refund.Amount, seen, refund.Id)]), Money.Zero, s_world, s_now);
            change.Transfers.Select(transfer => (transfer.Kind, transfer.PendingId)).ShouldBe([(kind, (Id<Transfer>?)refund.Hold)]);
            (change.After.Refunded, change.After.Recovered, change.After.Owed).ShouldBe((Money.Parse(refunded), Money.Parse(refunded), Money.Zero));
            change.Refunds.Single().State.ShouldBe(state);
            PaymentRules.Observe(change.After, change.Refunds, Paid(refunds: [new("re_1", refund.Amount, seen, refund.Id)]), Money.Zero, s_world, s_now).Transfers.ShouldBeEmpty();
        }

        var captured = PaymentRules.Observe(payment, [refund], Paid(refunds: [new("re_1", refund.Amount, SeenRefundState.Succeeded, refund.Id)]), Money.Zero, s_world, s_now);
        var released = PaymentRules.Observe(payment, [refund], Paid(refunds: [new("re_1", refund.Amount, SeenRefundState.Failed, refund.Id)]), Money.Zero, s_world, s_now);
        captured.Transfers.Single().Id.ShouldBe(released.Transfers.Single().Id, "so the ledger takes one of the two");
        var waiting = PaymentRules.Observe(payment, [refund], Paid(refunds: [new("re_1", refund.Amount, SeenRefundState.Pending, refund.Id)]), Money.Zero, s_world, s_now);
        (waiting.Transfers.Count, waiting.After.Refunded, waiting.Refunds.Single().StripeId).ShouldBe((0, Money.Zero, "re_1"));
    }

    [Fact]
    public void Refund_ThatTheBankReturnsLater_IsInTheWalletAgain()
    {
        var payment = In(PaymentState.Credited);
        var refund = NewRefund(payment, "10");
        var paid = PaymentRules.Observe(payment, [refund], Paid(refunds: [new("re_1", refund.Amount, SeenRefundState.Succeeded, refund.Id)]), Money.Zero, s_world, s_now);

        var returned = PaymentRules.Observe(paid.After, paid.Refunds, Paid(refunds: [new("re_1", refund.Amount, SeenRefundState.Failed, refund.Id)]), Money.Zero, s_world, s_now);

        (returned.After.State, returned.Refunds.Single().State, Gained(returned)).ShouldBe((PaymentState.Credited, RefundState.Failed, Money.Parse("10")));
    }

    [Theory]
    [MemberData(nameof(States))]
    public void Refund_MayBeAskedForOnlyWhereMoneyIsThere(PaymentState state)
    {
        var allowed = state is PaymentState.Credited or PaymentState.PartlyRefunded or PaymentState.Won;
        PaymentRules.CheckRefund(In(state), [], Money.Parse("1"))?.Code.ShouldBe(PaymentRefusal.PaymentNotRefundable);
        (PaymentRules.CheckRefund(In(state), [], Money.Parse("1")) is null).ShouldBe(allowed);
    }

    [Theory]
    [InlineData("25", null)]
    [InlineData("25.01", PaymentRefusal.RefundExceedsPayment)]
    [InlineData("0", PaymentRefusal.RefundExceedsPayment)]
    [InlineData("-1", PaymentRefusal.RefundExceedsPayment)]
    [InlineData("1.001", PaymentRefusal.AmountNotWholeCents)]
    public void Refund_IsOfNoMoreThanIsLeft(string amount, PaymentRefusal? refusal)
    {
        var payment = In(PaymentState.Credited);
        PaymentRules.CheckRefund(payment, [], Money.Parse(amount))?.Code.ShouldBe(refusal!.Value);
        (PaymentRules.CheckRefund(payment, [], Money.Parse(amount)) is null).ShouldBe(refusal is null);
        if (refusal is null)
            PaymentRules.CheckRefund(payment, [NewRefund(payment, "0.01")], Money.Parse(amount))!.Code.ShouldBe(PaymentRefusal.RefundExceedsPayment);
    }

    public static TheoryData<PaymentState> SettledStates => [.. Enum.GetValues<PaymentState>().Where(state => state is not PaymentState.Paid)];

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(20, 100, 360)]
    [InlineData(31, 300, 1_440)]
    [InlineData(1_000, 3_000, 1_440)]
    public void Looks_AtWhatIsPaidAndNotCredited_DoNotEnd(int days, int looks, int minutes) =>
        PaymentSchedule.Next(In(PaymentState.Paid) with { Looks = looks }, waitsForRefund: false, s_now.AddDays(days)).ShouldBe(s_now.AddDays(days).AddMinutes(minutes));

    [Theory]
    [MemberData(nameof(SettledStates))]
    public void Looks_AtAnyOtherPayment_EndSomeDay(PaymentState state)
    {
        var payment = In(state);
        var (at, looks) = (s_now, 0);
        while (PaymentSchedule.Next(payment, waitsForRefund: false, at) is { } next)
        {
            next.ShouldBeGreaterThan(at);
            (at, looks) = (next, looks + 1);
            payment = payment with { Looks = looks };
            looks.ShouldBeLessThan(300);
        }

        (at - s_now).ShouldBeLessThan(TimeSpan.FromDays(190));
    }

    [Fact]
    public void Payout_CapturesOrReleasesAndGivesBackWhatComesBack()
    {
        var payout = Payout.Create(s_ids.Next<Payout>(), s_ids.Next<User>(), s_ids.Next<Account>(), "acct_1", Money.Parse("10"), s_now);

        var paid = PayoutRules.Observe(payout, new SeenTransfer("tr_1", payout.Amount, Money.Zero), s_world, s_now);
        var failed = PayoutRules.Fail(payout, "no", s_world, s_now);
        (paid.After.State, paid.Transfers.Single().Kind).ShouldBe((PayoutState.Paid, TransferKind.PostPending));
        (failed.After.State, failed.Transfers.Single().Kind).ShouldBe((PayoutState.Failed, TransferKind.VoidPending));
        paid.Transfers.Single().Id.ShouldBe(failed.Transfers.Single().Id);
        PayoutRules.Fail(paid.After, "no", s_world, s_now).Transfers.ShouldBeEmpty();
        PayoutRules.Observe(failed.After, new SeenTransfer("tr_1", payout.Amount, Money.Zero), s_world, s_now).Transfers.ShouldBeEmpty();

        var part = PayoutRules.Observe(paid.After, new SeenTransfer("tr_1", payout.Amount, Money.Parse("4")), s_world, s_now);
        var whole = PayoutRules.Observe(part.After, new SeenTransfer("tr_1", payout.Amount, Money.Parse("10")), s_world, s_now);
        (part.After.State, part.Transfers.Single().Amount, whole.Transfers.Single().Amount).ShouldBe((PayoutState.Reversed, Money.Parse("4"), Money.Parse("6")));
        PayoutRules.Observe(whole.After, new SeenTransfer("tr_1", payout.Amount, Money.Parse("4")), s_world, s_now).Transfers.ShouldBeEmpty("what has come back stays");
    }

    private static PaymentChange Observe(Payment payment, StripeView view, Money available) => PaymentRules.Observe(payment, [], view, available, s_world, s_now);

    /// <summary>A payment in a state, with the sums that go with it.</summary>
    private static Payment In(PaymentState state)
    {
        var created = Payment.Create(s_ids.Next<Payment>(), s_ids.Next<User>(), s_ids.Next<Account>(), s_amount, s_now) with { State = state, Session = "cs_1", Intent = "pi_1" };
        return state switch
        {
            PaymentState.PartlyRefunded => created with { Refunded = Money.Parse("5"), Recovered = Money.Parse("5") },
            PaymentState.Refunded => created with { Refunded = s_amount, Recovered = s_amount },
            PaymentState.Disputed or PaymentState.Lost => created with { Disputed = s_amount, Recovered = s_amount },
            _ => created,
        };
    }

    private static Money Had(Payment payment) => payment.IsCredited ? payment.Amount - payment.Recovered : Money.Zero;

    private static Money Gained(PaymentChange change) => change.Transfers.Aggregate(
        Money.Zero, (sum, transfer) => sum + (transfer.CreditAccountId == change.Before.WalletId ? transfer.Amount : -transfer.Amount));

    private static Refund NewRefund(Payment payment, string amount) =>
        new(s_ids.Next<Refund>(), payment.Id, Money.Parse(amount), RefundState.Requested, null, null, s_now, s_now);

    private static StripeView Paid(IReadOnlyList<SeenRefund>? refunds = null, IReadOnlyList<SeenDispute>? disputes = null) =>
        new(CheckoutState.Paid, s_amount, "usd", "pi_1", refunds ?? [], disputes ?? []);

    private static SeenRefund Foreign(string amount, SeenRefundState state = SeenRefundState.Succeeded) => new("re_" + amount, Money.Parse(amount), state, null);

    private sealed class At(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
