using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Quotas;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Plans;

/// <summary>What every keeper of plans does.</summary>
public abstract class SubscriptionConformance(DatabaseSource source) : PlanTest(source)
{
    [Fact]
    public async Task Subscribe_PaysOnceAndGivesCredit_HoweverOftenItIsAsked()
    {
        var made = await PutAsync("pro");
        var again = await PutAsync("pro", Now.AddMinutes(1));

        again.ShouldBe(made);
        (await MoneyAsync()).ShouldBe((5m, 4m, 4m));
        (await TransfersAsync(TransferPurpose.PlanFee)).ShouldHaveSingleItem().Cause.ShouldBe(made.Id.ToString());
        (await Ledger.GetAccountAsync(Accounts.Platform, Stop))!.Posted.ShouldBe(Money.Parse("5"));
        (await Ledger.GetAccountAsync(Accounts.Sponsor, Stop))!.Posted.ShouldBe(Money.Parse("-4"));
        (await ToldAsync()).ShouldBe([EventTypes.SubscriptionStarted, EventTypes.CreditGranted]);
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Put_SaysWhatItHasDone_AndWhatWasPaid()
    {
        (await SayAsync("basic")).ShouldBe((SubscriptionChangeKind.Started, Money.Parse("2"), Money.Parse("1")));
        (await SayAsync("basic")).ShouldBe((SubscriptionChangeKind.None, Money.Zero, Money.Zero));
        var (kind, paid, credit) = await SayAsync("pro", Now.AddDays(1));
        kind.ShouldBe(SubscriptionChangeKind.Upgraded);
        (paid > Money.Zero && paid < Money.Parse("3")).ShouldBeTrue();
        (credit > Money.Zero && credit < Money.Parse("3")).ShouldBeTrue();
        (await SayAsync("basic", Now.AddDays(2))).ShouldBe((SubscriptionChangeKind.Scheduled, Money.Zero, Money.Zero));
        (await SayAsync("basic", Now.AddDays(2))).ShouldBe((SubscriptionChangeKind.None, Money.Zero, Money.Zero));
        (await SayAsync("pro", Now.AddDays(3))).ShouldBe((SubscriptionChangeKind.Kept, Money.Zero, Money.Zero));
        (await MoneyAsync()).Wallet.ShouldBe(8m - Dollars(paid));

        async Task<(SubscriptionChangeKind Kind, Money Paid, Money Credit)> SayAsync(string plan, DateTimeOffset? at = null)
        {
            var put = (await Subscriptions.PutAsync(Owner, plan, null, null, at ?? Now, Stop)).Value;
            return (put.Kind, put.Paid, put.Credit);
        }
    }

    [Fact]
    public async Task Subscribe_ByTooLittle_LeavesNothing()
    {
        await OfferAsync("dear", 11, 4);

        (await Subscriptions.PutAsync(Owner, "dear", null, null, Now, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.InsufficientFunds);

        (await Subscriptions.FindAsync(Owner, Stop)).ShouldBeNull();
        (await MoneyAsync()).ShouldBe((10m, 0m, 0m));
        (await Subscriptions.PutAsync(Owner, "none", null, null, Now, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.PlanUnknown);
    }

    [Fact]
    public async Task Change_ToADearerPlan_HoldsAtOnceAndPaysTheRest()
    {
        await PutAsync("basic");
        var middle = Now.AddDays(((Now.AddMonths(1) - Now) / 2).TotalDays);

        var changed = await PutAsync("pro", middle);
        await PutAsync("pro", middle.AddDays(1));

        changed.Plan.Name.ShouldBe("pro");
        (await MoneyAsync()).ShouldBe((10m - 2m - 1.5m, 1m + 1.5m, 2.5m));
        await LookAsync(Now.AddMonths(1));
        (await MoneyAsync()).ShouldBe((6.5m - 5m, 4m, 4m), "what was not spent has expired, and the next month is paid");
        (await TransfersAsync(TransferPurpose.CreditExpiry, Account.CreditOf(Owner))).Count.ShouldBe(2);
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Change_ToACheaperPlan_HoldsFromTheNextPeriodOn_UnlessItIsTakenBack()
    {
        await PutAsync("pro");

        (await PutAsync("basic", Now.AddDays(3))).Next!.Name.ShouldBe("basic");
        (await PutAsync("pro", Now.AddDays(4))).Next.ShouldBeNull();
        await PutAsync("basic", Now.AddDays(5));
        await LookAsync(Now.AddMonths(1));

        (await Subscriptions.FindAsync(Owner, Stop))!.Plan.Name.ShouldBe("basic");
        (await MoneyAsync()).ShouldBe((10m - 5m - 2m, 1m, 1m));
    }

    [Fact]
    public async Task Terms_AreThoseThatWereSubscribedTo_UntilOneChanges()
    {
        await PutAsync("basic");
        var dearer = await OfferAsync("basic", 3, 1);

        await LookAsync(Now.AddMonths(1));
        (await PutAsync("basic", Now.AddMonths(1))).Plan.Version.ShouldBe(1);
        (await MoneyAsync()).Wallet.ShouldBe(6m);
        var changed = (await Subscriptions.PutAsync(Owner, "basic", dearer.Version, null, Now.AddMonths(1), Stop)).Value.Subscription;

        changed.Plan.ShouldBe(dearer);
        (await MoneyAsync()).Wallet.ShouldBe(5m);
        (await Subscriptions.PutAsync(Owner, "basic", 1, null, Now.AddMonths(1), Stop)).Refusal!.Code.ShouldBe(PlanRefusal.PlanUnknown);
    }

    [Fact]
    public async Task Withdraw_KeepsThoseWhoHaveIt()
    {
        await PutAsync("basic");

        (await Plans.WithdrawAsync("basic", Stop)).ShouldBeTrue();
        (await Plans.WithdrawAsync("basic", Stop)).ShouldBeFalse();
        await LookAsync(Now.AddMonths(1));

        (await Subscriptions.FindAsync(Owner, Stop))!.Period.ShouldBe(1);
        (await Plans.ListAsync(Stop)).Select(plan => plan.Name).ShouldBe(["pro"]);
        (await OfferAsync("basic", 2, 1)).Version.ShouldBe(2, "a name that was withdrawn and is offered again has another version");
    }

    [Fact]
    public async Task Cancel_EndsWithThePeriod_UnlessItIsResumed()
    {
        await OfferAsync("roomy", 1, 0, openTasks: 7);
        await PutAsync("roomy");
        (await QuotaAsync()).ShouldBe(7);

        (await Subscriptions.CancelAsync(Owner, true, Now.AddDays(1), Stop)).Value.IsCancelled.ShouldBeTrue();
        (await Subscriptions.CancelAsync(Owner, false, Now.AddDays(2), Stop)).Value.IsCancelled.ShouldBeFalse();
        await LookAsync(Now.AddMonths(1));
        (await Subscriptions.CancelAsync(Owner, true, Now.AddMonths(1), Stop)).Value.IsCancelled.ShouldBeTrue();
        await LookAsync(Now.AddMonths(2).AddMilliseconds(-1));
        (await Subscriptions.FindAsync(Owner, Stop)).ShouldNotBeNull();
        await LookAsync(Now.AddMonths(2));

        (await Subscriptions.FindAsync(Owner, Stop)).ShouldBeNull();
        (await TransfersAsync(TransferPurpose.PlanFee)).Count.ShouldBe(2);
        (await QuotaAsync()).ShouldBe(100);
        (await ToldAsync())[^1].ShouldBe(EventTypes.SubscriptionEnded);
        (await PutAsync("basic", Now.AddMonths(3))).Period.ShouldBe(0, "another subscription");
    }

    [Fact]
    public async Task Renew_AtManyNodesAtOnce_PaysEachPeriodOnce()
    {
        await PutAsync("basic");

        for (var month = 1; month <= 3; month++)
            await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Subscriptions.RunDueAsync(Now.AddMonths(month), Throw, Stop)));

        (await TransfersAsync(TransferPurpose.PlanFee)).Count.ShouldBe(4);
        (await Subscriptions.FindAsync(Owner, Stop))!.Period.ShouldBe(3);
        (await TransfersAsync(TransferPurpose.PlanCredit, Account.CreditOf(Owner))).Count.ShouldBe(4);
        await BooksBalanceAsync(0);
    }

    [Fact]
    public async Task Renew_OfOneThatCannotBe_HoldsUpNoOther()
    {
        var ill = new List<Subscription>();
        // More than are looked at together, and all of them due before the sound one.
        for (var number = 0; number < 60; number++)
            ill.Add(await PutAsync("basic", Now.AddSeconds(-number - 1), await JoinAsync()));
        await PutAsync("basic");
        await SetPlanAsync("plan_00000000000000000000000000");
        var told = new List<Id<Subscription>>();

        (await Subscriptions.RunDueAsync(Now.AddMonths(1), (id, _) => told.Add(id), Stop)).ShouldBe(1);

        (await Subscriptions.FindAsync(Owner, Stop))!.Period.ShouldBe(1);
        told.ShouldBe(ill.Select(one => one.Id), ignoreOrder: true);
        await SetPlanAsync(ill[0].Plan.Id.ToString());
        await LookAsync(Now.AddMonths(1));
        (await Subscriptions.FindAsync(ill[^1].UserId, Stop))!.Period.ShouldBe(1);

        Task SetPlanAsync(string plan) => Database.WriteAsync(
            session => session.ExecuteAsync("UPDATE subscriptions SET plan_id = @plan WHERE user_id <> @Owner", new { plan, Owner }), Stop);
    }

    [Fact]
    public async Task Renew_AfterMonthsWithoutANode_PaysNothingForThem_AndAClockThatGoesBackRenewsNothing()
    {
        await PutAsync("basic");

        await LookAsync(Now.AddMonths(5).AddDays(1));
        await LookAsync(Now.AddMonths(2));
        await LookAsync(Now.AddMonths(6).AddMilliseconds(-1));

        (await TransfersAsync(TransferPurpose.PlanFee)).Count.ShouldBe(2);
        (await Subscriptions.FindAsync(Owner, Stop))!.Period.ShouldBe(5);
    }

    [Fact]
    public async Task Renew_WithTooLittle_IsTriedAgain_UntilTheMoneyIsThere()
    {
        await OfferAsync("all", 9, 2);
        await PutAsync("all");
        var end = Now.AddMonths(1);

        await LookAsync(end);
        var overdue = (await Subscriptions.FindAsync(Owner, Stop))!;
        overdue.State.ShouldBeOfType<SubscriptionState.PastDue>().Until.ShouldBe(end.AddDays(3));
        (await MoneyAsync()).ShouldBe((1m, 0m, 0m), "the credit of the month before has expired, and there is none of the next");
        (await Subscriptions.PutAsync(Owner, "basic", null, null, end, Stop)).Refusal!.Code.ShouldBe(PlanRefusal.SubscriptionPastDue);
        await DepositAsync("8");
        await LookAsync(end.AddHours(5));
        (await MoneyAsync()).Wallet.ShouldBe(9m, "it is tried again every six hours");
        await LookAsync(end.AddHours(6));

        var renewed = (await Subscriptions.FindAsync(Owner, Stop))!;
        (renewed.State, renewed.StartAt, renewed.EndAt).ShouldBe((new SubscriptionState.Active(), end, Now.AddMonths(2)));
        (await MoneyAsync()).ShouldBe((0m, 2m, 2m));
        (await ToldAsync()).ShouldContain(EventTypes.SubscriptionPastDue);
    }

    [Fact]
    public async Task Renew_NotPaidInTheDaysOfGrace_Ends()
    {
        await OfferAsync("all", 9, 2);
        await PutAsync("all");

        await LookAsync(Now.AddMonths(1));
        await LookAsync(Now.AddMonths(1).AddDays(2.5));
        (await Subscriptions.FindAsync(Owner, Stop))!.State.ShouldBeOfType<SubscriptionState.PastDue>().IsReminded.ShouldBeTrue();
        await LookAsync(Now.AddMonths(1).AddDays(3));

        (await Subscriptions.FindAsync(Owner, Stop)).ShouldBeNull();
        (await TransfersAsync(TransferPurpose.PlanFee)).Count.ShouldBe(1);
        (await Subscriptions.CancelAsync(Owner, true, Now.AddMonths(2), Stop)).Refusal!.Code.ShouldBe(PlanRefusal.NotSubscribed);
    }

    protected async Task DepositAsync(string amount, Id<Account>? wallet = null) => (await Ledger.ApplyAsync(
        [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, wallet ?? Wallet, Money.Parse(amount), null, TransferPurpose.Deposit, "test", Now)], Stop)).Refusal.ShouldBeNull();

    /// <summary>Another user, with as much in the wallet as the owner.</summary>
    private async Task<Id<User>> JoinAsync()
    {
        var user = Ids.Next<User>();
        await DepositAsync("10", (await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), user.ToString(), AccountKind.Wallet, Now), Stop)).Id);
        return user;
    }

    private async Task<long> QuotaAsync() => (await new UserUsages(Database, new(100, 100)).FindAsync(Owner, Stop)).QuotaWithin(new(100, 100)).OpenTasks;
}

public sealed class SqliteSubscriptionTests() : SubscriptionConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresSubscriptionTests(PostgresCluster cluster) : SubscriptionConformance(new PostgresSource(cluster));
