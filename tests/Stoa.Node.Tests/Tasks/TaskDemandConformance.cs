using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Open tasks of agents whose price follows demand are counted, with the factor that was fixed for each.</summary>
public abstract class TaskDemandConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private Id<AgentVersion> _agent;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _agent = Ids.Next<AgentVersion>();
    }

    [Fact]
    public async Task Count_IsOfWhatIsDueAndRuns()
    {
        var (first, second) = (await SubmitAsync(_agent, 1_000), await SubmitAsync(_agent, 1_250));
        await SubmitAsync(Ids.Next<AgentVersion>(), 1_000);
        await Tasks.SubmitAsync(NewTask(), Stop);
        (await CountAsync(_agent)).ShouldBe(new OpenTasks(2, 0));
        (await CountAsync(_agent, capacity: 1)).ShouldBe(new OpenTasks(1, 0));

        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single(task => task.Id == first.Id);
        (await CountAsync(_agent)).ShouldBe(new OpenTasks(2, 0));
        (await Tasks.FindDemandAsync(second.Id, Stop)).ShouldBe(1_250);

        await Tasks.EndAttemptAsync(Success(running), Stop);
        (await CountAsync(_agent)).ShouldBe(new OpenTasks(1, 0));
    }

    [Fact]
    public async Task Count_OfWhatIsDueLater_IsNothingUntilThen()
    {
        var later = await SubmitAsync(_agent, 1_000, dueAt: Now.AddDays(300));
        await SubmitAsync(_agent, 1_000, dueAt: Now.AddDays(1));
        (await CountAsync(_agent)).ShouldBe(default);
        (await CountAllAsync()).ShouldBe([(_agent, 0, 0)]);

        (await CountAsync(_agent, now: Now.AddDays(1))).ShouldBe(new OpenTasks(1, 0));
        await Tasks.ExpediteAsync(later.Id, Owner, Now, Stop);
        (await CountAsync(_agent)).ShouldBe(new OpenTasks(1, 0));
        (await CountAllAsync()).ShouldBe([(_agent, 1, 0)]);
    }

    [Fact]
    public async Task Count_OfEachConsumer_IsUpToHisShare()
    {
        var others = new[] { 9, 1, 0, 2 };
        for (var i = 0; i < others.Length; i++)
        {
            var owner = Ids.Next<User>();
            for (var n = 0; n < others[i]; n++)
                await SubmitAsync(_agent, 1_000, owner: owner);
            await SubmitAsync(_agent, 1_000, Now.AddHours(1), owner);
        }

        for (var n = 0; n < 9; n++)
            await SubmitAsync(_agent, 1_000);

        (await CountAsync(_agent, capacity: 10)).ShouldBe(new OpenTasks(5, 5 + 1 + 0 + 2));
        (await CountAsync(_agent, capacity: 10, consumer: Ids.Next<User>())).ShouldBe(new OpenTasks(0, 10));
        (await CountAsync(_agent, capacity: 100)).ShouldBe(new OpenTasks(9, 12));
        (await CountAllAsync()).Select(count => (int)count.Open).Order().ShouldBe([0, 1, 2, 9, 9]);
    }

    [Fact]
    public async Task Migration_KnowsWhoseTasksAreOpenAndWhenTheyAreDue()
    {
        await SubmitAsync(_agent, 1_250);
        await SubmitAsync(_agent, 1_000, dueAt: Now.AddDays(1));
        await SubmitAsync(_agent, 1_000, owner: Ids.Next<User>());

        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("DROP INDEX task_demand_by_agent");
                await session.ExecuteAsync("ALTER TABLE task_demand DROP COLUMN owner_id");
                await session.ExecuteAsync("ALTER TABLE task_demand DROP COLUMN due_at");
                await session.ExecuteAsync("CREATE INDEX task_demand_by_agent ON task_demand (agent_id, task_id)");
                await session.ExecuteAsync("ALTER TABLE agent_stats DROP COLUMN last_words");
                await session.ExecuteAsync("ALTER TABLE agent_stats ADD COLUMN faults_in_a_row BIGINT NOT NULL DEFAULT 0");
                await session.ExecuteAsync(Migrations.Embedded.Single(step => step.Number == 16).Sql);
            },
            Stop);

        (await CountAsync(_agent)).ShouldBe(new OpenTasks(1, 1));
        (await CountAsync(_agent, now: Now.AddDays(1))).ShouldBe(new OpenTasks(2, 1));
    }

    [Fact]
    public async Task Find_OfATaskOfAnotherAgent_IsNone()
    {
        var task = (await Tasks.SubmitAsync(NewTask(), Stop)).Value.Task;

        (await Tasks.FindDemandAsync(task.Id, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Forget_TakesOutWhatHasEnded()
    {
        var (first, _) = (await SubmitAsync(_agent, 1_000), await SubmitAsync(_agent, 1_250));
        await Tasks.CancelAsync(first.Id, Owner, Ids.Next<Market.Ledger.Transfer>(), Accounts.Clearing, Now, Stop);

        (await CountAllAsync()).ShouldBe([(_agent, 1, 1)]);
        (await Database.WriteAsync(session => SqlTaskDemand.ForgetEndedAsync(session, 100), Stop)).ShouldBe(1);
        (await CountAllAsync()).ShouldBe([(_agent, 1, 0)]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1_500)]
    public async Task Reassignment_MovesTheTaskToItsNextAgent(int? demand)
    {
        await SubmitAsync(_agent, 1_000);
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single();
        var other = Ids.Next<AgentVersion>();
        var next = running.Reassign(other, ListingName.Parse("ann/other@1.0.0"), [], running.Limits, Now);
        var choice = new Choice(Now, SelectionWeights.Default, [], 0, new Dictionary<Unfit, int>(), false, new TypicalCandidate(0, 0, 0, 0));

        (await Tasks.EndAttemptAsync(End(next) with { Reassignment = new Reassignment(["stoa/upper"], choice) { Demand = demand } }, Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await Tasks.FindDemandAsync(running.Id, Stop)).ShouldBe(demand);
        (await CountAsync(_agent)).ShouldBe(new OpenTasks(0, 0));
        (await CountAsync(other)).ShouldBe(new OpenTasks(demand is null ? 0 : 1, 0));
    }

    private Task<OpenTasks> CountAsync(Id<AgentVersion> version, int capacity = 20, Id<User>? consumer = null, DateTimeOffset? now = null) =>
        Tasks.CountOpenOfAsync(version, consumer ?? Owner, new DemandFactor(2_000, 0, capacity), now ?? Now, Stop);

    private Task<IReadOnlyList<(Id<AgentVersion> Agent, long Open, long Ended)>> CountAllAsync() =>
        Database.ReadAsync(session => SqlTaskDemand.CountAllAsync(session, Now), Stop);

    private async Task<AgentTask> SubmitAsync(Id<AgentVersion> version, int demand, DateTimeOffset? dueAt = null, Id<User>? owner = null)
    {
        var made = NewTask(dueAt: dueAt);
        return (await Tasks.SubmitAsync(made with { Task = made.Task with { AgentId = version, OwnerId = owner ?? Owner }, Demand = demand }, Stop)).Value.Task;
    }
}

public sealed class SqliteTaskDemandTests() : TaskDemandConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskDemandTests(PostgresCluster cluster) : TaskDemandConformance(new PostgresSource(cluster));
