using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Metering;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>What is sent beyond what is free is held before and paid after, no more than was sent, on every database. A byte costs a nanodollar here, and 1,000 a month are free.</summary>
public abstract class TransferFeesConformance(DatabaseSource source) : ChargesTest(source)
{
    [Fact]
    public async Task Download_WithinWhatIsFree_MovesACounterAlone()
    {
        var user = await AddUserAsync(Money.Zero, 0);

        await SendAsync(user, 600, 600);
        await SendAsync(user, 400, 100);
        await SendAsync(user, 300, 300);

        (await MonthAsync(user)).ShouldBe((1_000, 0));
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), user, 1, null, Now, Stop)).ShouldNotBeNull().Code.ShouldBe(TransferFeeRefusal.InsufficientFunds);
        await SendAsync(user, 1_000, 1_000, Now.AddDays(31));
        (await Ledger.TotalAsync(Stop)).OpenHolds.ShouldBe(0);
        (await Usage.ListSourcesAsync([(await WalletOfAsync(user)).Id], UsageRole.Consumer, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Download_BeyondWhatIsFree_HoldsAllAndPaysWhatWasSent()
    {
        var user = await AddUserAsync(new Money(5_000), 0);
        await SendAsync(user, 900, 900);
        var id = Ids.Next<UsageCharge>();
        (await TransfersAt().OpenAsync(id, user, 1_107, null, Now, Stop)).ShouldBeNull();
        (await WalletOfAsync(user)).PendingDebits.ShouldBe(new Money(1_007));
        (await MonthAsync(user)).ShouldBe((1_000, 0));

        (await TransfersAt().CloseAsync(id, 603, Now.AddMinutes(1), Stop)).ShouldBe((100, 503));
        (await TransfersAt(Other).CloseAsync(id, 603, Now.AddMinutes(1), Stop)).ShouldBeNull("it has ended");

        var wallet = await WalletOfAsync(user);
        (wallet.Posted, wallet.PendingDebits).ShouldBe((new Money(4_497), Money.Zero));
        (await EarnedAsync()).ShouldBe((new Money(419), new Money(84)));
        (await MonthAsync(user)).ShouldBe((1_000, 503));
        var charge = (await Usage.ListSourcesAsync([wallet.Id], UsageRole.Consumer, new PageRequest(), Stop)).Items.ShouldHaveSingleItem().Charge.ShouldNotBeNull();
        (charge.Id, charge.Kind, charge.Quantity, charge.Price, charge.Shares.Node, charge.Shares.Platform, charge.At)
            .ShouldBe((id, UsageKind.Transfer, 503, new Money(503), new Money(419), new Money(84), Now.AddMinutes(1)));
        (await Ledger.ListTransfersAsync(wallet.Id, new PageRequest(), Stop)).Items.Take(2).ShouldAllBe(transfer => transfer.Cause == id.ToString());
    }

    [Fact]
    public async Task Download_OfWhichOnlyFreeBytesWereSent_CostsNothing()
    {
        var user = await AddUserAsync(new Money(5_000), 0);

        await SendAsync(user, 3_000, 1_000);
        await SendAsync(user, 3_000, 0);

        (await WalletOfAsync(user)).ShouldSatisfyAllConditions(wallet => wallet.Posted.ShouldBe(new Money(5_000)), wallet => wallet.PendingDebits.ShouldBe(Money.Zero));
        (await MonthAsync(user)).ShouldBe((1_000, 0));
        (await Ledger.TotalAsync(Stop)).OpenHolds.ShouldBe(0);
    }

    [Fact]
    public async Task Downloads_ManyAtOnceAtTwoNodes_NeverPassTheWallet()
    {
        var user = await AddUserAsync(new Money(10_000), 0);
        SqlTransferFees[] nodes = [TransfersAt(), TransfersAt(Other)];
        var ids = Enumerable.Range(0, 30).Select(_ => Ids.Next<UsageCharge>()).ToList();

        var refusals = await Task.WhenAll(ids.Select((id, index) => Task.Run(() => nodes[index % 2].OpenAsync(id, user, 1_000, null, Now, Stop), Stop)));

        refusals.Count(refusal => refusal is null).ShouldBe(11, "one is free, and ten can be paid for");
        refusals.Where(refusal => refusal is not null).ShouldAllBe(refusal => refusal!.Code == TransferFeeRefusal.InsufficientFunds);
        (await WalletOfAsync(user)).Available.ShouldBe(Money.Zero);
        await Task.WhenAll(ids.Select((id, index) => nodes[index % 2].CloseAsync(id, 500, Now, Stop)));
        (await WalletOfAsync(user)).Available.ShouldBe(new Money(5_000));
        // What was taken of the free bytes and not sent is there again.
        (await MonthAsync(user)).ShouldBe((500, 5_000));
    }

    [Fact]
    public async Task Download_OfANodeThatIsNotAlive_IsGivenBack()
    {
        var user = await AddUserAsync(new Money(5_000), 0);
        var (own, others, alive) = (Ids.Next<UsageCharge>(), Ids.Next<UsageCharge>(), Ids.Next<UsageCharge>());
        (await TransfersAt().OpenAsync(own, user, 700, null, Now, Stop)).ShouldBeNull();
        (await TransfersAt(Other).OpenAsync(others, user, 700, null, Now, Stop)).ShouldBeNull();
        (await TransfersAt(new("third", "boot1")).OpenAsync(alive, user, 100, null, Now, Stop)).ShouldBeNull();
        await Database.WriteAsync(session => session.ExecuteAsync("INSERT INTO nodes (holder, beat, started_at) VALUES ('third/boot1', 1, @Now)", new { Now }), Stop);

        (await VoidAbandonedAsync(Now.AddSeconds(30))).ShouldBe(0, "it may have begun just now");
        (await VoidAbandonedAsync(Now.AddMinutes(2))).ShouldBe(1);

        (await MonthAsync(user)).ShouldBe((700, 0));
        (await WalletOfAsync(user)).PendingDebits.ShouldBe(new Money(100));
        // A node that was only silent finds that it has ended.
        (await TransfersAt(Other).CloseAsync(others, 700, Now, Stop)).ShouldBeNull();
        (await TransfersAt().CloseAsync(own, 700, Now, Stop)).ShouldBe((700, 0));
        (await TransfersAt().CloseAsync(alive, 100, Now, Stop)).ShouldBe((0, 100));
        (await Ledger.TotalAsync(Stop)).OpenHolds.ShouldBe(0);
    }

    [Fact]
    public async Task Download_ThatABudgetHasNoRoomFor_IsRefused()
    {
        var user = await AddUserAsync(new Money(50_000), 0);
        await SendAsync(user, 1_000, 1_000);
        var early = Ids.Next<UsageCharge>();
        (await TransfersAt().OpenAsync(early, user, 300, null, Now, Stop)).ShouldBeNull();
        var budget = await SetBudgetAsync(user, new Money(1_000));
        budget.Meter.Held.ShouldBe(new Money(300), "what is under way counts");

        var refused = (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), user, 701, null, Now, Stop)).ShouldNotBeNull();
        refused.Code.ShouldBe(TransferFeeRefusal.BudgetExhausted);
        refused.Detail.ShouldContain(budget.Id.ToString());
        var second = Ids.Next<UsageCharge>();
        (await TransfersAt().OpenAsync(second, user, 700, null, Now, Stop)).ShouldBeNull();
        await TransfersAt().CloseAsync(early, 200, Now, Stop);
        await TransfersAt().CloseAsync(second, 600, Now, Stop);

        var meter = (await Budgets.FindAsync(budget.Id, user, Now, Stop)).ShouldNotBeNull().Meter;
        (meter.Captured, meter.Held, meter.IsExhausted).ShouldBe((new Money(800), Money.Zero, true));
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM budget_holds"), Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Budgets_MadeWhileDownloadsEnd_KeepNoHold()
    {
        const int Rounds = 20;
        var user = await AddUserAsync(new Money(1_000_000), 0);
        await SendAsync(user, 1_000, 1_000);
        for (var round = 0; round < Rounds; round++)
        {
            var ids = Enumerable.Range(0, 4).Select(_ => Ids.Next<UsageCharge>()).ToList();
            foreach (var id in ids)
                (await TransfersAt().OpenAsync(id, user, 100, null, Now, Stop)).ShouldBeNull();

            var ends = ids.Select((id, index) => Task.Run(() => TransfersAt(index % 2 == 0 ? Holder : Other).CloseAsync(id, 70, Now, Stop), Stop)).ToList();
            var made = await SetBudgetAsync(user, new Money(1_000_000));
            await Task.WhenAll(ends);

            var meter = (await Budgets.FindAsync(made.Id, user, Now, Stop)).ShouldNotBeNull().Meter;
            (meter.Held, meter.Captured).ShouldBe((Money.Zero, new Money(280L * (round + 1))));
            await NoHoldsAsync();
            (await Budgets.DeleteAsync(made.Id, user, Stop)).ShouldBeTrue();
        }
    }

    protected async Task NoHoldsAsync() => (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM budget_holds"), Stop)).ShouldBe(0);

    [Fact]
    public async Task Download_OfWhoMayNotSpend_IsSentAsFarAsItIsFree()
    {
        var user = await AddUserAsync(new Money(50_000), 0);
        var id = Ids.Next<UsageCharge>();
        (await TransfersAt().OpenAsync(id, user, 1_000, SpendingAllowance.Nothing, Now, Stop)).ShouldBeNull();
        await TransfersAt().CloseAsync(id, 1_000, Now, Stop);

        var refused = (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), user, 1, SpendingAllowance.Nothing, Now, Stop)).ShouldNotBeNull();

        refused.Code.ShouldBe(TransferFeeRefusal.SpendingForbidden);
        refused.Detail.ShouldContain("tasks:submit");
        (await WalletOfAsync(user)).ShouldSatisfyAllConditions(wallet => wallet.Posted.ShouldBe(new Money(50_000)), wallet => wallet.PendingDebits.ShouldBe(Money.Zero));
        (await MonthAsync(user)).ShouldBe((1_000, 0));
    }

    [Fact]
    public async Task Download_AboveWhatTheKeyMaySpend_IsRefused()
    {
        var user = await AddUserAsync(new Money(50_000), 0);
        await SendAsync(user, 1_000, 1_000);
        var allowance = new SpendingAllowance(Ids.Next<ApiKey>(), new Money(1_000));
        var id = Ids.Next<UsageCharge>();

        (await TransfersAt().OpenAsync(id, user, 1_000, allowance, Now, Stop)).ShouldBeNull();
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), user, 1, allowance, Now, Stop)).ShouldNotBeNull().Code.ShouldBe(TransferFeeRefusal.SpendingLimitReached);
        await TransfersAt().CloseAsync(id, 400, Now, Stop);

        (await Database.WriteAsync(session => SqlKeySpending.FindSpentAsync(session, allowance.KeyId, SpendingAllowance.DayOf(Now)), Stop)).ShouldBe(new Money(400));
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), user, 601, allowance, Now, Stop)).ShouldNotBeNull();
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), user, 600, allowance, Now, Stop)).ShouldBeNull();
    }

    private async Task SendAsync(Id<User> user, long asked, long sent, DateTimeOffset? at = null)
    {
        var id = Ids.Next<UsageCharge>();
        (await TransfersAt().OpenAsync(id, user, asked, null, at ?? Now, Stop)).ShouldBeNull();
        (await TransfersAt().CloseAsync(id, sent, at ?? Now, Stop)).ShouldNotBeNull();
    }

    private Task<(long Free, long Paid)> MonthAsync(Id<User> user) => TransfersAt().FindMonthAsync(user, Now, Stop);
}

public sealed class SqliteTransferFeesTests() : TransferFeesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTransferFeesTests(PostgresCluster cluster) : TransferFeesConformance(new PostgresSource(cluster))
{
    /// <summary>The budget has the wallet before the end of the download, which has looked for its holds before the budget was there.</summary>
    [Fact]
    public async Task Budget_MadeBetweenTheLookAndTheEndOfADownload_KeepsNoHold()
    {
        var user = await AddUserAsync(new Money(1_000_000), 0);
        var id = Ids.Next<UsageCharge>();
        (await TransfersAt().OpenAsync(id, user, 1_500, null, Now, Stop)).ShouldBeNull();
        Task<Budget>? making = null;
        Task<(long Free, long Paid)?>? ending = null;
        await Database.WriteAsync(
            async session =>
            {
                await session.QuerySingleAsync<string>("SELECT id FROM accounts WHERE owner = @user AND kind = 'Wallet' FOR UPDATE", new { user });
                using (ExecutionContext.SuppressFlow())
                    making = Task.Run(() => SetBudgetAsync(user, new Money(1_000_000)), Stop);
                await WaitingAsync(session, 1);
                using (ExecutionContext.SuppressFlow())
                    ending = Task.Run(() => TransfersAt().CloseAsync(id, 1_200, Now, Stop), Stop);
                await WaitingAsync(session, 2);
            },
            Stop);

        var made = await making!;
        (await ending!).ShouldBe((1_000, 200));
        made.Meter.Held.ShouldBe(new Money(500), "it was under way");
        var meter = (await Budgets.FindAsync(made.Id, user, Now, Stop)).ShouldNotBeNull().Meter;
        (meter.Held, meter.Captured).ShouldBe((Money.Zero, new Money(200)));
        await NoHoldsAsync();
    }

    /// <summary>Waits until so many others wait for a lock.</summary>
    private static async Task WaitingAsync(SqlSession session, int count)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (await session.QuerySingleAsync<long>(
            "SELECT COUNT(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE NOT l.granted AND a.datname = current_database()") < count)
        {
            TimeProvider.System.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromMinutes(1), $"{count} wait for a lock");
            // Within a transaction the list of connections stays as it was first read: one that was opened since would never be seen.
            await session.ExecuteAsync("SELECT pg_stat_clear_snapshot()");
            await Task.Delay(10, Stop);
        }
    }
}
