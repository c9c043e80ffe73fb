using Stoa.Market.Payments;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Payments;

/// <summary>A node that dies between any two steps, before or after a commit, before or after Stripe has done what it was asked, leaves what the next one goes on with.</summary>
public sealed class PaymentDeathTests(ITestOutputHelper output)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("speed", "slow")]
    public async Task Node_ThatDiesAtAnyStep_LosesNothingAndDoesNothingTwice()
    {
        await using var source = new SqliteSource();
        await using var books = await source.OpenAsync();
        var stripe = new FakeStripe();
        // What others have paid in, so that Stripe has something to pay out although each story ends in a debt.
        using (var others = await PaymentScene.OpenAsync(books, stripe: stripe))
            await others.PayAsync("9000");
        var (point, deaths, dying) = (0, 0, true);
        for (; dying; point++)
        {
            var death = new Death();
            var database = new MortalDatabase(books, death);
            using var scene = await PaymentScene.OpenAsync(books, database, stripe, point + 1);
            scene.Handler.Before = scene.Handler.After = _ => death.PassAsync();
            var story = new Story(scene);
            death.At(point);
            try
            {
                await story.TellAsync();
                dying = false;
            }
            catch (NodeDiedException)
            {
                deaths++;
            }

            death.At(-1);
            // The next node finds what is due; and the user, who has heard nothing, asks again.
            await scene.SettleAsync();
            await story.TellAsync();
            await scene.SettleAsync();
            await story.CheckAsync($"died at point {point}");
        }

        output.WriteLine($"{deaths} deaths, one at each of the points");
        deaths.ShouldBeGreaterThan(40);
    }

    /// <summary>A payment, a refund, a payout and a dispute, each under an id of its own, so that all of it can be asked for again.</summary>
    private sealed class Story(PaymentScene scene)
    {
        private readonly Id<Payment> _payment = scene.Ids.Next<Payment>();
        private readonly Id<Refund> _refund = scene.Ids.Next<Refund>();
        private readonly Id<Payout> _payout = scene.Ids.Next<Payout>();
        private readonly int _transfers = scene.Stripe.All("transfer").Count;
        private readonly int _refunds = scene.Stripe.All("refund").Count;
        private readonly int _sessions = scene.Stripe.All("checkout.session").Count;
        private readonly int _told = scene.Stripe.Events.Count;
        private string? _dispute;

        public async Task TellAsync()
        {
            var desks = scene.Desks;
            var begun = await scene.BeginAsync("25", _payment);
            scene.Stripe.Pay(begun.Session!);
            await HearAsync();
            await desks.Desk.LookAsync(_payment, ifDue: false, Stop);
            if (_dispute is null)
            {
                (await scene.AskForRefundAsync(_payment, "10", _refund)).Refusal.ShouldBeNull();
                await desks.Desk.LookAsync(_payment, ifDue: false, Stop);
            }

            var (party, _) = await desks.PayoutDesk.SetUpAsync(scene.User, $"link-{scene.User.Id}", Stop);
            scene.Stripe.Onboard(party.Account!);
            await desks.PayoutDesk.LookAtAccountAsync(scene.User.Id, ifDue: false, Stop);
            (await desks.Payouts.RequestAsync(_payout, scene.User.Id, scene.Wallet, Money.Parse("5"), Money.Parse("1"), scene.Time.GetUtcNow(), Stop)).Refusal.ShouldBeNull();
            await desks.PayoutDesk.LookAsync(_payout, ifDue: false, Stop);
            _dispute ??= scene.Stripe.OpenDispute((await desks.Payments.FindAsync(_payment, Stop))!.Intent!, 1_500);
            await HearAsync();
            await desks.Desk.LookAsync(_payment, ifDue: false, Stop);
        }

        public async Task CheckAsync(string when)
        {
            (scene.Stripe.All("transfer").Count - _transfers).ShouldBe(1, when);
            (scene.Stripe.All("refund").Count - _refunds).ShouldBe(1, when);
            (scene.Stripe.All("checkout.session").Count - _sessions).ShouldBe(1, when);
            var paid = (await scene.Desks.Payments.FindAsync(_payment, Stop))!;
            (paid.State, paid.Refunded, paid.Disputed, paid.Owed).ShouldBe((PaymentState.Disputed, Money.Parse("10"), Money.Parse("15"), Money.Parse("5")), when);
            (await scene.WalletAsync()).ShouldBe((Money.Zero, Money.Zero), when);
            (await scene.Desks.Payouts.FindAsync(_payout, Stop))!.State.ShouldBe(PayoutState.Paid, when);
            (await scene.Ledger.TotalAsync(Stop)).OpenHolds.ShouldBe(0, when);
            await scene.CheckBooksAsync(when);
        }

        private async Task HearAsync()
        {
            foreach (var one in scene.Stripe.Events.Skip(_told))
                await scene.NoteAsync(one.ToJsonString());
        }
    }

    /// <summary>Counts the points that are passed, and kills at one of them.</summary>
    private sealed class Death
    {
        private int _passed;
        private int _fatal = -1;

        public void At(int point) => (_passed, _fatal) = (0, point);

        public Task PassAsync() => _passed++ == _fatal ? throw new NodeDiedException() : Task.CompletedTask;
    }

    private sealed class NodeDiedException : Exception;

    /// <summary>A database whose node may die before a commit, or after it.</summary>
    private sealed class MortalDatabase(Database inner, Death death) : Database
    {
        public override SqlDialect Dialect => inner.Dialect;

        public override Task EndSessionsAsync(string boot, CancellationToken cancellationToken) => inner.EndSessionsAsync(boot, cancellationToken);

        public override Task ScrubAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken) => inner.ScrubAsync(tables, cancellationToken);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private protected override async Task<Written<T>> RunWriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
        {
            await death.PassAsync();
            SqlSession? session = null;
            var result = await inner.WriteAsync(
                running =>
                {
                    session = running;
                    return act(running);
                },
                cancellationToken);
            // What goes with a commit was done by the other one.
            session!.Abandon();
            await death.PassAsync();
            return new Written<T>(result, session);
        }

        private protected override Task<T> RunReadAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken) =>
            inner.ReadAsync(act, cancellationToken);
    }
}
