using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Events;
using Stoa.Node.Payments;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Payments;

/// <summary>What payments and payouts do on every database, against a Stripe of the test's own.</summary>
public abstract class PaymentStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private PaymentScene _scene = null!;

    private PaymentDesks Desks => _scene.Desks;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _scene = await PaymentScene.OpenAsync(Database);
    }

    public override async ValueTask DisposeAsync()
    {
        _scene?.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Payment_WhosWebhookComesTwiceAndLate_IsCreditedOnce()
    {
        var payment = await _scene.BeginAsync("25");
        (payment.State, payment.Url).ShouldBe((PaymentState.Created, $"https://checkout.stripe.com/c/pay/{payment.Session}"));
        _scene.Stripe.Pay(payment.Session!);

        await _scene.DeliverAsync(times: 3);
        await _scene.SettleAsync();
        await _scene.DeliverAsync();
        await _scene.SettleAsync();

        (await Desks.Payments.FindAsync(payment.Id, Stop))!.State.ShouldBe(PaymentState.Credited);
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("25"));
        var credit = (await _scene.Ledger.ListTransfersAsync(_scene.Wallet, new PageRequest(), Stop)).Items.Single();
        (credit.Id.Uuid, credit.Purpose, credit.Cause).ShouldBe((payment.Id.Uuid, TransferPurpose.PaymentCredit, payment.Id.ToString()));
        (await EventsAsync()).ShouldBe([EventTypes.PaymentCredited]);
        await _scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Payment_ThatCannotBeCredited_IsToldToAdministrators_AndTriedForAsLongAsItTakes()
    {
        var payment = await PayIntoAFullWalletAsync();

        (await Desks.Payments.ListUncreditedAsync(new PageRequest(), Stop)).Items.ShouldHaveSingleItem().Id.ShouldBe(payment.Id);
        (await EventsAsync()).ShouldBe([EventTypes.PaymentUncredited], "once, however often it is looked at");
        _scene.Time.Advance(TimeSpan.FromDays(100));
        await _scene.SettleAsync();
        (await EventsAsync()).ShouldBe([EventTypes.PaymentUncredited]);
        await _scene.SpendAsync("1000");
        _scene.Time.Advance(TimeSpan.FromDays(1));
        await _scene.SettleAsync();

        (await Desks.Payments.FindAsync(payment.Id, Stop))!.State.ShouldBe(PaymentState.Credited);
        (await Desks.Payments.ListUncreditedAsync(new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Payment_ThatCannotBeCreditedAndIsGivenBack_IsOver_AndMovesNothing()
    {
        var payment = await PayIntoAFullWalletAsync();
        var before = await _scene.WalletAsync();

        _scene.Stripe.RefundByHand(payment.Intent!, 2_500).ShouldBeTrue();
        await _scene.DeliverAsync();
        await _scene.SettleAsync();
        await _scene.SpendAsync("1000");
        await _scene.SettleAsync();

        var over = (await Desks.Payments.FindAsync(payment.Id, Stop))!;
        (over.State, over.Owed).ShouldBe((PaymentState.Refunded, Money.Zero));
        (await _scene.WalletAsync()).Posted.ShouldBe(before.Posted - Money.Parse("1000"));
        (await EventsAsync()).ShouldBe([EventTypes.PaymentUncredited, EventTypes.PaymentRefunded]);
    }

    private async Task<Payment> PayIntoAFullWalletAsync()
    {
        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE users SET role = 'Admin'"), Stop);
        // Not from the world's account, which would be full with it.
        (await _scene.Ledger.ApplyAsync(
            [
                new Transfer(
                    _scene.Ids.Next<Transfer>(), TransferKind.Posted, _scene.Accounts.Sponsor, _scene.Wallet, Money.Parse("9223372036"), null, TransferPurpose.Deposit, "test",
                    _scene.Time.GetUtcNow()),
            ],
            Stop)).Refusal.ShouldBeNull();
        var payment = await _scene.BeginAsync("25");
        _scene.Stripe.Pay(payment.Session!);
        await _scene.DeliverAsync();
        await _scene.SettleAsync();
        payment = (await Desks.Payments.FindAsync(payment.Id, Stop))!;
        payment.State.ShouldBe(PaymentState.Paid);
        return payment;
    }

    [Fact]
    public async Task Payment_WhoseWebhookNeverComes_IsFoundByTheSweeper()
    {
        var payment = await _scene.BeginAsync("25");
        _scene.Stripe.Pay(payment.Session!);
        (await Desks.Worker.RunOnceAsync(Stop)).ShouldBe(0, "it is not due yet");

        await _scene.SettleAsync();

        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("25"));
    }

    [Fact]
    public async Task Payment_ThatCannotBeLookedAt_HoldsUpNoOther()
    {
        var (broken, sound) = (await _scene.BeginAsync("5"), await _scene.BeginAsync("25"));
        _scene.Stripe.Pay(broken.Session!);
        _scene.Stripe.Pay(sound.Session!);
        _scene.Handler.Before = step =>
            step.Contains(broken.Session!, StringComparison.Ordinal) ? throw new InvalidOperationException("Nobody has thought of this.") : Task.CompletedTask;

        await _scene.SettleAsync();

        ((await FindAsync(broken)).State, (await FindAsync(sound)).State).ShouldBe((PaymentState.Created, PaymentState.Credited));
        _scene.Handler.Before = null;
        await _scene.SettleAsync();
        (await FindAsync(broken)).State.ShouldBe(PaymentState.Credited);
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("30"));
    }

    [Fact]
    public async Task Payment_BegunAgainUnderItsId_IsTheSame()
    {
        var payment = await _scene.BeginAsync("25");

        var again = await _scene.BeginAsync("30", payment.Id);

        (again.Session, again.Amount).ShouldBe((payment.Session, payment.Amount));
        _scene.Stripe.All("checkout.session").Count.ShouldBe(1);
        _scene.Stripe.All("customer").Count.ShouldBe(1);
    }

    [Fact]
    public async Task Payments_BegunAndNotPaid_AreOnlySoMany()
    {
        for (var begun = 0; begun < 8; begun++)
            await _scene.BeginAsync("5");

        var oneMore = await Desks.Desk.BeginAsync(_scene.Ids.Next<Payment>(), _scene.User, _scene.Wallet, Money.Parse("5"), Stop);

        oneMore.Refusal!.Code.ShouldBe(PaymentRefusal.PaymentsTooMany);
    }

    [Fact]
    public async Task Payment_ThatExpiresOrFails_MovesNothingAndIsLookedAtNoMore()
    {
        var (expired, failed, processing) = (await _scene.BeginAsync("5"), await _scene.BeginAsync("6"), await _scene.BeginAsync("7"));
        _scene.Stripe.Expire(expired.Session!);
        _scene.Stripe.Fail(failed.Session!);
        _scene.Stripe.Process(processing.Session!);

        await _scene.SettleAsync();

        (await FindAsync(expired)).ShouldSatisfyAllConditions(found => found.State.ShouldBe(PaymentState.Expired), found => found.DueAt.ShouldBeNull());
        (await FindAsync(failed)).State.ShouldBe(PaymentState.Failed);
        (await FindAsync(processing)).ShouldSatisfyAllConditions(found => found.State.ShouldBe(PaymentState.Processing), found => found.DueAt.ShouldNotBeNull());
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Zero);
        _scene.Stripe.Pay(processing.Session!);
        await _scene.DeliverAsync();
        await _scene.SettleAsync();
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("7"));
        (await EventsAsync()).Order().ShouldBe([EventTypes.PaymentCredited, EventTypes.PaymentFailed, EventTypes.PaymentFailed]);
    }

    [Fact]
    public async Task Look_ThatSomethingCameBetween_WritesNothing()
    {
        var payment = await _scene.BeginAsync("25");
        _scene.Stripe.Pay(payment.Session!);
        var old = (await Desks.Payments.TakeAsync(payment.Id, ifDue: false, _scene.Time.GetUtcNow(), Stop))!;
        var view = new StripeView(CheckoutState.Open, Money.Parse("25"), "usd", null, [], []);
        await _scene.LookAsync(payment.Id);

        (await Desks.Payments.ObserveAsync(old, view, _scene.Time.GetUtcNow(), Stop)).ShouldBeNull();

        (await FindAsync(payment)).State.ShouldBe(PaymentState.Credited);
    }

    [Fact]
    public async Task Looks_OfManyNodesAtOnce_CreditOnce()
    {
        var payments = new List<Payment> { await _scene.BeginAsync("10"), await _scene.BeginAsync("20"), await _scene.BeginAsync("30") };
        foreach (var payment in payments)
            _scene.Stripe.Pay(payment.Session!);

        await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(_ => payments).Select(payment => Task.Run(async () =>
        {
            await _scene.DeliverAsync();
            await Desks.Desk.LookAsync(payment.Id, ifDue: false, Stop);
        })));
        await _scene.SettleAsync();

        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("60"));
        await _scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Refund_OfWhatWasNotSpent_IsHeldThenCaptured()
    {
        var payment = await _scene.PayAsync("25");
        await _scene.SpendAsync("10");
        (await _scene.AskForRefundAsync(payment.Id, "15.01")).Refusal!.Code.ShouldBe(PaymentRefusal.InsufficientFunds);
        _scene.Stripe.RefundsArePending = true;

        var refund = (await _scene.AskForRefundAsync(payment.Id, "15")).Value;
        (await _scene.AskForRefundAsync(payment.Id, "15", refund.Id)).Value.Id.ShouldBe(refund.Id, "the same request again");
        (await _scene.WalletAsync()).ShouldBe((Money.Parse("15"), Money.Zero));
        await _scene.LookAsync(payment.Id);
        (await _scene.WalletAsync()).ShouldBe((Money.Parse("15"), Money.Zero), "Stripe has not decided");
        var stripeId = (string)_scene.Stripe.All("refund").Single()["id"]!;
        _scene.Stripe.DecideRefund(stripeId, succeeds: true);
        await _scene.DeliverAsync(times: 2);
        await _scene.SettleAsync();

        (await _scene.WalletAsync()).ShouldBe((Money.Zero, Money.Zero));
        (await Desks.Payments.ListRefundsAsync(payment.Id, Stop)).Single().ShouldSatisfyAllConditions(
            found => found.State.ShouldBe(RefundState.Succeeded), found => found.StripeId.ShouldBe(stripeId));
        (await FindAsync(payment)).ShouldSatisfyAllConditions(
            found => found.State.ShouldBe(PaymentState.PartlyRefunded), found => found.Refunded.ShouldBe(Money.Parse("15")), found => found.Owed.ShouldBe(Money.Zero));
        await _scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Refund_ThatStripeRefusesOrLaterReturns_IsFreeAgain()
    {
        var payment = await _scene.PayAsync("25");
        _scene.Stripe.RefundByHand(payment.Intent!, 2_000);
        var refused = (await _scene.AskForRefundAsync(payment.Id, "20")).Value;

        await _scene.LookAsync(payment.Id);

        var found = (await Desks.Payments.ListRefundsAsync(payment.Id, Stop)).Single();
        (found.Id, found.State).ShouldBe((refused.Id, RefundState.Failed));
        found.Reason!.ShouldContain("greater than unrefunded");
        (await _scene.WalletAsync()).ShouldBe((Money.Parse("5"), Money.Parse("5")), "what the dashboard has refunded is taken");
        var second = (await _scene.AskForRefundAsync(payment.Id, "5")).Value;
        await _scene.LookAsync(payment.Id);
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Zero);
        _scene.Stripe.DecideRefund((await Desks.Payments.ListRefundsAsync(payment.Id, Stop)).Single(refund => refund.Id == second.Id).StripeId!, succeeds: false);
        await _scene.DeliverAsync();
        await _scene.SettleAsync();

        (await _scene.WalletAsync()).ShouldBe((Money.Parse("5"), Money.Parse("5")));
        await _scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Dispute_OfSpentMoney_IsOwedAndPaidByLaterCredit()
    {
        var first = await _scene.PayAsync("25");
        await _scene.SpendAsync("21");
        var dispute = _scene.Stripe.OpenDispute(first.Intent!, 2_500);
        await _scene.DeliverAsync();
        await _scene.SettleAsync();
        (await FindAsync(first)).ShouldSatisfyAllConditions(found => found.State.ShouldBe(PaymentState.Disputed), found => found.Owed.ShouldBe(Money.Parse("21")));
        (await _scene.WalletAsync()).ShouldBe((Money.Zero, Money.Zero));
        await _scene.CheckBooksAsync("disputed");

        await _scene.PayAsync("10");
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Zero, "the debt comes first");
        await _scene.EarnAsync("4");
        await _scene.SettleAsync();
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Zero, "what is earned pays it, too");
        (await FindAsync(first)).Owed.ShouldBe(Money.Parse("7"));
        await _scene.CheckBooksAsync("partly paid");

        _scene.Stripe.CloseDispute(dispute, isWon: true);
        await _scene.DeliverAsync();
        await _scene.SettleAsync();
        (await FindAsync(first)).State.ShouldBe(PaymentState.Won);
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("18"), "4 that were there, 10 and 4 that paid the debt");
        (await FindAsync(first)).Owed.ShouldBe(Money.Zero);
        await _scene.CheckBooksAsync("won");
        (await EventsAsync()).Count(type => type == EventTypes.PaymentDisputed).ShouldBe(2);
    }

    [Fact]
    public async Task Dispute_ThatIsLost_StaysTaken()
    {
        var payment = await _scene.PayAsync("25");
        var dispute = _scene.Stripe.OpenDispute(payment.Intent!, 2_500);
        _scene.Stripe.CloseDispute(dispute, isWon: false);

        await _scene.DeliverAsync();
        await _scene.SettleAsync();

        (await FindAsync(payment)).State.ShouldBe(PaymentState.Lost);
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Zero);
        (await _scene.AskForRefundAsync(payment.Id, "1")).Refusal!.Code.ShouldBe(PaymentRefusal.PaymentNotRefundable);
        await _scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Payout_OfAll_LeavesWhatIsLessThanACent()
    {
        await _scene.PayAsync("25");
        await _scene.SpendAsync("4.996");
        (await RequestPayoutAsync(null)).Refusal!.Code.ShouldBe(PaymentRefusal.PayoutAccountMissing);
        await Desks.PayoutDesk.SetUpAsync(_scene.User, "key", Stop);
        (await RequestPayoutAsync(null)).Refusal!.Code.ShouldBe(PaymentRefusal.PayoutAccountNotReady);
        (await _scene.OnboardAsync()).AccountState.ShouldBe(PayoutAccountState.Active);
        (await RequestPayoutAsync("0.5")).Refusal!.Code.ShouldBe(PaymentRefusal.PayoutBelowMinimum);
        (await RequestPayoutAsync("1.001")).Refusal!.Code.ShouldBe(PaymentRefusal.AmountNotWholeCents);
        (await RequestPayoutAsync("20.01")).Refusal!.Code.ShouldBe(PaymentRefusal.InsufficientFunds);

        var payout = (await RequestPayoutAsync(null)).Value;
        (await _scene.WalletAsync()).ShouldBe((Money.Parse("20.004"), Money.Parse("0.004")));
        var paid = (await Desks.PayoutDesk.LookAsync(payout.Id, ifDue: false, Stop))!;

        (paid.State, paid.Amount).ShouldBe((PayoutState.Paid, Money.Parse("20")));
        (await _scene.WalletAsync()).ShouldBe((Money.Parse("0.004"), Money.Parse("0.004")));
        await _scene.CheckBooksAsync();
        _scene.Stripe.ReverseTransfer(paid.StripeId!, 500);
        await _scene.DeliverAsync();
        await _scene.SettleAsync();
        (await Desks.Payouts.FindAsync(payout.Id, Stop))!.ShouldSatisfyAllConditions(
            found => found.State.ShouldBe(PayoutState.Reversed), found => found.Returned.ShouldBe(Money.Parse("5")));
        (await _scene.WalletAsync()).Posted.ShouldBe(Money.Parse("5.004"));
        await _scene.CheckBooksAsync();
        (await EventsAsync()).Where(type => type.StartsWith("stoa.payout", StringComparison.Ordinal)).ShouldBe([EventTypes.PayoutPaid, EventTypes.PayoutFailed]);
    }

    [Fact]
    public async Task Payout_ThatStripeRefuses_IsFreeAgain()
    {
        await _scene.EarnFromNothingAsync("50");
        await _scene.OnboardAsync();
        var payout = (await RequestPayoutAsync("30")).Value;

        var failed = (await Desks.PayoutDesk.LookAsync(payout.Id, ifDue: false, Stop))!;

        failed.State.ShouldBe(PayoutState.Failed);
        failed.Reason!.ShouldContain("insufficient available funds");
        (await _scene.WalletAsync()).Available.ShouldBe(Money.Parse("50"));
        _scene.Stripe.All("transfer").ShouldBeEmpty();
    }

    [Fact]
    public async Task Steps_WhoseKeysStripeHasForgotten_AreNotMadeTwice()
    {
        var payment = await _scene.PayAsync("25");
        await _scene.OnboardAsync();
        await _scene.AskForRefundAsync(payment.Id, "5");
        var payout = (await RequestPayoutAsync("10")).Value;
        // Stripe does both, and nobody hears of it.
        _scene.Handler.After = step => step is "POST /v1/refunds" or "POST /v1/transfers" ? throw new IOException("gone") : Task.CompletedTask;
        await Should.ThrowAsync<StripeException>(() => Desks.Desk.LookAsync(payment.Id, ifDue: false, Stop));
        await Should.ThrowAsync<StripeException>(() => Desks.PayoutDesk.LookAsync(payout.Id, ifDue: false, Stop));
        _scene.Handler.After = null;
        _scene.Stripe.ForgetIdempotencyKeys();
        _scene.Time.Advance(TimeSpan.FromDays(2));

        await _scene.SettleAsync();

        (_scene.Stripe.All("refund").Count, _scene.Stripe.All("transfer").Count).ShouldBe((1, 1));
        (await _scene.WalletAsync()).ShouldBe((Money.Parse("10"), Money.Parse("10")));
        await _scene.CheckBooksAsync();
    }

    [Fact]
    public async Task List_IsPagedNewestFirst()
    {
        var paid = new List<Payment>();
        for (var made = 0; made < 3; made++)
            paid.Add(await _scene.PayAsync("5"));

        var first = await Desks.Payments.ListAsync(_scene.User.Id, new PageRequest(2), Stop);
        var second = await Desks.Payments.ListAsync(_scene.User.Id, new PageRequest(2, first.NextCursor), Stop);

        first.Items.Concat(second.Items).Select(payment => payment.Id).ShouldBe(paid.Select(payment => payment.Id).Reverse());
        second.NextCursor.ShouldBeNull();
    }

    [Fact]
    public async Task Events_AreForgottenWhenStripeSendsThemNoMore()
    {
        await _scene.PayAsync("5");
        var told = _scene.Stripe.Events[0].ToJsonString();
        (await _scene.NoteAsync(told)).ShouldBeTrue();
        (await _scene.NoteAsync(told)).ShouldBeFalse();

        await Desks.Payments.ForgetEventsAsync(_scene.Time.GetUtcNow().AddDays(39), Stop);
        (await _scene.NoteAsync(told)).ShouldBeFalse();
        await Desks.Payments.ForgetEventsAsync(_scene.Time.GetUtcNow().AddDays(41), Stop);
        (await _scene.NoteAsync(told)).ShouldBeTrue();
    }

    private Task<Outcome<Payout, PaymentRefusal>> RequestPayoutAsync(string? dollars) => Desks.Payouts.RequestAsync(
        _scene.Ids.Next<Payout>(), _scene.User.Id, _scene.Wallet, dollars is null ? null : Money.Parse(dollars), Money.Parse("1"), _scene.Time.GetUtcNow(), Stop);

    private async Task<Payment> FindAsync(Payment payment) => (await Desks.Payments.FindAsync(payment.Id, Stop))!;

    private async Task<IReadOnlyList<string>> EventsAsync() =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(_scene.User.Id, null, []), 100, Stop)).Events.Select(told => told.Event.Type)];
}

public sealed class SqlitePaymentStoreTests() : PaymentStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPaymentStoreTests(PostgresCluster cluster) : PaymentStoreConformance(new PostgresSource(cluster));
