using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What a task store does with tasks that others move meanwhile, and in a queue that is long.</summary>
public abstract class TaskRacesConformance(DatabaseSource source) : TaskStoreTest(source)
{
    [Fact]
    public async Task End_BehindOneOfTheSameTaskUnderAnEarlierToken_IsWritten()
    {
        var earlier = await SubmitAndClaimAsync();
        (await Tasks.EndAttemptAsync(End(earlier.HandBack(Now)), Stop)).ShouldBe(AttemptEndOutcome.Written);
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem();

        (await Tasks.EndAttemptsAsync([Success(earlier), Success(running), Success(running)], Stop))
            .ShouldBe([AttemptEndOutcome.LeaseLost, AttemptEndOutcome.Written, AttemptEndOutcome.LeaseLost]);

        await BooksBalanceAsync(openHolds: 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Expedite_OfOneBehindThousandsOfOthers_ChangesTurnsWithTheFirstOfItsNewest(bool isRegional)
    {
        var others = Enumerable.Range(0, SqlTaskQueue.MaxLookedThrough + 100).Select(_ => In(isRegional, NewFreeTask(Ids.Next<User>()))).ToList();
        var own = Enumerable.Range(0, SqlTaskQueue.MaxLookedThrough + 50).Select(_ => In(isRegional, NewFreeTask())).ToList();
        await Tasks.SubmitAllAsync([.. others, .. own], Stop);
        var passed = own[^SqlTaskQueue.MaxLookedThrough].Task.Id;
        var turn = await TurnOfAsync(passed);

        (await Tasks.ExpediteAsync(own[^1].Task.Id, Owner, Now, Stop)).ShouldNotBeNull();

        (await TurnOfAsync(own[^1].Task.Id)).ShouldBe(turn);
        (await TurnOfAsync(passed)).ShouldBeGreaterThan(turn);
        // Whose first is among those that come next changes turns with that, however many he has.
        await Tasks.ClaimAsync(Holder, Room with { Count = others.Count, Region = "eu" }, Now, Stop);
        var first = await TurnOfAsync(own[0].Task.Id);
        (await Tasks.ExpediteAsync(own[^2].Task.Id, Owner, Now, Stop)).ShouldNotBeNull();
        (await TurnOfAsync(own[^2].Task.Id)).ShouldBe(first);
    }

    private static NewTask In(bool isRegional, NewTask submission) =>
        isRegional ? submission with { Task = submission.Task with { Regions = ["eu"] } } : submission;

    private Task<long> TurnOfAsync(Id<AgentTask> id) =>
        Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT tag FROM tasks WHERE id = @id", new { id }), Stop);
}

public sealed class SqliteTaskRacesTests() : TaskRacesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskRacesTests(PostgresCluster cluster) : TaskRacesConformance(new PostgresSource(cluster))
{
    [Fact]
    public async Task Expedite_OfOneThatRanAndCameBackSinceItWasRead_KeepsItsToken()
    {
        var task = await SubmitAsync();

        var expedited = await RunAndComeBackBeforeAsync(task, () => Tasks.ExpediteAsync(task.Id, Owner, Now, Stop));

        expedited!.Token.ShouldBe(1);
        (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem().Token.ShouldBe(2);
    }

    [Fact]
    public async Task Cancel_OfOneThatRanAndCameBackSinceItWasRead_KeepsItsToken()
    {
        var task = await SubmitAsync();

        var cancelled = await RunAndComeBackBeforeAsync(
            task, () => Tasks.CancelAsync(task.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop));

        cancelled.Value.Token.ShouldBe(1);
        (await Tasks.GetAsync(task.Id, Stop))!.Token.ShouldBe(1);
    }

    /// <summary>Has an act that takes a task out of the queue read it first, and wait at the queue until it has run and come back.</summary>
    private async Task<T> RunAndComeBackBeforeAsync<T>(AgentTask task, Func<Task<T>> act)
    {
        Task<T>? acting = null;
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("LOCK TABLE queue IN SHARE ROW EXCLUSIVE MODE");
                using (ExecutionContext.SuppressFlow())
                    acting = Task.Run(act, Stop);
                while (await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM pg_locks WHERE relation = 'queue'::regclass AND NOT granted") == 0)
                    Stop.ThrowIfCancellationRequested();
                var back = (await SqlTaskQueue.ClaimAsync(session, Holder, Room, Now, null)).ShouldHaveSingleItem().HandBack(Now);
                (await session.ExecuteRowsAsync(TaskStatements.HandBackLease, [back])).ShouldBe([true]);
                await SqlTaskQueue.ReturnAsync(session, [back], Now);
            },
            Stop);
        return await acting!;
    }
}
