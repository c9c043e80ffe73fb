using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>The lists of a consumer who has many tasks, among many of others.</summary>
public abstract class TaskListsConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private static readonly TaskFailure s_trap = new(FailureCode.Trap, "trapped", "", null);

    [Fact]
    public async Task List_OfWhatWaits_FindsItAllBehindManyThatHaveEnded()
    {
        List<Id<AgentTask>> waiting =
        [
            (await SubmitAsync(dueAt: Now.AddDays(1))).Id,
            (await SubmitAsync(memoryBytes: 1 << 30)).Id,
            await SubmitRegionalAsync(),
            await SubmitBiddingAsync(),
        ];
        await EndAsync(SqlTaskLists.Newest + 1);
        // What others have waiting is nobody's business.
        await Tasks.SubmitAllAsync([.. Enumerable.Range(0, 20).Select(_ => NewFreeTask(Ids.Next<User>()))], Stop);
        waiting.Add((await SubmitAsync(dueAt: Now.AddDays(1))).Id);
        waiting.Reverse();

        (await AllAsync("queued", 2)).ShouldBe(waiting);
        (await AllAsync("queued", 100)).ShouldBe(waiting);
        (await Tasks.ListAsync(Owner, "queued", new PageRequest(1), Stop)).Items.ShouldHaveSingleItem().Id.ShouldBe(waiting[0]);
        (await AllAsync("running", 2)).ShouldBeEmpty();
        (await AllAsync("failed", 400)).Count.ShouldBe(SqlTaskLists.Newest + 1);
    }

    [Fact]
    public async Task List_OfWhatRuns_IsNewestFirstPageByPage()
    {
        for (var number = 0; number < 5; number++)
            await SubmitAsync();
        await Tasks.SubmitAllAsync([NewFreeTask(Ids.Next<User>())], Stop);
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Where(task => task.OwnerId == Owner).Select(task => task.Id);
        await SubmitAsync();

        (await AllAsync("running", 2)).ShouldBe(running.OrderDescending());
        (await AllAsync("queued", 2)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task FindReplays_GivesThoseOfTheOwnerAlone()
    {
        var (one, two, three) = (await SubmitAsync(), await SubmitAsync(), await SubmitAsync());
        var submission = NewTask(key: ReplayTask.KeyOf(one.Id));
        var replay = (await Tasks.SubmitAsync(submission with { Task = submission.Task with { ReplayOf = one.Id } }, Stop)).Value.Task;
        // A key of the consumer's own, of a task that replays nothing.
        await Tasks.SubmitAsync(NewTask(key: ReplayTask.KeyOf(two.Id)), Stop);

        var found = await Tasks.FindReplaysAsync(Owner, [one.Id, two.Id, three.Id], Stop);

        found.ShouldHaveSingleItem().ShouldBe(new(one.Id, replay.Id));
        (await Tasks.FindReplaysAsync(Ids.Next<User>(), [one.Id], Stop)).ShouldBeEmpty();
        (await Tasks.FindReplaysAsync(Owner, [], Stop)).ShouldBeEmpty();
    }

    private async Task<List<Id<AgentTask>>> AllAsync(string state, int limit)
    {
        List<Id<AgentTask>> found = [];
        string? cursor = null;
        do
        {
            var page = await Tasks.ListAsync(Owner, state, new PageRequest(limit, cursor), Stop);
            page.Items.ShouldAllBe(task => task.State.Name == state);
            found.AddRange(page.Items.Select(task => task.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return found;
    }

    private async Task EndAsync(int count)
    {
        await Tasks.SubmitAllAsync([.. Enumerable.Range(0, count).Select(_ => NewFreeTask())], Stop);
        var running = await Tasks.ClaimAsync(Holder, Room with { Count = count, MaxMemoryBytes = 1 << 20 }, Now, Stop);
        running.Count.ShouldBe(count);
        await Tasks.EndAttemptsAsync([.. running.Select(task => End(task.Fail(s_trap, Now)))], Stop);
    }

    private async Task<Id<AgentTask>> SubmitRegionalAsync()
    {
        var submission = NewTask();
        return (await Tasks.SubmitAsync(submission with { Task = submission.Task with { Regions = ["eu-west"] } }, Stop)).Value.Task.Id;
    }

    /// <summary>A task where those are whose auctions are open: in no queue.</summary>
    private async Task<Id<AgentTask>> SubmitBiddingAsync()
    {
        var task = await SubmitAsync(dueAt: Now.AddDays(1));
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("DELETE FROM delayed WHERE task_id = @Id", new { task.Id });
                await session.ExecuteAsync(
                    """
                    INSERT INTO auctions (id, task_id, owner_id, state, announcement, invitations, on_no_bids, closes_at)
                    VALUES ('auction', @Id, @OwnerId, 'Open', '', '', 'Fail', 0)
                    """,
                    new { task.Id, task.OwnerId });
                return 0;
            },
            Stop);
        return task.Id;
    }
}

public sealed class SqliteTaskListsTests() : TaskListsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskListsTests(PostgresCluster cluster) : TaskListsConformance(new PostgresSource(cluster));
