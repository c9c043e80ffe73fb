using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Payments;
using Stoa.Node.Payments;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Payments;

/// <summary>Whatever payers, banks, creators and the network do, in whatever order: money is neither made nor lost, and the ledger says what Stripe says.</summary>
public sealed class PaymentHistories
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private enum Act
    {
        Begin, Pay, Process, Fail, Expire, Look, Deliver, Work, RefundByHand, AskForRefund, DecideRefund, Dispute, CloseDispute, Spend, Earn, PayOut, Reverse, Break, Heal, Wait,
    }

    /// <summary>One thing that happens: to which, and how much.</summary>
    private sealed record Step(Act Act, int Which, int Cents);

    [Fact]
    [Trait("speed", "slow")]
    public async Task Money_AfterAnyHistory_IsWhereStripeSaysItIs()
    {
        await using var source = new SqliteSource();
        await using var database = await source.OpenAsync();
        var stripe = new FakeStripe();
        var number = 0;
        var step =
            from act in Gen.Elements(Enum.GetValues<Act>().Concat([Act.Begin, Act.Pay, Act.Pay, Act.Look, Act.Deliver, Act.AskForRefund, Act.Heal]).ToArray())
            from which in Gen.Choose(0, 7)
            from cents in Gen.Choose(1, 3_000)
            select new Step(act, which, cents);
        Prop.ForAll(Arb.From(Gen.ListOf(step, 45)), steps =>
        {
            var run = ++number;
            Task.Run(() => RunAsync(database, stripe, run, [.. steps]), Stop).GetAwaiter().GetResult();
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));
        number.ShouldBeGreaterThan(50);
    }

    private static async Task RunAsync(Stoa.Node.Storage.Database database, FakeStripe stripe, int number, IReadOnlyList<Step> steps)
    {
        using var scene = await PaymentScene.OpenAsync(database, stripe: stripe, number: number);
        var (payments, payouts, disputes) = (new List<Id<Payment>>(), new List<Id<Payout>>(), new List<string>());
        var (told, refundsBefore, transfersBefore) = (stripe.Events.Count, stripe.All("refund").Count, stripe.All("transfer").Count);
        await scene.OnboardAsync();
        foreach (var step in steps)
        {
            try
            {
                await DoAsync(step);
            }
            catch (StripeException)
            {
                // The network was broken.
            }
        }

        (scene.Handler.Before, scene.Handler.After) = (null, null);
        // In the end all that is open is decided, and everything is looked at once more; a refund that waits is out of Stripe's balance and still in the wallet.
        stripe.RefundsArePending = false;
        foreach (var refund in stripe.All("refund").Skip(refundsBefore).Where(refund => (string)refund["status"]! == "pending"))
            stripe.DecideRefund((string)refund["id"]!, succeeds: true);
        foreach (var payment in payments)
            await scene.LookAsync(payment);
        foreach (var payout in payouts)
            await scene.Desks.PayoutDesk.LookAsync(payout, ifDue: false, Stop);
        await scene.SettleAsync();

        await scene.CheckBooksAsync(string.Join(", ", steps));
        (await scene.Ledger.TotalAsync(Stop)).OpenHolds.ShouldBe(0);
        (stripe.All("transfer").Count - transfersBefore).ShouldBeLessThanOrEqualTo(payouts.Count);
        foreach (var id in payments)
        {
            // Of too many that were begun there is none.
            if (await scene.Desks.Payments.FindAsync(id, Stop) is not { } payment)
                continue;
            var isPaid = payment.Session is { } session && (string)stripe.Thing(session)["payment_status"]! == "paid";
            payment.IsCredited.ShouldBe(isPaid);
            if (isPaid)
                (payment.Refunded + payment.Disputed).ShouldBe(payment.Amount - Cents.ToMoney(stripe.LeftOf(payment.Intent!)));
        }

        async Task DoAsync(Step step)
        {
            var payment = payments.Count == 0 ? null : await scene.Desks.Payments.FindAsync(payments[step.Which % payments.Count], Stop);
            var session = payment?.Session;
            switch (step.Act)
            {
                case Act.Begin:
                    var id = scene.Ids.Next<Payment>();
                    payments.Add(id);
                    await scene.Desks.Desk.BeginAsync(id, scene.User, scene.Wallet, Cents.ToMoney(step.Cents + 50), Stop);
                    break;
                case Act.Pay when session is not null && Status(session) is "open" or "complete":
                    stripe.Pay(session);
                    break;
                case Act.Process when session is not null && Status(session) == "open":
                    stripe.Process(session);
                    break;
                case Act.Fail when session is not null && Status(session) == "open":
                    stripe.Fail(session);
                    break;
                case Act.Expire when session is not null && Status(session) == "open":
                    stripe.Expire(session);
                    break;
                case Act.Look when payment is not null:
                    await scene.LookAsync(payment.Id);
                    break;
                case Act.Deliver:
                    // One of them, an old one perhaps, and perhaps again.
                    var events = stripe.Events.Skip(told).ToList();
                    if (events.Count > 0)
                        await scene.NoteAsync(events[step.Cents % events.Count].ToJsonString());
                    break;
                case Act.Work:
                    await scene.Desks.Worker.RunOnceAsync(Stop);
                    break;
                case Act.RefundByHand when payment?.Intent is not null:
                    stripe.RefundByHand(payment.Intent, step.Cents);
                    break;
                case Act.AskForRefund when payment is not null:
                    stripe.RefundsArePending = step.Which % 2 == 0;
                    await scene.AskForRefundAsync(payment.Id, Cents.ToMoney(step.Cents % 500).ToString());
                    await scene.LookAsync(payment.Id);
                    break;
                case Act.DecideRefund when stripe.All("refund").Skip(refundsBefore).ToList() is { Count: > 0 } refunds:
                    stripe.DecideRefund((string)refunds[step.Which % refunds.Count]["id"]!, step.Cents % 3 > 0);
                    break;
                case Act.Dispute when payment?.Intent is not null && stripe.LeftOf(payment.Intent) > 0:
                    disputes.Add(stripe.OpenDispute(payment.Intent, Math.Min(stripe.LeftOf(payment.Intent), step.Cents)));
                    break;
                case Act.CloseDispute when disputes.Count > 0:
                    stripe.CloseDispute(disputes[step.Which % disputes.Count], step.Cents % 2 == 0);
                    break;
                case Act.Spend:
                    await scene.TryMoveAsync(scene.Wallet, scene.Accounts.Node, $"{step.Cents / 100}.{step.Cents % 100:D2}5");
                    break;
                case Act.Earn:
                    await scene.TryMoveAsync(scene.Accounts.Node, scene.Wallet, $"{step.Cents / 100}.{step.Cents % 100:D2}5");
                    break;
                case Act.PayOut:
                    var payout = scene.Ids.Next<Payout>();
                    if ((await scene.Desks.Payouts.RequestAsync(payout, scene.User.Id, scene.Wallet, null, Money.Parse("0.01"), scene.Time.GetUtcNow(), Stop)).Refusal is null)
                    {
                        payouts.Add(payout);
                        await scene.Desks.PayoutDesk.LookAsync(payout, ifDue: false, Stop);
                    }

                    break;
                case Act.Reverse when stripe.All("transfer").Skip(transfersBefore).ToList() is { Count: > 0 } transfers:
                    var transfer = transfers[step.Which % transfers.Count];
                    var left = (long)transfer["amount"]! - (long)transfer["amount_reversed"]!;
                    if (left > 0)
                        stripe.ReverseTransfer((string)transfer["id"]!, Math.Min(left, step.Cents));
                    break;
                case Act.Break:
                    if (step.Which % 2 == 0)
                        scene.Handler.Before = Broken;
                    else
                        scene.Handler.After = Broken;
                    break;
                case Act.Heal:
                    (scene.Handler.Before, scene.Handler.After) = (null, null);
                    break;
                case Act.Wait:
                    scene.Time.Advance(TimeSpan.FromHours(step.Cents));
                    if (step.Which == 0)
                        stripe.ForgetIdempotencyKeys();
                    break;
            }
        }

        string Status(string session) => (string)stripe.Thing(session)["status"]!;

        static Task Broken(string step) => throw new HttpRequestException("broken at " + step);
    }
}
