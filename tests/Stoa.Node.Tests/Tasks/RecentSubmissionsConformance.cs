using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What is remembered of submissions, and what is not.</summary>
public abstract class RecentSubmissionsConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private readonly RecentSubmissions _recent = new(TimeProvider.System);

    [Fact]
    public void Add_RemembersWhatAnyClaimMayTakeNow()
    {
        var due = NewTask().Task;
        var late = NewTask(dueAt: Now.AddHours(1)).Task;
        var regional = NewTask().Task with { Regions = ["eu"] };

        _recent.AddQueued([(late, null), (regional, null), (due, null)]);

        _recent.TakeTasks([late.Id, regional.Id, due.Id]).ShouldBe([null, null, due]);
        _recent.TakeTasks([due.Id]).ShouldBe([null], "each once");
    }

    [Fact]
    public void Add_WhenItIsFullAndTheOldestWaits_HasTheRoomOfAllThatWereClaimed()
    {
        var like = NewTask().Task;
        var tasks = Enumerable.Range(0, RecentSubmissions.MaxCount).Select(_ => like with { Id = Ids.Next<AgentTask>() }).ToList();
        var more = like with { Id = Ids.Next<AgentTask>() };
        _recent.AddQueued([.. tasks.Select(task => (task, (ReadOnlyMemory<byte>?)null))]);

        _recent.AddQueued([(more, null)]);
        _recent.TakeTasks([more.Id]).ShouldBe([null], "it is full");
        _recent.TakeTasks([tasks[^1].Id, tasks[5].Id]).ShouldBe([tasks[^1], tasks[5]]);
        _recent.AddQueued([(more, null)]);

        _recent.TakeTasks([more.Id, tasks[0].Id, tasks[^2].Id]).ShouldBe([more, tasks[0], tasks[^2]]);
    }

    [Fact]
    public async Task Act_ThatThrowsOrAddsNothing_IsForgotten()
    {
        var tasks = new SqlTaskStore(Database, Clock, recent: _recent);
        var batches = new SqlTaskBatchStore(Database, _recent);
        var first = NewFreeTask();
        (await tasks.SubmitAsync(first, Stop)).Refusal.ShouldBeNull();
        _recent.TakeInput(first.Task.Id).ShouldNotBeNull();

        await Should.ThrowAsync<Exception>(() => tasks.SubmitAsync(first, Stop));
        _recent.TakeInput(first.Task.Id).ShouldBeNull();

        var batch = NewBatch(NewFreeTask(), out var submission);
        (await batches.SubmitAsync(batch, [submission], Stop)).Refusal.ShouldBeNull();
        _recent.TakeInput(submission.Task.Id).ShouldNotBeNull();
        var again = NewFreeTask();
        (await batches.SubmitAsync(batch, [again with { Task = again.Task with { BatchId = batch.Id } }], Stop)).Value.Id.ShouldBe(batch.Id);
        _recent.TakeInput(again.Task.Id).ShouldBeNull();

        var another = NewBatch(first, out var repeated);
        await Should.ThrowAsync<Exception>(() => batches.SubmitAsync(another, [repeated], Stop));
        _recent.TakeInput(first.Task.Id).ShouldBeNull();
    }

    private TaskBatch NewBatch(NewTask of, out NewTask submission)
    {
        var batch = new TaskBatch(Ids.Next<TaskBatch>(), Owner, 1, of.Task.Id, of.Task.Id, 0, 0, 0, Money.Zero, null, Now, null);
        submission = of with { Task = of.Task with { BatchId = batch.Id } };
        return batch;
    }
}

public sealed class SqliteRecentSubmissionsTests() : RecentSubmissionsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresRecentSubmissionsTests(PostgresCluster cluster) : RecentSubmissionsConformance(new PostgresSource(cluster));
