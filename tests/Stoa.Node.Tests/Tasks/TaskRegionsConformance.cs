using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What every store of tasks does with those that ask for regions.</summary>
public abstract class TaskRegionsConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private const string Eu = "eu-central";
    private const string Us = "us-east";
    private static readonly ClaimRoom s_inEu = Room with { Region = Eu };
    private static readonly ClaimRoom s_inUs = Room with { Region = Us };

    [Fact]
    public async Task Claim_OfATaskWithRegions_IsOnlyForANodeOfOneOfThem()
    {
        var task = await SubmitAsync(Owner, Eu, Us);

        (await Tasks.GetAsync(task.Id, Stop))!.Regions.ShouldBe([Eu, Us]);
        (await Tasks.NextDueAsync(null, Stop)).ShouldBeNull();
        (await Tasks.NextDueAsync("ap-south", Stop)).ShouldBeNull();
        (await Tasks.NextDueAsync(Us, Stop)).ShouldBe(DateTimeOffset.UnixEpoch, "what waits for its turn was due long ago, whatever its own time says");
        (await Tasks.CountOpenAsync(Stop))[TaskStateNames.Queued].ShouldBe(1);
        (await ClaimAsync(Room)).ShouldBeEmpty();
        (await ClaimAsync(Room with { Region = "ap-south" })).ShouldBeEmpty();

        (await ClaimAsync(s_inUs)).ShouldHaveSingleItem().Regions.ShouldBe([Eu, Us]);

        (await ClaimAsync(s_inEu)).ShouldBeEmpty();
        (await Tasks.NextDueAsync(Eu, Stop)).ShouldBeNull();
        (await Tasks.CountOpenAsync(Stop))[TaskStateNames.Queued].ShouldBe(0);
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Claim_InARegion_TakesWhatAsksForItAndWhatAsksForNoneByTurns()
    {
        var (ada, ben) = (Ids.Next<User>(), Ids.Next<User>());
        for (var i = 0; i < 20; i++)
        {
            await SubmitAsync(ada, Eu);
            await SubmitAsync(ben);
        }

        var claimed = await ClaimAsync(s_inEu with { Count = 10 });

        claimed.Count(task => task.OwnerId == ada).ShouldBe(5);
        (await ClaimAsync(s_inEu with { Count = 100, FreeMemoryBytes = 3 << 20 })).Count.ShouldBe(3);
        (await ClaimAsync(Room)).ShouldAllBe(task => task.OwnerId == ben);
        (await ClaimAsync(s_inEu)).ShouldAllBe(task => task.OwnerId == ada);
        (await Tasks.NextDueAsync(Eu, Stop)).ShouldBeNull();
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Claim_WhereARegionLagsBehind_LetsANewConsumerInAmongThoseWhoWait()
    {
        var (ada, ben, cleo) = (Ids.Next<User>(), Ids.Next<User>(), Ids.Next<User>());
        for (var i = 0; i < 100; i++)
        {
            await SubmitAsync(ada, Eu);
            await SubmitAsync(ben, Us);
        }

        // The clock of the queue goes by what is claimed elsewhere.
        (await ClaimAsync(s_inUs)).Count.ShouldBe(100);
        var late = await SubmitAsync(cleo, Eu);

        (await ClaimAsync(s_inEu with { Count = 3 })).ShouldContain(task => task.Id == late.Id);
    }

    [Fact]
    public async Task Claim_OfWhatWaitsForOneRegion_IsNotHeldUpByWhatWaitsForAnother()
    {
        var ben = Ids.Next<User>();
        for (var i = 0; i < 100; i++)
            await SubmitAsync(Owner, Eu);
        for (var i = 0; i < 10; i++)
            await SubmitAsync(ben, Us);
        var mine = await SubmitAsync(Owner, Us);

        (await ClaimAsync(s_inUs with { Count = 3 })).ShouldContain(task => task.Id == mine.Id);
    }

    [Fact]
    public async Task Task_WithRegions_KeepsThemWhenItGoesBackToTheQueue()
    {
        var task = await SubmitAsync(Owner, Eu);
        var claimed = (await ClaimAsync(s_inEu)).ShouldHaveSingleItem();
        await Tasks.EndAttemptAsync(End(claimed.Lose(Now.AddSeconds(1))), Stop);

        (await Tasks.ClaimAsync(Holder, Room, Now.AddSeconds(2), Stop)).ShouldBeEmpty();
        (await Tasks.ClaimAsync(Holder, s_inUs, Now.AddSeconds(2), Stop)).ShouldBeEmpty();
        var again = (await Tasks.ClaimAsync(Holder, s_inEu, Now.AddSeconds(2), Stop)).ShouldHaveSingleItem();

        (again.Id, again.Token, again.Losses).ShouldBe((task.Id, 2, 1));
        again.Regions.ShouldBe([Eu]);
        (await Tasks.EndAttemptAsync(Success(again), Stop)).ShouldBe(AttemptEndOutcome.Written);
        (await Tasks.GetAsync(task.Id, Stop))!.State.ShouldBeOfType<TaskState.Succeeded>();
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Task_WithRegions_CanBePutOffExpeditedAndCancelled()
    {
        await SubmitAsync(Owner, Eu, Us);
        var submission = NewTask(dueAt: Now.AddHours(1));
        var later = (await Tasks.SubmitAsync(submission with { Task = submission.Task with { Regions = [Eu] } }, Stop)).Value.Task;
        (await Tasks.NextDueAsync(Eu, Stop)).ShouldBe(DateTimeOffset.UnixEpoch);
        (await Tasks.ExpediteAsync(later.Id, Owner, Now, Stop)).ShouldNotBeNull();

        (await ClaimAsync(s_inUs with { Count = 0 })).ShouldBeEmpty();
        (await ClaimAsync(s_inEu with { Count = 1 })).ShouldHaveSingleItem().Id.ShouldBe(later.Id);
        var (one, two) = (await SubmitAsync(Owner, Eu, Us), await SubmitAsync(Owner, Eu));
        (await CancelAsync(one.Id)).State.ShouldBeOfType<TaskState.Cancelled>();
        (await Tasks.ExpediteAsync(two.Id, Owner, Now, Stop)).ShouldNotBeNull();
        (await CancelAsync(two.Id)).State.ShouldBeOfType<TaskState.Cancelled>();

        (await ClaimAsync(s_inUs)).Count.ShouldBe(1);
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Claims_OfNodesInDifferentRegions_NeverHaveTheSameTask()
    {
        var submitted = new List<Id<AgentTask>>();
        for (var i = 0; i < 60; i++)
            submitted.Add((await SubmitAsync(Owner, i % 3 == 0 ? [Eu] : i % 3 == 1 ? [Eu, Us] : [])).Id);
        var claimed = new ConcurrentBag<Id<AgentTask>>();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(async worker =>
        {
            var room = (worker % 2 == 0 ? s_inEu : s_inUs) with { Count = 3 };
            while (await Tasks.NextDueAsync(room.Region, Stop) is not null)
            {
                foreach (var task in await Tasks.ClaimAsync(new LeaseHolder("node", $"{worker}"), room, Now, Stop))
                    claimed.Add(task.Id);
            }
        }));

        claimed.Order().ShouldBe(submitted.Order());
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Submit_WithAnOffer_ClaimsUnlessSomethingWaitsThatThisNodeMayRun()
    {
        await SubmitAsync(Owner, Us);
        var offer = new ImmediateClaim(Holder, Eu);

        (await OfferedAsync(offer, Eu)).State.ShouldBeOfType<TaskState.Running>();
        (await OfferedAsync(offer with { Region = Us }, Us)).State.ShouldBeOfType<TaskState.Queued>();
        (await OfferedAsync(offer with { Region = null })).State.ShouldBeOfType<TaskState.Running>();
    }

    [Fact]
    public async Task Batch_WithRegions_IsCancelledWithAllThatWaits()
    {
        var batches = new SqlTaskBatchStore(Database);
        var id = Ids.Next<TaskBatch>();
        NewTask[] tasks = [.. Enumerable.Range(0, 10).Select(number =>
        {
            var submission = NewFreeTask();
            return submission with { Task = submission.Task with { BatchId = id, Regions = number % 2 == 0 ? [Eu, Us] : [] } };
        })];
        await batches.SubmitAsync(new TaskBatch(id, Owner, 10, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, Now, null), tasks, Stop);

        await batches.CancelAsync(id, Owner, Accounts.Clearing, Ids, Now, 100, Stop);

        (await batches.GetAsync(id, Owner, Stop))!.Batch.Cancelled.ShouldBe(10);
        await NothingIsLeftAsync();
    }

    private async Task<AgentTask> SubmitAsync(Id<User> owner, params string[] regions)
    {
        var submission = NewFreeTask(owner);
        return (await Tasks.SubmitAsync(submission with { Task = submission.Task with { Regions = regions } }, Stop)).Value.Task;
    }

    private async Task<AgentTask> OfferedAsync(ImmediateClaim offer, params string[] regions)
    {
        var submission = NewFreeTask();
        return (await Tasks.SubmitAsync(submission with { Task = submission.Task with { Regions = regions }, Claim = offer }, Stop)).Value.Task;
    }

    private Task<IReadOnlyList<AgentTask>> ClaimAsync(ClaimRoom room) => Tasks.ClaimAsync(Holder, room, Now, Stop);

    private async Task<AgentTask> CancelAsync(Id<AgentTask> id) =>
        (await Tasks.CancelAsync(id, Owner, Ids.Next<Market.Ledger.Transfer>(), Accounts.Clearing, Now, Stop)).Value;

    private async Task NothingIsLeftAsync() => (await Database.ReadAsync(
        session => session.QuerySingleAsync<long>("SELECT (SELECT COUNT(*) FROM regional_queue) + (SELECT COUNT(*) FROM regional_turns)"), Stop)).ShouldBe(0);
}

public sealed class SqliteTaskRegionsTests() : TaskRegionsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskRegionsTests(PostgresCluster cluster) : TaskRegionsConformance(new PostgresSource(cluster));
