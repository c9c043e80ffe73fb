using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
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
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_020_000);
    private readonly IdSource _ids = new(TimeProvider.System, new SecureRandom());
    private SqlScheduleStore _store = null!;
    private Id<User> _owner;
    private LeaseHolder _self = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _store = new SqlScheduleStore(Database);
        _self = await NewNodeAsync("self");
        var user = new User(_ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, s_now);
        _owner = (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(new StoredUser(user, "hash"), Stop)).Value.Id;
    }

    [Fact]
    public async Task DueSchedule_IsTakenByOne()
    {
        var due = await AddAsync(s_now);
        await AddAsync(s_now.AddMinutes(1));
        await AddAsync(null);

        var nodes = new List<LeaseHolder>();
        for (var number = 0; number < 8; number++)
            nodes.Add(await NewNodeAsync($"node{number}"));

        var claims = await Task.WhenAll(nodes.Select(node => ClaimAsync(node, 10)));

        claims.SelectMany(claimed => claimed).Select(claimed => claimed.Id).ShouldBe([due.Id]);
        var taker = nodes[claims.ToList().FindIndex(claimed => claimed.Count > 0)];
        var other = nodes.First(node => node != taker);
        (await _store.NextTickAsync(other, Stop)).ShouldBe(s_now.AddMinutes(1), "another node looks at the one that is due");
        (await ClaimAsync(taker, 10)).Count.ShouldBe(1, "its own, which it could not give back");
        await new SqlNodeStore(Database).StrikeOffAsync(new NodeBeat(taker, 1), Stop);
        (await _store.NextTickAsync(other, Stop)).ShouldBe(s_now);
        (await ClaimAsync(other, 10)).Count.ShouldBe(1, "of a node that vanished");
    }

    [Fact]
    public async Task Finish_WritesRunsAndTheNextTick()
    {
        var schedule = await AddAsync(s_now);
        await _store.ClaimAsync(_self, "mine", 1, s_now, Stop);

        await _store.FinishAsync(schedule, "mine", [Refused(schedule, s_now)], s_now.AddHours(1), [], Stop);

        (await FindAsync(schedule)).NextTick.ShouldBe(s_now.AddHours(1));
        (await ClaimAsync(_self, 1)).ShouldBeEmpty();
        (await RunsAsync(schedule)).ShouldBe([Refused(schedule, s_now)]);
    }

    [Fact]
    public async Task Finish_AfterAChange_KeepsTheChangedTime()
    {
        var schedule = await AddAsync(s_now);
        await _store.ClaimAsync(_self, "mine", 1, s_now, Stop);
        await _store.UpdateAsync(schedule with { NextTick = s_now.AddDays(1), Name = "new" }, Stop);

        await _store.FinishAsync(schedule, "mine", [Refused(schedule, s_now)], s_now.AddHours(1), [], Stop);

        var now = await FindAsync(schedule);
        (now.NextTick, now.Name).ShouldBe((s_now.AddDays(1), "new"));
    }

    [Fact]
    public async Task BringForward_MovesWhatIsStillLaterAndIsNotMovedBackByWhoeverLooksAtIt()
    {
        var schedule = await AddAsync(s_now.AddHours(1));
        var due = await AddAsync(s_now);
        await AddAsync(null);
        await _store.ClaimAsync(_self, "ahead", 2, s_now.AddHours(1), Stop);

        (await _store.ListLaterAsync(s_now, null, 10, Stop)).Select(later => later.Id).ShouldBe([schedule.Id]);
        (await _store.ListLaterAsync(s_now, schedule.Id, 10, Stop)).ShouldBeEmpty();
        (await _store.BringForwardAsync(schedule with { NextTick = s_now.AddHours(2) }, s_now.AddMinutes(1), Stop)).ShouldBeFalse();
        (await _store.BringForwardAsync(schedule, s_now.AddMinutes(1), Stop)).ShouldBeTrue();
        await _store.FinishAsync(schedule, "ahead", [Refused(schedule, s_now.AddHours(1))], s_now.AddHours(2), [], Stop);

        (await FindAsync(schedule)).NextTick.ShouldBe(s_now.AddMinutes(1));
        (await FindAsync(due)).NextTick.ShouldBe(s_now);
        (await _store.ListTicksAsync(schedule.Id, s_now, s_now.AddHours(1), Stop)).ShouldBe([s_now.AddHours(1)]);
        (await _store.ListTicksAsync(schedule.Id, s_now, s_now.AddMinutes(59), Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task TwoNodesThatFinishOneTick_LeaveTheTask()
    {
        var schedule = await AddAsync(s_now);
        var made = new ScheduleRun(schedule.Id, s_now, RunOutcome.Submitted, _ids.Next<AgentTask>(), null, null, s_now);

        await _store.FinishAsync(schedule, "one", [Refused(schedule, s_now)], null, [], Stop);
        await _store.FinishAsync(schedule, "two", [made], null, [], Stop);
        await _store.FinishAsync(schedule, "three", [Refused(schedule, s_now)], null, [], Stop);

        (await RunsAsync(schedule)).ShouldBe([made]);
        (await _store.LastSubmittedAsync(schedule.Id, Stop))!.TaskId.ShouldBe(made.TaskId);
    }

    [Fact]
    public async Task Schedule_IsItsOwnersAlone()
    {
        var schedule = await AddAsync(s_now);
        var other = _ids.Next<User>();

        (await _store.FindAsync(schedule.Id, other, Stop)).ShouldBeNull();
        (await _store.DeleteAsync(schedule.Id, other, Stop)).ShouldBeFalse();
        await _store.FinishAsync(schedule, "one", [Refused(schedule, s_now)], null, [], Stop);
        (await _store.DeleteAsync(schedule.Id, _owner, Stop)).ShouldBeTrue();
        await _store.FinishAsync(schedule, "two", [Refused(schedule, s_now)], null, [], Stop);
        (await _store.ListAsync(_owner, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Schedules_OfOneUser_AreLimited()
    {
        for (var number = 0; number < Schedule.MaxPerUser; number++)
            await AddAsync(null);

        (await _store.AddAsync(New(null), Stop)).Refusal!.Code.ShouldBe(ScheduleRefusal.SchedulesTooMany);
    }

    [Fact]
    public async Task OldRuns_AreForgotten()
    {
        var schedule = await AddAsync(s_now);
        await _store.FinishAsync(schedule, "one", [Refused(schedule, s_now), Refused(schedule, s_now.AddHours(1))], null, [], Stop);

        (await _store.ForgetAsync(s_now.AddMinutes(1), Stop)).ShouldBe(1);
        (await RunsAsync(schedule)).Single().TickAt.ShouldBe(s_now.AddHours(1));
    }

    private async Task<LeaseHolder> NewNodeAsync(string name)
    {
        var holder = new LeaseHolder(name, "1");
        await new SqlNodeStore(Database).BeatAsync(holder, NodeStoreConformance.Silent, s_now, Stop);
        return holder;
    }

    private Task<IReadOnlyList<Schedule>> ClaimAsync(LeaseHolder node, int count) =>
        _store.ClaimAsync(node, HolderLease.NewToken(node, _ids), count, s_now, Stop);

    private static ScheduleRun Refused(Schedule schedule, DateTimeOffset tick) =>
        new(schedule.Id, tick, RunOutcome.Refused, null, "insufficientFunds", "No money.", tick);

    private Schedule New(DateTimeOffset? next) => new(
        _ids.Next<Schedule>(), _owner, "", "@hourly", "Europe/Berlin", "{}", false, MissedRuns.RunAll, OverlappingRuns.Skip, next is null ? s_now : null, next, s_now);

    private async Task<Schedule> AddAsync(DateTimeOffset? next) => (await _store.AddAsync(New(next), Stop)).Value;

    private async Task<Schedule> FindAsync(Schedule schedule) => (await _store.FindAsync(schedule.Id, _owner, Stop)).ShouldNotBeNull();

    private async Task<IReadOnlyList<ScheduleRun>> RunsAsync(Schedule schedule) => (await _store.ListRunsAsync(schedule.Id, new PageRequest(), Stop)).Items;
}

public sealed class SqliteScheduleStoreTests() : ScheduleStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresScheduleStoreTests(PostgresCluster cluster) : ScheduleStoreConformance(new PostgresSource(cluster));
