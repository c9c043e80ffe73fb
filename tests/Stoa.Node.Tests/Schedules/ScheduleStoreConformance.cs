using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Schedules;
using Stoa.Market.Tasks;
using Stoa.Node.Identity;
using Stoa.Node.Schedules;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Schedules;

public abstract class ScheduleStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_020_000);
    private readonly IdSource ids = new(TimeProvider.System, new SecureRandom());
    private SqlScheduleStore store = null!;
    private Id<User> owner;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        store = new SqlScheduleStore(Database);
        var user = new User(ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, Now);
        owner = (await new SqlUserStore(Database, ids).AddAsync(new StoredUser(user, "hash"), Stop)).Value.Id;
    }

    [Fact]
    public async Task DueSchedule_IsTakenByOne()
    {
        var due = await AddAsync(Now);
        await AddAsync(Now.AddMinutes(1));
        await AddAsync(null);

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => store.ClaimAsync($"node{number}", 10, Now, Stop)));

        claims.SelectMany(claimed => claimed).Select(claimed => claimed.Id).ShouldBe([due.Id]);
        (await store.NextTickAsync(Stop)).ShouldBe(Now.AddSeconds(30));
        (await store.ClaimAsync("later", 10, Now.AddSeconds(31), Stop)).Count.ShouldBe(1, "a node that vanished");
    }

    [Fact]
    public async Task Finish_WritesRunsAndTheNextTick()
    {
        var schedule = await AddAsync(Now);
        await store.ClaimAsync("mine", 1, Now, Stop);

        await store.FinishAsync(schedule, "mine", [Refused(schedule, Now)], Now.AddHours(1), [], Stop);

        (await FindAsync(schedule)).NextTick.ShouldBe(Now.AddHours(1));
        (await store.ClaimAsync("again", 1, Now, Stop)).ShouldBeEmpty();
        (await RunsAsync(schedule)).ShouldBe([Refused(schedule, Now)]);
    }

    [Fact]
    public async Task Finish_AfterAChange_KeepsTheChangedTime()
    {
        var schedule = await AddAsync(Now);
        await store.ClaimAsync("mine", 1, Now, Stop);
        await store.UpdateAsync(schedule with { NextTick = Now.AddDays(1), Name = "new" }, Stop);

        await store.FinishAsync(schedule, "mine", [Refused(schedule, Now)], Now.AddHours(1), [], Stop);

        var now = await FindAsync(schedule);
        (now.NextTick, now.Name).ShouldBe((Now.AddDays(1), "new"));
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
