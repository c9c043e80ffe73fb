using Stoa.Market.Membership;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Schedules;
using Stoa.Market.Tasks;
using Stoa.Node.Identity;
using Stoa.Node.Membership;
using Stoa.Node.Schedules;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Schedules;

public abstract class ScheduleStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_020_000);
    private readonly IdSource ids = new(TimeProvider.System, new SecureRandom());
    private SqlScheduleStore store = null!;
    private Id<User> owner;
    private LeaseHolder self = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        store = new SqlScheduleStore(Database);
        self = await NewNodeAsync("self");
        var user = new User(ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, Now);
        owner = (await new SqlUserStore(Database, ids).AddAsync(new StoredUser(user, "hash"), Stop)).Value.Id;
    }

    [Fact]
    public async Task DueSchedule_IsTakenByOne()
    {
        var due = await AddAsync(Now);
        await AddAsync(Now.AddMinutes(1));
        await AddAsync(null);

        var nodes = new List<LeaseHolder>();
        for (var number = 0; number < 8; number++)
            nodes.Add(await NewNodeAsync($"node{number}"));

        var claims = await Task.WhenAll(nodes.Select(node => ClaimAsync(node, 10)));

        claims.SelectMany(claimed => claimed).Select(claimed => claimed.Id).ShouldBe([due.Id]);
        var taker = nodes[claims.ToList().FindIndex(claimed => claimed.Count > 0)];
        var other = nodes.First(node => node != taker);
        (await store.NextTickAsync(other, Stop)).ShouldBe(Now.AddMinutes(1), "another node looks at the one that is due");
        (await ClaimAsync(taker, 10)).Count.ShouldBe(1, "its own, which it could not give back");
        await new SqlNodeStore(Database).StrikeOffAsync(new NodeBeat(taker, 1), Stop);
        (await store.NextTickAsync(other, Stop)).ShouldBe(Now);
        (await ClaimAsync(other, 10)).Count.ShouldBe(1, "of a node that vanished");
    }

    [Fact]
    public async Task Finish_WritesRunsAndTheNextTick()
    {
        var schedule = await AddAsync(Now);
        await store.ClaimAsync(self, "mine", 1, Now, Stop);

        await store.FinishAsync(schedule, "mine", [Refused(schedule, Now)], Now.AddHours(1), [], Stop);

        (await FindAsync(schedule)).NextTick.ShouldBe(Now.AddHours(1));
        (await ClaimAsync(self, 1)).ShouldBeEmpty();
        (await RunsAsync(schedule)).ShouldBe([Refused(schedule, Now)]);
    }

    [Fact]
    public async Task Finish_AfterAChange_KeepsTheChangedTime()
    {
        var schedule = await AddAsync(Now);
        await store.ClaimAsync(self, "mine", 1, Now, Stop);
        await store.UpdateAsync(schedule with { NextTick = Now.AddDays(1), Name = "new" }, Stop);

        await store.FinishAsync(schedule, "mine", [Refused(schedule, Now)], Now.AddHours(1), [], Stop);

        var now = await FindAsync(schedule);
        (now.NextTick, now.Name).ShouldBe((Now.AddDays(1), "new"));
    }

    [Fact]
    public async Task BringForward_MovesWhatIsStillLaterAndIsNotMovedBackByWhoeverLooksAtIt()
    {
        var schedule = await AddAsync(Now.AddHours(1));
        var due = await AddAsync(Now);
        await AddAsync(null);
        await store.ClaimAsync(self, "ahead", 2, Now.AddHours(1), Stop);

        (await store.ListLaterAsync(Now, null, 10, Stop)).Select(later => later.Id).ShouldBe([schedule.Id]);
        (await store.ListLaterAsync(Now, schedule.Id, 10, Stop)).ShouldBeEmpty();
        (await store.BringForwardAsync(schedule with { NextTick = Now.AddHours(2) }, Now.AddMinutes(1), Stop)).ShouldBeFalse();
        (await store.BringForwardAsync(schedule, Now.AddMinutes(1), Stop)).ShouldBeTrue();
        await store.FinishAsync(schedule, "ahead", [Refused(schedule, Now.AddHours(1))], Now.AddHours(2), [], Stop);

        (await FindAsync(schedule)).NextTick.ShouldBe(Now.AddMinutes(1));
        (await FindAsync(due)).NextTick.ShouldBe(Now);
        (await store.ListTicksAsync(schedule.Id, Now, Now.AddHours(1), Stop)).ShouldBe([Now.AddHours(1)]);
        (await store.ListTicksAsync(schedule.Id, Now, Now.AddMinutes(59), Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task TwoNodesThatFinishOneTick_LeaveTheTask()
    {
        var schedule = await AddAsync(Now);
        var made = new ScheduleRun(schedule.Id, Now, RunOutcome.Submitted, ids.Next<AgentTask>(), null, null, Now);

        await store.FinishAsync(schedule, "one", [Refused(schedule, Now)], null, [], Stop);
        await store.FinishAsync(schedule, "two", [made], null, [], Stop);
        await store.FinishAsync(schedule, "three", [Refused(schedule, Now)], null, [], Stop);

        (await RunsAsync(schedule)).ShouldBe([made]);
        (await store.LastSubmittedAsync(schedule.Id, Stop))!.TaskId.ShouldBe(made.TaskId);
    }

    [Fact]
    public async Task Schedule_IsItsOwnersAlone()
    {
        var schedule = await AddAsync(Now);
        var other = ids.Next<User>();

        (await store.FindAsync(schedule.Id, other, Stop)).ShouldBeNull();
        (await store.DeleteAsync(schedule.Id, other, Stop)).ShouldBeFalse();
        await store.FinishAsync(schedule, "one", [Refused(schedule, Now)], null, [], Stop);
        (await store.DeleteAsync(schedule.Id, owner, Stop)).ShouldBeTrue();
        await store.FinishAsync(schedule, "two", [Refused(schedule, Now)], null, [], Stop);
        (await store.ListAsync(owner, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Schedules_OfOneUser_AreLimited()
    {
        for (var number = 0; number < Schedule.MaxPerUser; number++)
            await AddAsync(null);

        (await store.AddAsync(New(null), Stop)).Refusal!.Code.ShouldBe(ScheduleRefusal.SchedulesTooMany);
    }

    [Fact]
    public async Task OldRuns_AreForgotten()
    {
        var schedule = await AddAsync(Now);
        await store.FinishAsync(schedule, "one", [Refused(schedule, Now), Refused(schedule, Now.AddHours(1))], null, [], Stop);

        (await store.ForgetAsync(Now.AddMinutes(1), Stop)).ShouldBe(1);
        (await RunsAsync(schedule)).Single().TickAt.ShouldBe(Now.AddHours(1));
    }

    private async Task<LeaseHolder> NewNodeAsync(string name)
    {
        var holder = new LeaseHolder(name, "1");
        await new SqlNodeStore(Database).BeatAsync(holder, NodeStoreConformance.Silent, Now, Stop);
        return holder;
    }

    private Task<IReadOnlyList<Schedule>> ClaimAsync(LeaseHolder node, int count) =>
        store.ClaimAsync(node, HolderLease.NewToken(node, ids), count, Now, Stop);

    private static ScheduleRun Refused(Schedule schedule, DateTimeOffset tick) =>
        new(schedule.Id, tick, RunOutcome.Refused, null, "insufficientFunds", "No money.", tick);

    private Schedule New(DateTimeOffset? next) => new(
        ids.Next<Schedule>(), owner, "", "@hourly", "Europe/Berlin", "{}", false, MissedRuns.RunAll, OverlappingRuns.Skip, next is null ? Now : null, next, Now);

    private async Task<Schedule> AddAsync(DateTimeOffset? next) => (await store.AddAsync(New(next), Stop)).Value;

    private async Task<Schedule> FindAsync(Schedule schedule) => (await store.FindAsync(schedule.Id, owner, Stop)).ShouldNotBeNull();

    private async Task<IReadOnlyList<ScheduleRun>> RunsAsync(Schedule schedule) => (await store.ListRunsAsync(schedule.Id, new PageRequest(), Stop)).Items;
}

public sealed class SqliteScheduleStoreTests() : ScheduleStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresScheduleStoreTests(PostgresCluster cluster) : ScheduleStoreConformance(new PostgresSource(cluster));
