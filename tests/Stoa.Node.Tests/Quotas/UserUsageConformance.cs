using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Builds;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Quotas;

/// <summary>What users take up is counted with what they do, on every database.</summary>
public abstract class UserUsageConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private static readonly UserQuota s_everybody = new(OpenTasks: 3, ContentBytes: 1_000);

    private SqlTaskStore _limited = null!;
    private UserUsages _usages = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _limited = new SqlTaskStore(Database, TimeProvider.System, quota: s_everybody);
        _usages = new UserUsages(Database, s_everybody);
    }

    [Fact]
    public async Task OpenTasks_AreThoseThatHaveNotEnded()
    {
        var tasks = (await _limited.SubmitAllAsync([NewTask(), NewTask(), NewTask(dueAt: Now.AddHours(1))], Stop)).Select(made => made.Value.Task).ToList();
        (await OpenAsync()).ShouldBe(3);
        var running = await _limited.ClaimAsync(Holder, Room, Now, Stop);
        (await OpenAsync()).ShouldBe(3);

        await _limited.EndAttemptAsync(Success(running[0]), Stop);
        (await OpenAsync()).ShouldBe(2);
        await _limited.EndAttemptAsync(End(running[1].Retry(Now.AddMinutes(1))), Stop);
        (await OpenAsync()).ShouldBe(2, "it waits again");
        await _limited.CancelAsync(tasks[2].Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop);
        (await OpenAsync()).ShouldBe(1);
        await _limited.EndAttemptAsync(Success(running[0]), Stop);
        (await OpenAsync()).ShouldBe(1, "an end that was not written counts nothing");
    }

    [Fact]
    public async Task Submit_OfOneTooMany_IsRefusedAndLeavesNothing()
    {
        var made = await _limited.SubmitAllAsync([.. Enumerable.Range(0, 5).Select(i => NewTask(key: $"key {i}"))], Stop);

        made.Select(outcome => outcome.Refusal?.Code).ShouldBe([null, null, null, TaskRefusal.OpenTasksTooMany, TaskRefusal.OpenTasksTooMany]);
        (await OpenAsync()).ShouldBe(3);
        (await BooksAsync()).ShouldBe(3);
        var others = NewFreeTask(Ids.Next<User>());
        (await _limited.SubmitAsync(others, Stop)).Refusal.ShouldBeNull("another user has room of his own");

        // Under its key it can be sent again once there is room.
        (await _limited.SubmitAsync(NewTask(key: "key 4"), Stop)).Refusal!.Code.ShouldBe(TaskRefusal.OpenTasksTooMany);
        await _limited.CancelAsync(made[0].Value.Task.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop);
        (await _limited.SubmitAsync(NewTask(key: "key 4"), Stop)).Value.IsNew.ShouldBeTrue();
        (await _limited.SubmitAsync(NewTask(key: "key 1"), Stop)).Value.Task.Id.ShouldBe(made[1].Value.Task.Id, "a repetition is no new task");
        (await OpenAsync()).ShouldBe(3);
    }

    [Fact]
    public async Task Submit_ThatTheWalletDoesNotCover_CountsNothing()
    {
        (await _limited.SubmitAsync(NewTask(Money.Parse("11")), Stop)).Refusal!.Code.ShouldBe(TaskRefusal.InsufficientFunds);

        (await OpenAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task Batch_ThatDoesNotFit_IsRefusedAsAWhole()
    {
        var batches = new SqlTaskBatchStore(Database, quota: s_everybody);
        (await SubmitBatchAsync(batches, 4)).Refusal.ShouldNotBeNull().ShouldSatisfyAllConditions(
            refusal => refusal.Code.ShouldBe(TaskRefusal.OpenTasksTooMany), refusal => refusal.Detail.ShouldStartWith("The batch has 4 tasks. 0 tasks of yours wait or run, and 3 may."));
        (await OpenAsync()).ShouldBe(0);

        var batch = (await SubmitBatchAsync(batches, 3)).Value;
        (await OpenAsync()).ShouldBe(3);
        await batches.CancelAsync(batch.Id, Owner, Accounts.Clearing, Ids, Now, 10, Stop);
        (await OpenAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task Quota_OfOneUser_IsWhatAnAdministratorSays()
    {
        await _usages.SetAsync(Owner, 1, 5, Stop);
        (await _limited.SubmitAllAsync([NewTask(), NewTask()], Stop)).Count(made => made.Refusal is null).ShouldBe(1);

        (await _usages.SetAsync(Owner, 0, null, Stop)).ShouldBe(new UserUsage(Owner, 1, 0, 0, null));
        (await _limited.SubmitAsync(NewTask(), Stop)).Refusal.ShouldNotBeNull();
        await _usages.SetAsync(Owner, null, null, Stop);
        (await _limited.SubmitAllAsync([NewTask(), NewTask(), NewTask()], Stop)).Count(made => made.Refusal is null).ShouldBe(2);
    }

    [Fact]
    public async Task OpenTasks_ManyAtOnce_AreAllCounted()
    {
        var free = new SqlTaskStore(Database, TimeProvider.System);
        var owners = Enumerable.Range(0, 5).Select(_ => Ids.Next<User>()).ToList();

        await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(() => free.SubmitAsync(NewFreeTask(owners[i % 5]), Stop), Stop)));
        var claimed = await free.ClaimAsync(Holder, Room, Now, Stop);
        await Task.WhenAll(claimed.Take(30).Select(task => Task.Run(() => free.EndAttemptAsync(End(task.Fail(new TaskFailure(FailureCode.Trap, "It failed.", "", null), Now)), Stop), Stop)));

        var sum = 0L;
        foreach (var owner in owners)
            sum += (await _usages.FindAsync(owner, Stop)).OpenTasks;
        sum.ShouldBe(30);
    }

    [Fact]
    public async Task ContentBytes_AreThoseOfEachGrantOnce()
    {
        var owners = new SqlContentOwners(Database);
        var content = new ContentDescriptor(ContentHash.Of("a"u8), 300);
        await owners.GrantAsync(content, Owner, ContentOrigins.Task, Stop);
        await owners.GrantAsync(content, Owner, ContentOrigins.Task, Stop);
        await owners.GrantAsync(new ContentDescriptor(ContentHash.Of("b"u8), 400), Owner, ContentOrigins.Task, Stop);
        await owners.GrantAsync(new ContentDescriptor(ContentHash.Of("c"u8), 5_000), null, ContentOrigins.Task, Stop);

        (await _usages.FindAsync(Owner, Stop)).ContentBytes.ShouldBe(700);
    }

    [Fact]
    public async Task Reserve_KeepsRoomUntilItIsCounted()
    {
        var owners = new SqlContentOwners(Database);
        var first = (await _usages.ReserveAsync(Owner, 600, 5_000, Stop)).Value;
        (await _usages.ReserveAsync(Owner, 401, 5_000, Stop)).Refusal!.Code.ShouldBe(ContentRefusal.StorageQuotaExceeded);
        using (var second = (await _usages.ReserveAsync(Owner, 400, 5_000, Stop)).Value)
            (await _usages.ReserveAsync(Owner, null, 5_000, Stop)).Refusal.ShouldNotBeNull("all is reserved");

        await owners.GrantAsync(new ContentDescriptor(ContentHash.Of("a"u8), 600), Owner, ContentOrigins.Task, Stop);
        first.Dispose();
        using (var rest = (await _usages.ReserveAsync(Owner, null, 5_000, Stop)).Value)
            rest.Most.ShouldBe(400, "of what is not known to be how long so much may come");
        await owners.GrantAsync(new ContentDescriptor(ContentHash.Of("b"u8), 900), Owner, ContentOrigins.Task, Stop);
        (await _usages.ReserveAsync(Owner, 1, 5_000, Stop)).Refusal.ShouldNotBeNull();
        (await _usages.ReserveAsync(Owner, 0, 5_000, Stop)).Refusal.ShouldBeNull("what is there already takes no more");
    }

    [Fact]
    public async Task Reserve_OfUnknownLength_TakesAllThatIsLeft()
    {
        using var known = (await _usages.ReserveAsync(Owner, 300, 5_000, Stop)).Value;
        var rooms = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => _usages.ReserveAsync(Owner, null, 5_000, Stop), Stop)));

        var most = rooms.Where(room => room.Refusal is null).Sum(room => room.Value.Most);
        most.ShouldBeInRange(0, 700, "however many come at once, together they get what is left");
        (await _usages.ReserveAsync(Owner, null, 5_000, Stop)).Refusal.ShouldNotBeNull().Detail.ShouldContain("under way");
        foreach (var room in rooms.Where(room => room.Refusal is null))
        {
            room.Value.Dispose();
            room.Value.Dispose();
        }

        using var rest = (await _usages.ReserveAsync(Owner, null, 5_000, Stop)).Value;
        rest.Most.ShouldBe(700);
        rest.ShrinkTo(200);
        (await _usages.ReserveAsync(Owner, 500, 5_000, Stop)).Value.Dispose();
        (await _usages.ReserveAsync(Owner, 501, 5_000, Stop)).Refusal.ShouldNotBeNull();
    }

    [Fact]
    public async Task Reserve_OfMoreThanANumberHolds_IsRefused()
    {
        using var first = (await _usages.ReserveAsync(Owner, 1, 5_000, Stop)).Value;
        (await _usages.ReserveAsync(Owner, long.MaxValue, long.MaxValue, Stop)).Refusal.ShouldNotBeNull();
        (await _usages.ReserveAsync(Owner, null, long.MaxValue, Stop)).Value.Most.ShouldBe(999);
    }

    [Fact]
    public async Task Migration_CountsWhatIsThere()
    {
        await Tasks.SubmitAllAsync([NewTask(), NewTask(), NewTask(dueAt: Now.AddHours(1))], Stop);
        var running = (await Tasks.ClaimAsync(Holder, new ClaimRoom(1, 1L << 40, 1L << 40), Now, Stop)).Single();
        await Tasks.EndAttemptAsync(Success(running), Stop);
        await new SqlContentOwners(Database).GrantAsync(new ContentDescriptor(ContentHash.Of("a"u8), 300), Owner, ContentOrigins.Task, Stop);
        var before = await _usages.FindAsync(Owner, Stop);

        await Database.WriteAsync(
            async session =>
            {
                foreach (var table in new[] { "reviews", "agent_ratings", "task_demand", "user_usage" })
                    await session.ExecuteAsync($"DROP TABLE {table}");
                await session.ExecuteAsync(Migrations.Embedded.Single(step => step.Number == 13).Sql);
                // What later ones have added to it.
                var plans = Migrations.Embedded.Single(step => step.Number == 31).Sql;
                await session.ExecuteAsync(plans[plans.IndexOf("ALTER TABLE user_usage", StringComparison.Ordinal)..]);
                await session.ExecuteAsync("ALTER TABLE user_usage ADD COLUMN unpaid_since BIGINT");
                await session.ExecuteAsync("ALTER TABLE user_usage ADD COLUMN is_organisation BOOLEAN NOT NULL DEFAULT FALSE");
            },
            Stop);

        (before.OpenTasks, before.ContentBytes).ShouldBe((2, 300));
        (await _usages.FindAsync(Owner, Stop)).ShouldBe(before);
    }

    private Task<Outcome<TaskBatch, TaskRefusal>> SubmitBatchAsync(SqlTaskBatchStore batches, int size)
    {
        var id = Ids.Next<TaskBatch>();
        var tasks = Enumerable.Range(0, size).Select(_ => NewTask()).Select(made => made with { Task = made.Task with { BatchId = id } }).ToList();
        return batches.SubmitAsync(new TaskBatch(id, Owner, size, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, Now, null), tasks, Stop);
    }

    private async Task<long> OpenAsync() => (await _usages.FindAsync(Owner, Stop)).OpenTasks;

    /// <summary>How many holds are open.</summary>
    private async Task<long> BooksAsync() => (await Ledger.TotalAsync(Stop)).OpenHolds;
}

public sealed class SqliteUserUsageTests() : UserUsageConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresUserUsageTests(PostgresCluster cluster) : UserUsageConformance(new PostgresSource(cluster));
