using Stoa.Market.Disputes;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Market.Plans;
using Stoa.Market.Tasks;
using Stoa.Node.Disputes;
using Stoa.Node.Membership;
using Stoa.Node.Metering;
using Stoa.Node.Plans;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Plans;

/// <summary>What every keeper of credit and coupons does.</summary>
public abstract class CreditConformance(DatabaseSource source) : PlanTest(source)
{
    [Fact]
    public async Task Credit_OfNoGrantAnyMore_GoesBackAsWellWhenItsUserGoes()
    {
        await PutAsync("pro");
        // As after a grant was settled by a balance that has grown again since.
        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE credit_grants SET remaining = 0"), Stop);

        await Database.WriteAsync(session => SqlCredit.TakeBackAsync(session, Owner, Accounts.Sponsor, Ids.Next<Transfer>(), Now), Stop);

        (await Ledger.GetAccountAsync(Account.CreditOf(Owner), Stop))!.Posted.ShouldBe(Money.Zero);
        (await Ledger.GetAccountAsync(Accounts.Sponsor, Stop))!.Posted.ShouldBe(Money.Zero);
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Tasks_AreHeldOfCreditFirst_ThenOfBoth_ThenOfTheWallet()
    {
        await GiveAsync(3);

        var tasks = new[] { await SubmitAsync(2m), await SubmitAsync(2m), await SubmitAsync(2m) };
        (await MoneyAsync()).ShouldBe((10m - 1m - 2m, 3m, 0m));
        tasks.Select(task => task.Hold!.PayerId).ShouldBe([Account.CreditOf(Owner), Account.CreditOf(Owner), Wallet]);
        await FinishAsync(0.5m, 1.25m, 0.75m);

        // Of the second one credit paid one dollar and the wallet a quarter.
        (await MoneyAsync()).ShouldBe((10m - 0.25m - 0.75m, 1.5m, 1.5m));
        (await TransfersAsync(TransferPurpose.CreditTopUp)).ShouldHaveSingleItem().Amount.ShouldBe(Money.Parse("1"));
        (await TransfersAsync(TransferPurpose.CreditReturn)).ShouldHaveSingleItem().Amount.ShouldBe(Money.Parse("0.75"));
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Tasks_OfOneGroup_DoNotSpendTheSameCreditTwice()
    {
        await GiveAsync(1);

        var submitted = await Limited.SubmitAllAsync([.. Enumerable.Range(0, 12).Select(_ => NewTask(Money.Parse("1")))], Stop);

        // Eleven dollars are there in all.
        submitted.Count(one => one.Refusal is null).ShouldBe(11);
        submitted[^1].Refusal!.Code.ShouldBe(TaskRefusal.InsufficientFunds);
        (await MoneyAsync()).ShouldBe((0m, 1m, 0m));
        await FinishAsync([.. Enumerable.Repeat(0m, 11)]);
        (await MoneyAsync()).ShouldBe((10m, 1m, 1m));
    }

    [Fact]
    public async Task Tasks_SubmittedSideBySide_KeepTheBooks()
    {
        await GiveAsync(2.5m);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Limited.SubmitAsync(NewTask(Money.Parse("0.4")), Stop)));
        (await MoneyAsync()).ShouldBe((10m - 5.5m, 2.5m, 0m));
        await FinishAsync([.. Enumerable.Range(0, 20).Select(index => index % 3 == 0 ? 0m : 0.1m)]);

        var (wallet, balance, available) = await MoneyAsync();
        (wallet + balance).ShouldBe(12.5m - 1.3m);
        available.ShouldBe(balance);
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Batch_OfWhoHasCredit_IsClaimedAsItIsHeld()
    {
        await GiveAsync(1.5m);
        var recent = new RecentSubmissions(TimeProvider.System);
        var quota = new UserQuota(100_000, 1_000);
        var tasks = new SqlTaskStore(Database, Clock, recent: recent, quota: quota);
        var id = Ids.Next<TaskBatch>();
        var submissions = Enumerable.Range(0, 3).Select(_ => NewTask(Money.Parse("1"))).Select(task => task with { Task = task.Task with { BatchId = id } }).ToList();
        var batch = new TaskBatch(id, Owner, 3, submissions[0].Task.Id, submissions[^1].Task.Id, 0, 0, 0, Money.Zero, null, Now, null);
        (await new SqlTaskBatchStore(Database, recent, quota).SubmitAsync(batch, submissions, Stop)).Refusal.ShouldBeNull();

        var claimed = (await tasks.ClaimAsync(Holder, Room, Now, Stop)).OrderBy(task => task.Id).ToList();
        using var key = PrivateKey.Generate();
        var outcomes = await tasks.EndAttemptsAsync([.. claimed.Select(task => End(task, Money.Parse("0.75"), key))], Stop);

        claimed.Select(task => task.Hold!.PayerId).ShouldBe([Account.CreditOf(Owner), Account.CreditOf(Owner), Wallet]);
        outcomes.ShouldAllBe(outcome => outcome == AttemptEndOutcome.Written);
        // Of the second one credit paid half a dollar, which was all that was left of it, and the wallet a quarter.
        (await MoneyAsync()).ShouldBe((10m - 0.25m - 0.75m, 0.25m, 0.25m));
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Cancel_OfATaskThatBothPay_GivesBothBack()
    {
        await GiveAsync(3);
        var task = await SubmitAsync(4m);

        (await Limited.CancelAsync(task.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop)).Refusal.ShouldBeNull();

        (await MoneyAsync()).ShouldBe((10m, 3m, 3m));
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Expiry_LeavesWhatTasksHold_AndTakesWhatTheyGiveBackLater()
    {
        await GiveAsync(3, days: 10);
        await GiveAsync(5, days: 20);
        await SubmitAsync(2m);

        await LookAsync(Now.AddDays(10));
        (await MoneyAsync()).ShouldBe((10m, 7m, 5m), "one dollar that nobody holds has expired");
        await FinishAsync(0.5m);
        await LookAsync(Now.AddDays(11));

        (await MoneyAsync()).ShouldBe((10m, 5m, 5m));
        (await TransfersAsync(TransferPurpose.CreditExpiry, Account.CreditOf(Owner))).Select(transfer => transfer.Amount).ShouldBe([Money.Parse("1.5"), Money.Parse("1")]);
        await LookAsync(Now.AddDays(20));
        (await MoneyAsync()).ShouldBe((10m, 0m, 0m));
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Expiry_AtManyNodesAtOnce_TakesItOnce()
    {
        await GiveAsync(3, days: 10);
        await GiveAsync(2, days: null);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Credit.ExpireDueAsync(Now.AddDays(10), Throw, Stop)));

        (await MoneyAsync()).ShouldBe((10m, 2m, 2m));
    }

    [Fact]
    public async Task Expiry_OfOneThatCannotBe_HoldsUpNoOther()
    {
        // He comes first, and has no wallet.
        var ill = new Id<User>(new Guid("00000000-0000-0000-0000-000000000001"));
        await GiveAsync(3, days: 10);
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO credit_grants (id, user_id, source, cause, amount, remaining, expires_at, due_at, created_at)
                SELECT 'grant_00000000000000000000000000', @ill, source, cause, amount, remaining, expires_at, due_at, created_at FROM credit_grants
                """,
                new { ill }),
            Stop);
        var told = new List<Id<User>>();

        (await Credit.ExpireDueAsync(Now.AddDays(10), (user, _) => told.Add(user), Stop)).ShouldBe(1);

        told.ShouldBe([ill]);
        (await MoneyAsync()).ShouldBe((10m, 0m, 0m));
    }

    [Fact]
    public async Task Spent_OfWhatNeverExpires_IsNoted_AndWhatComesThenIsSpentAgain()
    {
        await GiveAsync(2, days: null);
        await SubmitAsync(2m);
        await LookAsync(Now);
        (await CountsAsync()).ShouldBeTrue("a task holds it");
        await FinishAsync(2m);
        (await CountsAsync()).ShouldBeTrue();

        await LookAsync(Now);

        (await CountsAsync()).ShouldBeFalse();
        (await Credit.FindAsync(Owner, Stop)).Grants.ShouldBeEmpty();
        (await SubmitAsync(1m)).Hold!.PayerId.ShouldBe(Wallet);
        await GiveAsync(1, days: null);
        await LookAsync(Now);
        (await CountsAsync()).ShouldBeTrue();
        (await SubmitAsync(1m)).Hold!.PayerId.ShouldBe(Account.CreditOf(Owner));
    }

    [Fact]
    public async Task Spent_IsNotedWhileMoreComes_AndWhatHasComeCounts()
    {
        for (var round = 0; round < 10; round++)
        {
            await GiveAsync(1, days: null);
            await SubmitAsync(1m);
            await FinishAsync(1m);

            await Task.WhenAll(Task.Run(() => GiveAsync(1, days: null), Stop), Task.Run(() => LookAsync(Now), Stop), Task.Run(() => LookAsync(Now), Stop));

            (await CountsAsync()).ShouldBeTrue();
            (await SubmitAsync(1m)).Hold!.PayerId.ShouldBe(Account.CreditOf(Owner));
            await FinishAsync(1m);
        }

        await LookAsync(Now);
        (await CountsAsync()).ShouldBeFalse();
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Spent_IsFoundAmongManyUsers_InSomePasses()
    {
        await GiveAsync(1, days: null);
        await SubmitAsync(1m);
        await FinishAsync(1m);
        await Database.WriteAsync(
            async session =>
            {
                for (var index = 0; index < 600; index++)
                    await session.SendAsync("INSERT INTO user_usage (user_id, open_tasks, content_bytes) VALUES (@user, 0, 0)", new { user = $"a{index:0000}" });
            },
            Stop);
        var credit = Credit;

        await credit.ExpireDueAsync(Now, Throw, Stop);
        (await CountsAsync()).ShouldBeTrue("the others come first");
        await credit.ExpireDueAsync(Now, Throw, Stop);

        (await CountsAsync()).ShouldBeFalse();
    }

    [Theory]
    [InlineData(2.5, 0, 3.0)]
    [InlineData(3.5, 0.5, 3.0)]
    public async Task Dispute_OfWhatCreditHasPaid_GivesCreditBack(decimal price, decimal own, decimal credit)
    {
        await GiveAsync(3, days: 10);
        var task = await SubmitAsync(4m);
        await FinishAsync(price);
        (await MoneyAsync()).Wallet.ShouldBe(10m - own);
        // What was not spent expires before the price comes back.
        await LookAsync(Now.AddDays(10));
        await EarnAsync(price);

        await DisputeAsync(task, price);

        (await MoneyAsync()).ShouldBe((10m, price - own, price - own));
        (price - own).ShouldBeLessThanOrEqualTo(credit);
        (await Credit.FindAsync(Owner, Stop)).Grants.ShouldHaveSingleItem().Source.ShouldBe(CreditSource.Refund);
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Usage_ListsWhatWasPaidByCreditAndByTheWallet_InOneOrder()
    {
        await GiveAsync(3);
        var tasks = new List<AgentTask>();
        for (var index = 0; index < 5; index++)
            tasks.Add(await SubmitAsync(1m));
        await FinishAsync(1m, 1m, 1m, 1m, 1m);

        var listed = 0;
        string? cursor = null;
        do
        {
            var page = await new SqlUsageStore(Database).ListSourcesAsync([Wallet, Account.CreditOf(Owner)], UsageRole.Consumer, new(2, cursor), Stop);
            listed += page.Items.Count;
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        listed.ShouldBe(tasks.Count);
    }

    [Fact]
    public async Task Redeem_ByManyAtOnce_StaysWithinTheLimit()
    {
        var code = await MakeCouponAsync(new CouponGift.Credit(Money.Parse("1"), 30), redemptions: 5, perUser: 100);

        var redeemed = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now, Stop)));

        redeemed.Count(one => one.Refusal is null).ShouldBe(5);
        redeemed.Where(one => one.Refusal is not null).ShouldAllBe(one => one.Refusal!.Code == PlanRefusal.CouponOver);
        (await MoneyAsync()).Balance.ShouldBe(5m);
        (await Coupons.ListAsync(new(), Stop)).Items.ShouldHaveSingleItem().Redeemed.ShouldBe(5);
    }

    [Fact]
    public async Task Redeem_UnderTheSameId_GivesOnce()
    {
        var code = await MakeCouponAsync(new CouponGift.Credit(Money.Parse("1"), 30), redemptions: 5, perUser: 5);
        var id = Ids.Next<Redemption>();

        var redeemed = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Coupons.RedeemAsync(id, Owner, code, Now, Stop)));

        redeemed.ShouldAllBe(one => one.Value.Id == id);
        (await MoneyAsync()).Balance.ShouldBe(1m);
    }

    [Fact]
    public async Task Redeem_ForNewUsersOnly_RefusesWhoHasHadSomething()
    {
        var code = await MakeCouponAsync(new CouponGift.Credit(Money.Parse("1"), 30), redemptions: 5, onlyNew: true);
        await GiveAsync(1);

        (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.CouponNotForYou);

        (await MoneyAsync()).Balance.ShouldBe(1m);
    }

    [Fact]
    public async Task Redeem_OfWhatWasWithdrawnOrNeverWas_TellsNoDifference()
    {
        var code = await MakeCouponAsync(new CouponGift.Credit(Money.Parse("1"), 30));
        var coupon = (await Coupons.ListAsync(new(), Stop)).Items.Single();
        (await Coupons.WithdrawAsync(coupon.Id, Now, Stop))!.WithdrawnAt.ShouldBe(Now);

        var withdrawn = (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now, Stop)).Refusal;
        var never = (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, ContentHash.Of("guess"u8), Now, Stop)).Refusal;

        (withdrawn!.Code, withdrawn.Detail).ShouldBe((never!.Code, never.Detail));
    }

    [Fact]
    public async Task Redeem_OfSomethingOff_CountsFromTheNextPeriodOn_OrFromTheFirst()
    {
        var off = new CouponGift.Off(50, 2, "basic");
        var code = await MakeCouponAsync(off, redemptions: 2, perUser: 2);
        (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.NotSubscribed);
        (await Subscriptions.PutAsync(Owner, "pro", null, code, Now, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.CouponNotForYou);

        (await Subscriptions.PutAsync(Owner, "basic", null, code, Now, Stop)).Value.Subscription.Discount!.Periods.ShouldBe(1);
        (await MoneyAsync()).Wallet.ShouldBe(9m);
        (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.DiscountRunning);
        await LookAsync(Now.AddMonths(1));
        (await MoneyAsync()).Wallet.ShouldBe(8m);
        (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now.AddMonths(1), Stop)).Refusal.ShouldBeNull();
        await LookAsync(Now.AddMonths(2));
        (await MoneyAsync()).Wallet.ShouldBe(7m);
        await LookAsync(Now.AddMonths(3));
        await LookAsync(Now.AddMonths(4));
        (await MoneyAsync()).Wallet.ShouldBe(7m - 1m - 2m);
        (await Coupons.ListAsync(new(), Stop)).Items.Single().Redeemed.ShouldBe(2, "what was refused was not counted");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Coupon_ForOnePlan_TakesNothingOffAnother(bool isRedeemedLater)
    {
        var code = await MakeCouponAsync(new CouponGift.Off(100, 12, "basic"));
        await Subscriptions.PutAsync(Owner, "basic", null, isRedeemedLater ? null : code, Now, Stop);
        if (isRedeemedLater)
            (await Coupons.RedeemAsync(Ids.Next<Redemption>(), Owner, code, Now, Stop)).Refusal.ShouldBeNull();
        var paid = isRedeemedLater ? 2m : 0m;
        (await MoneyAsync()).Wallet.ShouldBe(10m - paid);

        (await PutAsync("pro")).NextPrice.ShouldBe(Money.Parse("5"));
        (await MoneyAsync()).Wallet.ShouldBe(7m - paid, "the rest of the month");
        await LookAsync(Now.AddMonths(1));
        (await MoneyAsync()).Wallet.ShouldBe(2m - paid);
        (await PutAsync("basic", Now.AddMonths(1))).NextPrice.ShouldBe(Money.Zero);
        await LookAsync(Now.AddMonths(2));
        (await MoneyAsync()).Wallet.ShouldBe(2m - paid, "off the plan that it is for it is still");
    }

    /// <summary>Whether the owner's tasks are looked at for credit.</summary>
    private Task<bool> CountsAsync() => Database.ReadAsync(
        session => session.QuerySingleAsync<bool>("SELECT has_credit FROM user_usage WHERE user_id = @owner", new { owner = Owner }), Stop);

    private async Task EarnAsync(decimal amount) => (await Ledger.ApplyAsync(
        [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, Accounts.Node, Money.FromDollars(amount), null, TransferPurpose.Deposit, "test", Now)], Stop)).Refusal.ShouldBeNull();

    private async Task DisputeAsync(AgentTask task, decimal price)
    {
        var self = new LeaseHolder("self", "boot");
        await new SqlNodeStore(Database).BeatAsync(self, NodeStoreConformance.Silent, Now, Stop);
        var store = new SqlDisputeStore(Database, Accounts, Ids);
        (await store.OpenAsync(
            new Dispute(Ids.Next<Dispute>(), task.Id, Owner, "Wrong.", Money.FromDollars(price), Ids.Next<Transfer>(), new DisputeState.Open(0, Now), Now), Stop)).Refusal.ShouldBeNull();
        var claimed = (await store.ClaimAsync(self, Now, Stop))!;
        (await store.DecideAsync(claimed, new DisputeState.Decided(DisputeVerdict.Upheld, "It was looked at.", Now.AddDays(10)), Now.AddDays(11), Stop)).ShouldBeTrue();
    }
}

public sealed class SqliteCreditTests() : CreditConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresCreditTests(PostgresCluster cluster) : CreditConformance(new PostgresSource(cluster));
