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
    private PaymentScene scene = null!;

    private PaymentDesks Desks => scene.Desks;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        scene = await PaymentScene.OpenAsync(Database);
    }

    public override async ValueTask DisposeAsync()
    {
        scene?.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Payment_WhosWebhookComesTwiceAndLate_IsCreditedOnce()
    {
        var payment = await scene.BeginAsync("25");
        (payment.State, payment.Url).ShouldBe((PaymentState.Created, $"https://checkout.stripe.com/c/pay/{payment.Session}"));
        scene.Stripe.Pay(payment.Session!);

        await scene.DeliverAsync(times: 3);
        await scene.SettleAsync();
        await scene.DeliverAsync();
        await scene.SettleAsync();

        (await Desks.Payments.FindAsync(payment.Id, Stop))!.State.ShouldBe(PaymentState.Credited);
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Parse("25"));
        var credit = (await scene.Ledger.ListTransfersAsync(scene.Wallet, new PageRequest(), Stop)).Items.Single();
        (credit.Id.Uuid, credit.Purpose, credit.Cause).ShouldBe((payment.Id.Uuid, TransferPurpose.PaymentCredit, payment.Id.ToString()));
        (await EventsAsync()).ShouldBe([EventTypes.PaymentCredited]);
        await scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Payment_WhoseWebhookNeverComes_IsFoundByTheSweeper()
    {
        var payment = await scene.BeginAsync("25");
        scene.Stripe.Pay(payment.Session!);
        (await Desks.Worker.RunOnceAsync(Stop)).ShouldBe(0, "it is not due yet");

        await scene.SettleAsync();

        (await scene.WalletAsync()).Posted.ShouldBe(Money.Parse("25"));
    }

    [Fact]
    public async Task Payment_BegunAgainUnderItsId_IsTheSame()
    {
        var payment = await scene.BeginAsync("25");

        var again = await scene.BeginAsync("30", payment.Id);

        (again.Session, again.Amount).ShouldBe((payment.Session, payment.Amount));
        scene.Stripe.All("checkout.session").Count.ShouldBe(1);
        scene.Stripe.All("customer").Count.ShouldBe(1);
    }

    [Fact]
    public async Task Payments_BegunAndNotPaid_AreOnlySoMany()
    {
        for (var begun = 0; begun < 8; begun++)
            await scene.BeginAsync("5");

        var oneMore = await Desks.Desk.BeginAsync(scene.Ids.Next<Payment>(), scene.User, scene.Wallet, Money.Parse("5"), Stop);

        oneMore.Refusal!.Code.ShouldBe(PaymentRefusal.PaymentsTooMany);
    }

    [Fact]
    public async Task Payment_ThatExpiresOrFails_MovesNothingAndIsLookedAtNoMore()
    {
        var (expired, failed, processing) = (await scene.BeginAsync("5"), await scene.BeginAsync("6"), await scene.BeginAsync("7"));
        scene.Stripe.Expire(expired.Session!);
        scene.Stripe.Fail(failed.Session!);
        scene.Stripe.Process(processing.Session!);

        await scene.SettleAsync();

        (await FindAsync(expired)).ShouldSatisfyAllConditions(found => found.State.ShouldBe(PaymentState.Expired), found => found.DueAt.ShouldBeNull());
        (await FindAsync(failed)).State.ShouldBe(PaymentState.Failed);
        (await FindAsync(processing)).ShouldSatisfyAllConditions(found => found.State.ShouldBe(PaymentState.Processing), found => found.DueAt.ShouldNotBeNull());
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Zero);
        scene.Stripe.Pay(processing.Session!);
        await scene.DeliverAsync();
        await scene.SettleAsync();
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Parse("7"));
        (await EventsAsync()).Order().ShouldBe([EventTypes.PaymentCredited, EventTypes.PaymentFailed, EventTypes.PaymentFailed]);
    }

    [Fact]
    public async Task Look_ThatSomethingCameBetween_WritesNothing()
    {
        var payment = await scene.BeginAsync("25");
        scene.Stripe.Pay(payment.Session!);
        var old = (await Desks.Payments.TakeAsync(payment.Id, ifDue: false, scene.Time.GetUtcNow(), Stop))!;
        var view = new StripeView(CheckoutState.Open, Money.Parse("25"), "usd", null, [], []);
        await scene.LookAsync(payment.Id);

        (await Desks.Payments.ObserveAsync(old, view, scene.Time.GetUtcNow(), Stop)).ShouldBeNull();

        (await FindAsync(payment)).State.ShouldBe(PaymentState.Credited);
    }

    [Fact]
    public async Task Looks_OfManyNodesAtOnce_CreditOnce()
    {
        var payments = new List<Payment> { await scene.BeginAsync("10"), await scene.BeginAsync("20"), await scene.BeginAsync("30") };
        foreach (var payment in payments)
            scene.Stripe.Pay(payment.Session!);

        await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(_ => payments).Select(payment => Task.Run(async () =>
        {
            await scene.DeliverAsync();
            await Desks.Desk.LookAsync(payment.Id, ifDue: false, Stop);
        })));
        await scene.SettleAsync();

        (await scene.WalletAsync()).Posted.ShouldBe(Money.Parse("60"));
        await scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Refund_OfWhatWasNotSpent_IsHeldThenCaptured()
    {
        var payment = await scene.PayAsync("25");
        await scene.SpendAsync("10");
        (await scene.AskForRefundAsync(payment.Id, "15.01")).Refusal!.Code.ShouldBe(PaymentRefusal.InsufficientFunds);
        scene.Stripe.RefundsArePending = true;

        var refund = (await scene.AskForRefundAsync(payment.Id, "15")).Value;
        (await scene.AskForRefundAsync(payment.Id, "15", refund.Id)).Value.Id.ShouldBe(refund.Id, "the same request again");
        (await scene.WalletAsync()).ShouldBe((Money.Parse("15"), Money.Zero));
        await scene.LookAsync(payment.Id);
        (await scene.WalletAsync()).ShouldBe((Money.Parse("15"), Money.Zero), "Stripe has not decided");
        var stripeId = (string)scene.Stripe.All("refund").Single()["id"]!;
        scene.Stripe.DecideRefund(stripeId, succeeds: true);
        await scene.DeliverAsync(times: 2);
        await scene.SettleAsync();

        (await scene.WalletAsync()).ShouldBe((Money.Zero, Money.Zero));
        (await Desks.Payments.ListRefundsAsync(payment.Id, Stop)).Single().ShouldSatisfyAllConditions(
            found => found.State.ShouldBe(RefundState.Succeeded), found => found.StripeId.ShouldBe(stripeId));
        (await FindAsync(payment)).ShouldSatisfyAllConditions(
            found => found.State.ShouldBe(PaymentState.PartlyRefunded), found => found.Refunded.ShouldBe(Money.Parse("15")), found => found.Owed.ShouldBe(Money.Zero));
        await scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Refund_ThatStripeRefusesOrLaterReturns_IsFreeAgain()
    {
        var payment = await scene.PayAsync("25");
        scene.Stripe.RefundByHand(payment.Intent!, 2_000);
        var refused = (await scene.AskForRefundAsync(payment.Id, "20")).Value;

        await scene.LookAsync(payment.Id);

        var found = (await Desks.Payments.ListRefundsAsync(payment.Id, Stop)).Single();
        (found.Id, found.State).ShouldBe((refused.Id, RefundState.Failed));
        found.Reason!.ShouldContain("greater than unrefunded");
        (await scene.WalletAsync()).ShouldBe((Money.Parse("5"), Money.Parse("5")), "what the dashboard has refunded is taken");
        var second = (await scene.AskForRefundAsync(payment.Id, "5")).Value;
        await scene.LookAsync(payment.Id);
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Zero);
        scene.Stripe.DecideRefund((await Desks.Payments.ListRefundsAsync(payment.Id, Stop)).Single(refund => refund.Id == second.Id).StripeId!, succeeds: false);
        await scene.DeliverAsync();
        await scene.SettleAsync();

        (await scene.WalletAsync()).ShouldBe((Money.Parse("5"), Money.Parse("5")));
        await scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Dispute_OfSpentMoney_IsOwedAndPaidByLaterCredit()
    {
        var first = await scene.PayAsync("25");
        await scene.SpendAsync("21");
        var dispute = scene.Stripe.OpenDispute(first.Intent!, 2_500);
        await scene.DeliverAsync();
        await scene.SettleAsync();
        (await FindAsync(first)).ShouldSatisfyAllConditions(found => found.State.ShouldBe(PaymentState.Disputed), found => found.Owed.ShouldBe(Money.Parse("21")));
        (await scene.WalletAsync()).ShouldBe((Money.Zero, Money.Zero));
        await scene.CheckBooksAsync("disputed");

        await scene.PayAsync("10");
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Zero, "the debt comes first");
        await scene.EarnAsync("4");
        await scene.SettleAsync();
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Zero, "what is earned pays it, too");
        (await Desks.Payments.OwedAsync(scene.User.Id, Stop)).ShouldBe(Money.Parse("7"));
        await scene.CheckBooksAsync("partly paid");

        scene.Stripe.CloseDispute(dispute, isWon: true);
        await scene.DeliverAsync();
        await scene.SettleAsync();
        (await FindAsync(first)).State.ShouldBe(PaymentState.Won);
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Parse("18"), "4 that were there, 10 and 4 that paid the debt");
        (await Desks.Payments.OwedAsync(scene.User.Id, Stop)).ShouldBe(Money.Zero);
        await scene.CheckBooksAsync("won");
        (await EventsAsync()).Count(type => type == EventTypes.PaymentDisputed).ShouldBe(2);
    }

    [Fact]
    public async Task Dispute_ThatIsLost_StaysTaken()
    {
        var payment = await scene.PayAsync("25");
        var dispute = scene.Stripe.OpenDispute(payment.Intent!, 2_500);
        scene.Stripe.CloseDispute(dispute, isWon: false);

        await scene.DeliverAsync();
        await scene.SettleAsync();

        (await FindAsync(payment)).State.ShouldBe(PaymentState.Lost);
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Zero);
        (await scene.AskForRefundAsync(payment.Id, "1")).Refusal!.Code.ShouldBe(PaymentRefusal.PaymentNotRefundable);
        await scene.CheckBooksAsync();
    }

    [Fact]
    public async Task Payout_OfAll_LeavesWhatIsLessThanACent()
    {
        await scene.PayAsync("25");
        await scene.SpendAsync("4.996");
        (await RequestPayoutAsync(null)).Refusal!.Code.ShouldBe(PaymentRefusal.PayoutAccountMissing);
        await Desks.PayoutDesk.SetUpAsync(scene.User, "key", Stop);
        (await RequestPayoutAsync(null)).Refusal!.Code.ShouldBe(PaymentRefusal.PayoutAccountNotReady);
        (await scene.OnboardAsync()).AccountState.ShouldBe(PayoutAccountState.Active);
        (await RequestPayoutAsync("0.5")).Refusal!.Code.ShouldBe(PaymentRefusal.PayoutBelowMinimum);
        (await RequestPayoutAsync("1.001")).Refusal!.Code.ShouldBe(PaymentRefusal.AmountNotWholeCents);
        (await RequestPayoutAsync("20.01")).Refusal!.Code.ShouldBe(PaymentRefusal.InsufficientFunds);

        var payout = (await RequestPayoutAsync(null)).Value;
        (await scene.WalletAsync()).ShouldBe((Money.Parse("20.004"), Money.Parse("0.004")));
        var paid = (await Desks.PayoutDesk.LookAsync(payout.Id, ifDue: false, Stop))!;

        (paid.State, paid.Amount).ShouldBe((PayoutState.Paid, Money.Parse("20")));
        (await scene.WalletAsync()).ShouldBe((Money.Parse("0.004"), Money.Parse("0.004")));
        await scene.CheckBooksAsync();
        scene.Stripe.ReverseTransfer(paid.StripeId!, 500);
        await scene.DeliverAsync();
        await scene.SettleAsync();
        (await Desks.Payouts.FindAsync(payout.Id, Stop))!.ShouldSatisfyAllConditions(
            found => found.State.ShouldBe(PayoutState.Reversed), found => found.Returned.ShouldBe(Money.Parse("5")));
        (await scene.WalletAsync()).Posted.ShouldBe(Money.Parse("5.004"));
        await scene.CheckBooksAsync();
        (await EventsAsync()).Where(type => type.StartsWith("stoa.payout", StringComparison.Ordinal)).ShouldBe([EventTypes.PayoutPaid, EventTypes.PayoutFailed]);
    }

    [Fact]
    public async Task Payout_ThatStripeRefuses_IsFreeAgain()
    {
        await scene.EarnFromNothingAsync("50");
        await scene.OnboardAsync();
        var payout = (await RequestPayoutAsync("30")).Value;

        var failed = (await Desks.PayoutDesk.LookAsync(payout.Id, ifDue: false, Stop))!;

        failed.State.ShouldBe(PayoutState.Failed);
        failed.Reason!.ShouldContain("insufficient available funds");
        (await scene.WalletAsync()).Available.ShouldBe(Money.Parse("50"));
        scene.Stripe.All("transfer").ShouldBeEmpty();
    }

    [Fact]
    public async Task Steps_WhoseKeysStripeHasForgotten_AreNotMadeTwice()
    {
        var payment = await scene.PayAsync("25");
        await scene.OnboardAsync();
        await scene.AskForRefundAsync(payment.Id, "5");
        var payout = (await RequestPayoutAsync("10")).Value;
        // Stripe does both, and nobody hears of it.
        scene.Handler.After = step => step is "POST /v1/refunds" or "POST /v1/transfers" ? throw new IOException("gone") : Task.CompletedTask;
        await Should.ThrowAsync<StripeException>(() => Desks.Desk.LookAsync(payment.Id, ifDue: false, Stop));
        await Should.ThrowAsync<StripeException>(() => Desks.PayoutDesk.LookAsync(payout.Id, ifDue: false, Stop));
        scene.Handler.After = null;
        scene.Stripe.ForgetIdempotencyKeys();
        scene.Time.Advance(TimeSpan.FromDays(2));

        await scene.SettleAsync();

        (scene.Stripe.All("refund").Count, scene.Stripe.All("transfer").Count).ShouldBe((1, 1));
        (await scene.WalletAsync()).ShouldBe((Money.Parse("10"), Money.Parse("10")));
        await scene.CheckBooksAsync();
    }

    [Fact]
    public async Task List_IsPagedNewestFirst()
    {
        var paid = new List<Payment>();
        for (var made = 0; made < 3; made++)
            paid.Add(await scene.PayAsync("5"));

        var first = await Desks.Payments.ListAsync(scene.User.Id, new PageRequest(2), Stop);
        var second = await Desks.Payments.ListAsync(scene.User.Id, new PageRequest(2, first.NextCursor), Stop);

        first.Items.Concat(second.Items).Select(payment => payment.Id).ShouldBe(paid.Select(payment => payment.Id).Reverse());
        second.NextCursor.ShouldBeNull();
    }

    [Fact]
    public async Task Events_AreForgottenWhenStripeSendsThemNoMore()
    {
        await scene.PayAsync("5");
        var told = scene.Stripe.Events[0].ToJsonString();
        (await scene.NoteAsync(told)).ShouldBeTrue();
        (await scene.NoteAsync(told)).ShouldBeFalse();

        await Desks.Payments.ForgetEventsAsync(scene.Time.GetUtcNow().AddDays(39), Stop);
        (await scene.NoteAsync(told)).ShouldBeFalse();
        await Desks.Payments.ForgetEventsAsync(scene.Time.GetUtcNow().AddDays(41), Stop);
        (await scene.NoteAsync(told)).ShouldBeTrue();
    }

    private Task<Outcome<Payout, PaymentRefusal>> RequestPayoutAsync(string? dollars) => Desks.Payouts.RequestAsync(
        scene.Ids.Next<Payout>(), scene.User.Id, scene.Wallet, dollars is null ? null : Money.Parse(dollars), Money.Parse("1"), scene.Time.GetUtcNow(), Stop);

    private async Task<Payment> FindAsync(Payment payment) => (await Desks.Payments.FindAsync(payment.Id, Stop))!;

    private async Task<IReadOnlyList<string>> EventsAsync() =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(scene.User.Id, null, []), 100, Stop)).Events.Select(told => told.Event.Type)];
}

public sealed class SqlitePaymentStoreTests() : PaymentStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPaymentStoreTests(PostgresCluster cluster) : PaymentStoreConformance(new PostgresSource(cluster));
