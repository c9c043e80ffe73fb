using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Market.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Plans;

/// <summary>Whatever a user does with plans, coupons and tasks, and however time passes, his money is where a plain reading of docs/plans.md puts it.</summary>
public abstract class PlanHistories(DatabaseSource source) : PlanTest(source)
{
    private const long Dollar = 1_000_000_000;

    private static readonly (string Name, long Price, long Credit)[] s_plans = [("free", 0, Dollar / 2), ("basic", 2 * Dollar, Dollar), ("pro", 5 * Dollar, 4 * Dollar)];

    private enum Do
    {
        Subscribe,
        Cancel,
        Resume,
        Redeem,
        Deposit,
        Submit,
        Finish,
        Pass,
    }

    private sealed record Step(Do What, int Which, int Amount);

    [Fact]
    public async Task Histories_LeaveWhatTheModelLeaves()
    {
        await OfferAsync("free", 0, 0.5m);
        Prop.ForAll(Arb.From(Gen.ListOf(Steps(), 30)), steps => RunAsync(steps).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(20));
    }

    private static Gen<Step> Steps() =>
        from what in Gen.Frequency(
            (3, Gen.Constant(Do.Subscribe)), (1, Gen.Constant(Do.Cancel)), (1, Gen.Constant(Do.Resume)), (2, Gen.Constant(Do.Redeem)),
            (2, Gen.Constant(Do.Deposit)), (5, Gen.Constant(Do.Submit)), (4, Gen.Constant(Do.Finish)), (5, Gen.Constant(Do.Pass)))
        from which in Gen.Choose(0, 1_000)
        from amount in Gen.Choose(0, 1_000)
        select new Step(what, which, amount);

    private async Task<bool> RunAsync(IEnumerable<Step> steps)
    {
        var user = Ids.Next<User>();
        var wallet = (await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), user.ToString(), AccountKind.Wallet, Now), Stop)).Id;
        var (model, now, open) = (new Model(), Now, new List<(AgentTask Task, ModelTask Of)>());
        using var key = PrivateKey.Generate();
        foreach (var step in steps)
        {
            switch (step.What)
            {
                case Do.Subscribe:
                    var plan = s_plans[step.Which % s_plans.Length];
                    var put = await Subscriptions.PutAsync(user, plan.Name, null, null, now, Stop);
                    (put.Refusal is null).ShouldBe(model.Put(plan, now), $"{plan.Name}: {put.Refusal?.Detail}");
                    break;
                case Do.Cancel or Do.Resume:
                    var cancels = step.What is Do.Cancel;
                    ((await Subscriptions.CancelAsync(user, cancels, now, Stop)).Refusal is null).ShouldBe(model.Cancel(cancels));
                    break;
                case Do.Redeem:
                    var (credit, days) = ((step.Amount + 1) * Dollar / 333, step.Which % 5 == 0 ? (int?)null : step.Which % 40 + 1);
                    var code = await MakeCouponAsync(new CouponGift.Credit(new Money(credit), days));
                    (await Coupons.RedeemAsync(Ids.Next<Redemption>(), user, code, now, Stop)).Refusal.ShouldBeNull();
                    model.Give(credit, days is { } lasts ? now.AddDays(lasts) : null, now);
                    break;
                case Do.Deposit:
                    var amount = (step.Amount + 1) * Dollar / 77;
                    (await Ledger.ApplyAsync(
                        [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, wallet, new Money(amount), null, TransferPurpose.Deposit, "test", now)], Stop)).Refusal.ShouldBeNull();
                    model.Wallet += amount;
                    break;
                case Do.Submit:
                    var hold = (step.Amount + 1) * Dollar / 211 + step.Which;
                    var made = await Limited.SubmitAsync(Make(user, wallet, new Money(hold)), Stop);
                    var modelled = model.Submit(hold);
                    (made.Refusal is null).ShouldBe(modelled is not null);
                    if (modelled is not null)
                        open.Add((made.Value.Task, modelled));
                    break;
                case Do.Finish when open.Count > 0:
                    var (task, of) = open[step.Which % open.Count];
                    open.RemoveAt(step.Which % open.Count);
                    var price = step.Amount % 4 == 0 ? 0 : of.Hold * step.Amount / 1_000;
                    await FinishAsync(task, new Money(price), key);
                    model.Finish(of, price);
                    break;
                case Do.Pass:
                    now = now.AddHours(1 + step.Amount % 7 * step.Which % 240);
                    if (step.Which % 50 == 0)
                        now = now.AddDays(70);
                    await LookAsync(now);
                    model.Look(now, Options.GraceDays);
                    break;
            }

            await CompareAsync(user, wallet, model, $"after {step} at {now:u}");
        }

        foreach (var (task, _) in open)
            await FinishAsync(task, Money.Zero, key);
        var totals = await Ledger.TotalAsync(Stop);
        return totals.Posted == Money.Zero && totals.Clearing == Money.Zero && totals.PendingDebits == totals.PendingCredits;
    }

    private async Task CompareAsync(Id<User> user, Id<Account> wallet, Model model, string when)
    {
        var account = (await Ledger.GetAccountAsync(wallet, Stop))!;
        var credit = await Credit.FindAsync(user, Stop);
        (account.Available.Nanodollars, credit.Balance.Nanodollars, credit.Held.Nanodollars)
            .ShouldBe((model.WalletAvailable, model.Balance, model.CreditHeld), when);
        var fees = await TransfersAsync(TransferPurpose.PlanFee, wallet);
        fees.Sum(fee => fee.Amount.Nanodollars).ShouldBe(model.Fees, when);
        (await Subscriptions.FindAsync(user, Stop))?.Plan.Name.ShouldBe(model.Plan?.Name, when);
    }

    private NewTask Make(Id<User> user, Id<Account> wallet, Money price)
    {
        var made = NewTask(price);
        return made with
        {
            Task = made.Task with { OwnerId = user, Hold = made.Task.Hold! with { PayerId = wallet } },
            Hold = made.Hold! with { DebitAccountId = wallet },
        };
    }

    private async Task FinishAsync(AgentTask task, Money price, PrivateKey key)
    {
        if (price == Money.Zero)
        {
            (await Limited.CancelAsync(task.Id, task.OwnerId, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop)).Refusal.ShouldBeNull();
            return;
        }

        // Before all others, so that it is this one that is claimed.
        await Limited.ExpediteAsync(task.Id, task.OwnerId, Now, Stop);
        var claimed = await Limited.ClaimAsync(Holder, Room, Now.AddDays(400), Stop);
        var ends = claimed.Select(one => one.Id == task.Id ? End(one, price, key) : End(one.HandBack(Now))).ToList();
        (await Limited.EndAttemptsAsync(ends, Stop)).ShouldAllBe(outcome => outcome == AttemptEndOutcome.Written);
    }

    /// <summary>A task of the model.</summary>
    private sealed record ModelTask(long Hold, long Credit);

    /// <summary>The plain reading: credit is attributed to its grants at once, in the order in which they expire.</summary>
    private sealed class Model
    {
        private readonly List<Grant> _grants = [];
        private readonly List<ModelTask> _tasks = [];
        private (string Name, long Price, long Credit)? _next;
        private DateTimeOffset _anchor;
        private int _period;
        private bool _cancelled;
        private (DateTimeOffset Until, DateTimeOffset Again)? _grace;

        public long Wallet { get; set; }

        public long Fees { get; private set; }

        public (string Name, long Price, long Credit)? Plan { get; private set; }

        public long Balance => _grants.Sum(grant => grant.Left);

        public long CreditHeld => _tasks.Sum(task => task.Credit);

        public long WalletAvailable => Wallet - _tasks.Sum(task => task.Hold - task.Credit);

        public ModelTask? Submit(long hold)
        {
            var credit = Math.Min(hold, Balance - CreditHeld);
            if (hold - credit > WalletAvailable)
                return null;
            _tasks.Add(new ModelTask(hold, credit));
            return _tasks[^1];
        }

        public void Finish(ModelTask task, long price)
        {
            _tasks.RemoveAt(_tasks.FindIndex(one => ReferenceEquals(one, task)));
            var credit = Math.Min(task.Credit, price);
            Wallet -= price - credit;
            foreach (var grant in InOrder())
            {
                var part = Math.Min(credit, grant.Left);
                grant.Left -= part;
                credit -= part;
            }

            credit.ShouldBe(0);
        }

        public void Give(long amount, DateTimeOffset? end, DateTimeOffset now)
        {
            Expire(now);
            _grants.Add(new Grant { Left = amount, End = end, Number = _grants.Count });
        }

        public bool Put((string Name, long Price, long Credit) plan, DateTimeOffset now)
        {
            if (Plan is not { } has)
            {
                if (!Pay(plan.Price))
                    return false;
                (Plan, _next, _anchor, _period, _cancelled, _grace) = (plan, null, now, 0, false, null);
                Give(plan.Credit, End, now);
                return true;
            }

            if (has.Name == plan.Name)
            {
                (_next, _cancelled) = (null, false);
                return true;
            }

            if (_grace is not null)
                return false;
            if (plan.Price <= has.Price)
            {
                (_next, _cancelled) = (plan, false);
                return true;
            }

            var (rest, whole) = ((decimal)(End - now).Ticks, (decimal)(End - Start).Ticks);
            rest = Math.Clamp(rest, 0, whole);
            if (!Pay((long)decimal.Ceiling((plan.Price - has.Price) * (rest / 10_000) / (whole / 10_000))))
                return false;
            (Plan, _next, _cancelled) = (plan, null, false);
            if ((long)decimal.Ceiling((plan.Credit - has.Credit) * (rest / 10_000) / (whole / 10_000)) is > 0 and var more)
                Give(more, End, now);
            return true;
        }

        public bool Cancel(bool cancels)
        {
            if (Plan is null)
                return false;
            if (cancels && _grace is not null)
                Plan = null;
            (_cancelled, _next) = (cancels, cancels ? null : _next);
            return true;
        }

        public void Look(DateTimeOffset now, int graceDays)
        {
            if (Plan is { } has && (_grace?.Again ?? End) <= now)
            {
                var price = _next ?? has;
                if (_cancelled)
                {
                    Plan = null;
                }
                else if (Pay(price.Price))
                {
                    do
                        _period++;
                    while (End <= now);
                    (Plan, _next, _grace) = (price, null, null);
                    Give(price.Credit, End, now);
                }
                else
                {
                    var until = _grace?.Until ?? now.AddDays(graceDays);
                    _grace = (until, now.AddHours(6) < until ? now.AddHours(6) : until);
                    if (now >= until)
                        Plan = null;
                }
            }

            Expire(now);
        }

        private DateTimeOffset Start => _anchor.AddMonths(_period);

        private DateTimeOffset End => _anchor.AddMonths(_period + 1);

        private bool Pay(long price)
        {
            if (price > WalletAvailable)
                return false;
            Wallet -= price;
            Fees += price;
            return true;
        }

        private void Expire(DateTimeOffset now)
        {
            var held = CreditHeld;
            foreach (var grant in InOrder())
            {
                var ofTasks = Math.Min(held, grant.Left);
                held -= ofTasks;
                if (grant.End <= now)
                    grant.Left = ofTasks;
            }
        }

        private IEnumerable<Grant> InOrder() => [.. _grants.OrderBy(grant => grant.End ?? DateTimeOffset.MaxValue).ThenBy(grant => grant.Number)];

        private sealed class Grant
        {
            public long Left { get; set; }

            public DateTimeOffset? End { get; init; }

            public int Number { get; init; }
        }
    }
}

public sealed class SqlitePlanHistories() : PlanHistories(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPlanHistories(PostgresCluster cluster) : PlanHistories(new PostgresSource(cluster));
