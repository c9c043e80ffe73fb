using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What a key with a spending limit may have held, on every store.</summary>
public abstract class KeySpendingConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private static readonly Money s_limit = Money.Parse("3");

    private readonly Id<ApiKey> _key = new IdSource(TimeProvider.System, new Random(7)).Next<ApiKey>();

    [Fact]
    public async Task Submissions_AboveTheLimit_AreRefusedAndLeaveNothing_WhoeverElseIsInTheGroup()
    {
        var free = NewTask(Money.Parse("1"));
        var first = Limited("2");
        var tooMuch = Limited("2", idempotency: "k");
        var second = Limited("1");

        var outcomes = await Tasks.SubmitAllAsync([free, first, tooMuch, second], Stop);

        outcomes.Select(outcome => outcome.Refusal?.Code).ShouldBe([null, null, TaskRefusal.SpendingLimitReached, null]);
        (await WalletAsync()).Held.ShouldBe(Money.Parse("4"));
        (await Tasks.GetAsync(tooMuch.Task.Id, Stop)).ShouldBeNull();
        (await Tasks.FindSubmissionAsync(Owner, tooMuch.Idempotency!, Stop)).Value.ShouldBeNull();
        (await SpentAsync()).ShouldBe(s_limit);
        await BooksBalanceAsync(openHolds: 3);
    }

    [Fact]
    public async Task Submissions_AtOnce_NeverPassTheLimitTogether()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Tasks.SubmitAllAsync([Limited("1")], Stop)));

        outcomes.Count(outcome => outcome[0].Refusal is null).ShouldBe(3);
        outcomes.Where(outcome => outcome[0].Refusal is not null).ShouldAllBe(outcome => outcome[0].Refusal!.Code == TaskRefusal.SpendingLimitReached);
        await BooksBalanceAsync(openHolds: 3);
    }

    [Fact]
    public async Task WhatWasNotSpent_ComesBackWhenTheTaskHasEnded()
    {
        (await Tasks.SubmitAsync(Limited("3"), Stop)).Refusal.ShouldBeNull();
        (await Tasks.SubmitAsync(Limited("1"), Stop)).Refusal!.Code.ShouldBe(TaskRefusal.SpendingLimitReached);
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single();

        // It costs a tenth of its hold.
        (await Tasks.EndAttemptAsync(Success(running), Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await Tasks.SubmitAsync(Limited("2.7"), Stop)).Refusal.ShouldBeNull();
        (await SpentAsync()).ShouldBe(s_limit);
        (await Tasks.SubmitAsync(Limited("0.000000001"), Stop)).Refusal!.Detail.ShouldContain("3.000000000 are spent or held today");
    }

    [Fact]
    public async Task CancelledTask_CostsTheKeyNothing()
    {
        var task = (await Tasks.SubmitAsync(Limited("3"), Stop)).Value.Task;

        (await Tasks.CancelAsync(task.Id, Owner, Ids.Next<Market.Ledger.Transfer>(), Accounts.Clearing, Now, Stop)).Refusal.ShouldBeNull();

        (await SpentAsync()).ShouldBe(Money.Zero);
        (await Tasks.SubmitAsync(Limited("3"), Stop)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task HoldThatTheWalletDoesNotCover_IsNotCounted()
    {
        var wide = Limited("11") with { Allowance = new SpendingAllowance(_key, Money.Parse("100")) };

        (await Tasks.SubmitAsync(wide, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.InsufficientFunds);

        (await SpentAsync()).ShouldBe(Money.Zero);
    }

    private NewTask Limited(string price, string? idempotency = null) =>
        NewTask(Money.Parse(price), key: idempotency) with { Allowance = new SpendingAllowance(_key, s_limit) };

    private Task<Money> SpentAsync() =>
        Database.WriteAsync(session => SqlKeySpending.FindSpentAsync(session, _key, SpendingAllowance.DayOf(Now)), Stop);
}

public sealed class SqliteKeySpendingTests() : KeySpendingConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresKeySpendingTests(PostgresCluster cluster) : KeySpendingConformance(new PostgresSource(cluster));
