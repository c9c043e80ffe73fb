using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Tests.Metering;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>The volume factor of a task is kept as long as its agent has it, and what it follows is counted by consumer, agent and month.</summary>
public abstract class TaskVolumeConformance(DatabaseSource source) : MeteringTest(source)
{
    [Fact]
    public async Task Volume_OfATask_StaysWhateverBecomesOfItsAttempts()
    {
        var made = TaskOf(Agents[0], Price);
        var id = (await Limited.SubmitAsync(made with { Task = made.Task with { Volume = 900 } }, Stop)).Value.Task.Id;
        await Limited.SubmitAsync(TaskOf(Agents[0], Price), Stop);
        (await Limited.GetAsync(id, Stop))!.Volume.ShouldBe(900);

        await Limited.EndAttemptAsync(End((await ClaimAsync(id)).Retry(Now)), Stop);
        await NewStore().EndAttemptAsync(End((await ClaimAsync(id)).Lose(Now)), Stop);
        await Limited.EndAttemptAsync(End((await ClaimAsync(id)).HandBack(Now)), Stop);
        await Limited.ExpediteAsync(id, Owner, Now, Stop);
        await Limited.EndAttemptAsync(Success(await ClaimAsync(id)), Stop);

        (await Limited.GetAsync(id, Stop))!.ShouldSatisfyAllConditions(task => task.Volume.ShouldBe(900), task => task.State.ShouldBeOfType<TaskState.Succeeded>());
        (await Limited.ListAsync(Owner, null, new PageRequest(10), Stop)).Items.Select(task => task.Volume).ShouldBe([null, 900]);

        // Both are claimed each time, and the other one has none.
        async Task<AgentTask> ClaimAsync(Id<AgentTask> wanted)
        {
            var claimed = await Limited.ClaimAsync(Holder, Room, Now.AddMinutes(1), Stop);
            claimed.Where(task => task.Id != wanted).ShouldAllBe(task => task.Volume == null);
            return claimed.Single(task => task.Id == wanted);
        }
    }

    [Theory]
    [InlineData(900, null)]
    [InlineData(900, 500)]
    [InlineData(null, 500)]
    public async Task Reassignment_FixesTheFactorOfTheNextAgent(int? before, int? after)
    {
        var made = TaskOf(Agents[0], Price);
        var id = (await Limited.SubmitAsync(made with { Task = made.Task with { Volume = before } }, Stop)).Value.Task.Id;
        var running = (await Limited.ClaimAsync(Holder, Room, Now, Stop)).Single();
        var next = running.Reassign(Agents[3].Id, Agents[3].Listing, [], running.Limits, Now, after);

        (await Limited.EndAttemptAsync(End(next) with { Reassignment = new Reassignment([Agents[0].Name], Choice: null) }, Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await Limited.GetAsync(id, Stop))!.Volume.ShouldBe(after);
        (await Limited.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            task => task.Volume.ShouldBe(after), task => task.AgentId.ShouldBe(Agents[3].Id));
    }

    [Fact]
    public async Task Count_IsOfTheTasksOfTheMonthThatWerePaidForAndAddedUp()
    {
        var (upper, lower, other) = (Agents[0], Agents[2], Ids.Next<User>());
        await Limited.SubmitAllAsync([TaskOf(upper, Price), TaskOf(upper, Price), TaskOf(Agents[1], Price), TaskOf(lower, Price)], Stop);
        await FinishAllAsync(new Money(1_000));
        var theirs = TaskOf(upper, Price, other);
        await Limited.SubmitAsync(theirs, Stop);
        await FinishAllAsync(new Money(1_000));
        await Limited.SubmitAsync(TaskOf(upper, Price), Stop);
        (await CountAsync(upper)).ShouldBe(0, "it is not added up yet");

        while (await Usage.FoldAsync(Stop))
        {
        }

        (await CountAsync(upper)).ShouldBe(3, "in all of its versions, and not what waits");
        (await CountAsync(lower)).ShouldBe(1);
        (await CountAsync(Agents[3])).ShouldBe(0);
        (await CountAsync(upper, other)).ShouldBe(1);
        (await CountAsync(upper, Ids.Next<User>())).ShouldBe(0);
        (await Limited.CountPaidOfAsync(Owner, Agents[3].PublisherId, upper.Name, Now, Stop)).ShouldBe(0, "another publisher has no agent of that name");
        (await CountAllAsync(Owner, Now)).ShouldBe([("ann/lower", 1), ("ann/upper", 3)]);
        (await CountAllAsync(other, Now)).ShouldBe([("ann/upper", 1)]);
        (await CountAllAsync(Ids.Next<User>(), Now)).ShouldBeEmpty();

        var month = UsageSpan.Month.StartOf(Now);
        foreach (var (at, count) in new[] { (month, 3), (month.AddMonths(1).AddMilliseconds(-1), 3), (month.AddMonths(1), 0), (month.AddMilliseconds(-1), 0) })
        {
            (await CountAsync(upper, at: at)).ShouldBe(count, at.ToString("O"));
            (await CountAllAsync(Owner, at)).Count.ShouldBe(count == 0 ? 0 : 2);
        }
    }

    [Fact]
    public async Task Count_OfCallsByOtherAgents_IsNothing()
    {
        var bob = Agents[3].PublisherId;
        await Limited.SubmitAsync(TaskOf(Agents[0], Price), Stop);
        var running = (await Limited.ClaimAsync(Holder, Room, Now, Stop)).Single();
        using var node = PrivateKey.Generate();
        var whole = Succeed(running, new Money(1_000), new Usage(1, 1, 1, 1, 1), Now, node);
        TaskCall[] calls =
        [
            new(1, null, Agents[3].Listing.ToString(), bob, new Usage(20, 1, 3, 4, 5), null, new Money(400), new Money(100), new Money(20),
                [new CreatorPart(bob, "bob", Agents[3].Listing.ToString(), new Money(280))]),
        ];
        var wallet = (await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), bob.ToString(), AccountKind.Wallet, Now), Stop)).Id;
        var ended = (TaskState.Succeeded)whole.Task.State;
        var payees = new Payees(Accounts.Clearing, Creator, Accounts.Node, Accounts.Platform) { Royalties = [(wallet, new Money(280))] };
        (await Limited.EndAttemptAsync(
            whole with
            {
                Task = whole.Task with { State = ended with { Result = ended.Result with { Calls = calls } } },
                Transfers = Settlement.Capture(running, new Shares(new Money(700), new Money(250), new Money(50)), payees, Ids, Now),
            },
            Stop)).ShouldBe(AttemptEndOutcome.Written);
        while (await Usage.FoldAsync(Stop))
        {
        }

        (await CountAsync(Agents[0])).ShouldBe(1);
        (await CountAsync(Agents[3])).ShouldBe(0);
        (await CountAllAsync(Owner, Now)).ShouldBe([("ann/upper", 1)]);
    }

    private Task<long> CountAsync(PublishedAgent agent, Id<User>? consumer = null, DateTimeOffset? at = null) =>
        Limited.CountPaidOfAsync(consumer ?? Owner, agent.PublisherId, agent.Name, at ?? Now, Stop);

    private async Task<List<(string, long)>> CountAllAsync(Id<User> consumer, DateTimeOffset at) =>
        [.. (await Limited.CountPaidAsync(consumer, at, Stop)).Select(count => (count.Key, count.Value)).OrderBy(count => count.Key, StringComparer.Ordinal)];
}

public sealed class SqliteTaskVolumeTests() : TaskVolumeConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskVolumeTests(PostgresCluster cluster) : TaskVolumeConformance(new PostgresSource(cluster));
