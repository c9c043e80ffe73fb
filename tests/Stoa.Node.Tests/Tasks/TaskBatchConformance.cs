using Stoa.Market;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What every store of batches does.</summary>
public abstract class TaskBatchConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private SqlTaskBatchStore Batches => new(Database);

    [Fact]
    public async Task Submit_OfAThousand_WritesAllOnceAndCountsTheirEnds()
    {
        var (batch, tasks) = NewBatch(1_000, Money.Parse("0.001"));

        (await Batches.SubmitAsync(batch, tasks, Stop)).Value.ShouldBe(batch);
        (await Batches.SubmitAsync(batch, tasks, Stop)).Value.Size.ShouldBe(1_000);

        (await WalletAsync()).Held.ShouldBe(Money.Parse("1"));
        await BooksBalanceAsync(openHolds: 1_000);
        var running = await Tasks.ClaimAsync(Holder, Room with { Count = 600 }, Now, Stop);
        running.Select(task => task.Id).ShouldBe(tasks.Take(600).Select(task => task.Task.Id));
        await Tasks.EndAttemptsAsync([.. running.Take(400).Select(task => Success(task))], Stop);
        await Tasks.EndAttemptsAsync([.. running.Skip(400).Take(50).Select(task => End(task.Fail(new TaskFailure(FailureCode.Trap, "", "", null), Now)))], Stop);

        var progress = (await Batches.GetAsync(batch.Id, Owner, Stop)).ShouldNotBeNull();
        (progress.Batch.Succeeded, progress.Batch.Failed, progress.Running, progress.Queued).ShouldBe((400, 50, 150, 400));
        progress.Batch.Cost.ShouldBe(Money.Parse("0.04"));
        (await EventsAsync(running[0].Id)).ShouldBeEmpty();
        (await Batches.GetAsync(batch.Id, Ids.Next<Market.Identity.User>(), Stop)).ShouldBeNull();
        var page = await Batches.ListTasksAsync(batch, TaskStateNames.Failed, new PageRequest(30, null), Stop);
        (page.Items.Count, page.NextCursor is not null).ShouldBe((30, true));
        await BooksBalanceAsync(openHolds: 550);
    }

    [Fact]
    public async Task Submit_WithMoreThanTheWalletHas_WritesNothing()
    {
        var (batch, tasks) = NewBatch(11, Money.Parse("1"));

        (await Batches.SubmitAsync(batch, tasks, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.InsufficientFunds);

        (await Batches.GetAsync(batch.Id, Owner, Stop)).ShouldBeNull();
        (await Tasks.GetAsync(tasks[0].Task.Id, Stop)).ShouldBeNull();
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task ListTasks_PageByPage_GivesThoseOfTheBatchWhereverACursorComesFrom()
    {
        var before = await SubmitAsync();
        var (batch, tasks) = NewBatch(5, Money.Parse("0.1"));
        await Batches.SubmitAsync(batch, tasks, Stop);
        await SubmitAsync();
        var ids = tasks.Select(task => task.Task.Id).ToList();

        var first = await Batches.ListTasksAsync(batch, "queued", new PageRequest(3, before.Id.ToString()), Stop);
        var second = await Batches.ListTasksAsync(batch, null, new PageRequest(3, first.NextCursor), Stop);

        first.Items.Select(task => task.Id).ShouldBe(ids.Take(3));
        second.Items.Select(task => task.Id).ShouldBe(ids.Skip(3));
        second.NextCursor.ShouldBeNull();
    }

    [Fact]
    public async Task Cancel_EndsWhatWaitsPartByPartAndMarksWhatRuns()
    {
        var (batch, tasks) = NewBatch(10, Money.Parse("0.1"));
        await Batches.SubmitAsync(batch, tasks, Stop);
        var running = (await Tasks.ClaimAsync(Holder, Room with { Count = 1 }, Now, Stop)).Single();

        var first = (await Batches.CancelAsync(batch.Id, Owner, Accounts.Clearing, Ids, Now, 5, Stop)).Value;
        var second = (await Batches.CancelAsync(batch.Id, Owner, Accounts.Clearing, Ids, Now, 5, Stop)).Value;

        (first.Cancelled.Count, first.IsMore, second.Cancelled.Count, second.IsMore).ShouldBe((5, true, 4, false));
        await BooksBalanceAsync(openHolds: 1);
        (await Tasks.EndAttemptAsync(End(running.HandBack(Now)), Stop)).ShouldBe(AttemptEndOutcome.CancelRequested);
        await Tasks.EndAttemptAsync(End(running.Cancel(Now)), Stop);
        (await Batches.GetAsync(batch.Id, Owner, Stop))!.Batch.FinishedAt.ShouldBe(Now);
        (await Batches.CancelAsync(batch.Id, Owner, Accounts.Clearing, Ids, Now, 5, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.AlreadyFinal);
        await BooksBalanceAsync(openHolds: 0);
    }

    private (TaskBatch Batch, List<NewTask> Tasks) NewBatch(int size, Money price)
    {
        var id = Ids.Next<TaskBatch>();
        var tasks = Enumerable.Range(0, size).Select(_ => NewTask(price)).Select(task => task with { Task = task.Task with { BatchId = id } }).ToList();
        return (new TaskBatch(id, Owner, size, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, Now, null), tasks);
    }
}

public sealed class SqliteTaskBatchTests() : TaskBatchConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskBatchTests(PostgresCluster cluster) : TaskBatchConformance(new PostgresSource(cluster));
