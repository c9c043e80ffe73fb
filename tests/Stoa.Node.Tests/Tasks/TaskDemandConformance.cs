using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Open tasks of agents whose price follows demand are counted, with the factor that was fixed for each.</summary>
public abstract class TaskDemandConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private Id<AgentVersion> agent;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        agent = Ids.Next<AgentVersion>();
    }

    [Fact]
    public async Task Count_IsOfWhatWaitsAndRuns()
    {
        var (first, second) = (await SubmitAsync(agent, 1_000), await SubmitAsync(agent, 1_250));
        await SubmitAsync(Ids.Next<AgentVersion>(), 1_000);
        await Tasks.SubmitAsync(NewTask(), Stop);
        (await Tasks.CountOpenOfAsync(agent, 10, Stop)).ShouldBe(2);
        (await Tasks.CountOpenOfAsync(agent, 1, Stop)).ShouldBe(1);

        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single(task => task.Id == first.Id);
        (await Tasks.CountOpenOfAsync(agent, 10, Stop)).ShouldBe(2);
        (await Tasks.FindDemandAsync(second.Id, Stop)).ShouldBe(1_250);

        await Tasks.EndAttemptAsync(Success(running), Stop);
        (await Tasks.CountOpenOfAsync(agent, 10, Stop)).ShouldBe(1);
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
        var (first, _) = (await SubmitAsync(agent, 1_000), await SubmitAsync(agent, 1_250));
        await Tasks.CancelAsync(first.Id, Owner, Ids.Next<Market.Ledger.Transfer>(), Accounts.Clearing, Now, Stop);

        (await Database.ReadAsync(SqlTaskDemand.CountAllAsync, Stop)).ShouldBe([(agent, 2, 1)]);
        (await Database.WriteAsync(session => SqlTaskDemand.ForgetEndedAsync(session, 100), Stop)).ShouldBe(1);
        (await Database.ReadAsync(SqlTaskDemand.CountAllAsync, Stop)).ShouldBe([(agent, 1, 0)]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1_500)]
    public async Task Reassignment_MovesTheTaskToItsNextAgent(int? demand)
    {
        await SubmitAsync(agent, 1_000);
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single();
        var other = Ids.Next<AgentVersion>();
        var next = running.Reassign(other, ListingName.Parse("ann/other@1.0.0"), [], running.Limits, Now);
        var choice = new Choice(Now, SelectionWeights.Default, [], 0, new Dictionary<Unfit, int>(), false, new TypicalCandidate(0, 0, 0, 0));

        (await Tasks.EndAttemptAsync(End(next) with { Reassignment = new Reassignment(["stoa/upper"], choice) { Demand = demand } }, Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await Tasks.FindDemandAsync(running.Id, Stop)).ShouldBe(demand);
        (await Tasks.CountOpenOfAsync(agent, 10, Stop)).ShouldBe(0);
        (await Tasks.CountOpenOfAsync(other, 10, Stop)).ShouldBe(demand is null ? 0 : 1);
    }

    private async Task<AgentTask> SubmitAsync(Id<AgentVersion> version, int demand)
    {
        var made = NewTask();
        return (await Tasks.SubmitAsync(made with { Task = made.Task with { AgentId = version }, Demand = demand }, Stop)).Value.Task;
    }
}

public sealed class SqliteTaskDemandTests() : TaskDemandConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskDemandTests(PostgresCluster cluster) : TaskDemandConformance(new PostgresSource(cluster));
