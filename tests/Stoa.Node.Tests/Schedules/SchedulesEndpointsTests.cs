using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Membership;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Schedules;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Schedules;

/// <summary>Schedules and templates on a whole node, whose clock the test moves; the node itself looks at it only when it is told to.</summary>
[Trait("speed", "slow")]
public sealed class SchedulesEndpointsTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_start = new(2026, 6, 1, 11, 58, 30, TimeSpan.Zero);

    private readonly SettableTime _time = new(s_start);
    private TestNode _node = null!;
    private string _echo = null!;

    private StoaClient Client => _node.Client;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, new NodePhysics(_time, new SecureRandom()), "--Schedules:PollMs", "30000");
        _echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Tick_MakesOneTaskHoweverManyNodesLook()
    {
        var schedule = await CreateAsync("*/10 * * * *");
        schedule.NextTicks.Take(2).ShouldBe([s_start.AddSeconds(90), s_start.AddSeconds(690)]);
        await LookAsync();
        (await TasksAsync()).ShouldBeEmpty();

        for (var tick = 1; tick <= 3; tick++)
        {
            _time.Advance(TimeSpan.FromMinutes(tick == 1 ? 1.6 : 10));
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => LookAsync()));
            (await TasksAsync()).Count.ShouldBe(tick);
        }

        var run = (await Client.GetScheduleAsync(schedule.Id, Stop)).LastRun!;
        (run.Outcome, run.TickAt).ShouldBe(("submitted", s_start.AddSeconds(90).AddMinutes(20)));
        (await Client.ExecuteTaskAsync(run.TaskId!, TimeSpan.FromSeconds(60), Stop)).State.ShouldBe("succeeded");
        (await Client.GetScheduleAsync(schedule.Id, Stop)).LastRun!.TaskState.ShouldBe("succeeded");
        (await Client.GetTaskAsync(run.TaskId!, Stop)).ScheduleId.ShouldBe(schedule.Id);
        (await RunsAsync(schedule)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task Submission_ThatWasWrittenBeforeTheNodeDied_IsNotMadeAgain()
    {
        var schedule = await CreateAsync("0 12 * * *");
        _time.Advance(TimeSpan.FromSeconds(91));
        await LookAsync();
        var made = (await TasksAsync()).ShouldHaveSingleItem();

        // As if what came of it had not been written: the schedule is due again.
        var store = _node.Host.Services.GetRequiredService<Node.Storage.Database>();
        await store.WriteAsync(session => session.ExecuteAsync("UPDATE schedules SET next_tick = @at", new { at = s_start.AddSeconds(90) }), Stop);
        await store.WriteAsync(session => session.ExecuteAsync("DELETE FROM schedule_runs"), Stop);
        await LookAsync();

        (await TasksAsync()).ShouldHaveSingleItem().Id.ShouldBe(made.Id);
        (await RunsAsync(schedule)).Single().TaskId.ShouldBe(made.Id);
    }

    [Fact]
    public async Task PausedSchedule_RunsNothingAndResumesFromNow()
    {
        var schedule = await CreateAsync("*/10 * * * *", missed: "runAll");
        (await Client.UpdateScheduleAsync(schedule.Id, new UpdateScheduleRequest(Paused: true), Stop)).State.ShouldBe("paused");
        _time.Advance(TimeSpan.FromHours(1));
        await LookAsync();
        (await TasksAsync()).ShouldBeEmpty();

        (await Client.UpdateScheduleAsync(schedule.Id, new UpdateScheduleRequest(Paused: false), Stop)).State.ShouldBe("active");
        await LookAsync();
        (await TasksAsync()).ShouldBeEmpty("ticks of the pause are not missed ones");
        _time.Advance(TimeSpan.FromMinutes(2));
        await LookAsync();
        (await TasksAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task MissedTicks_RunAsTheScheduleSays()
    {
        var skip = await CreateAsync("*/10 * * * *");
        var once = await CreateAsync("*/10 * * * *", missed: "runOnce");
        var all = await CreateAsync("*/10 * * * *", missed: "runAll");
        _time.Advance(TimeSpan.FromMinutes(37));

        await LookAsync();

        (await RunsAsync(skip)).ShouldBeEmpty();
        (await RunsAsync(once)).Select(run => run.TickAt).ShouldBe([s_start.AddSeconds(90).AddMinutes(30)]);
        (await RunsAsync(all)).Count.ShouldBe(4);
    }

    [Theory]
    [InlineData("skip", 1, 2)]
    [InlineData("runAll", 10, 10)]
    public async Task Clock_ThatWasAheadAndIsSetBack_HasTheScheduleTickFromThereOnceATick(string missed, int runsAhead, int runsAfter)
    {
        var schedule = await CreateAsync("*/10 * * * *", missed);
        var runner = ActivatorUtilities.CreateInstance<ScheduleRunner>(_node.Host.Services);
        await runner.TurnAsync(Stop);
        // From 11:58:30 to 13:30:30 and back to 12:05:30.
        _time.Advance(TimeSpan.FromMinutes(92));
        await runner.TurnAsync(Stop);
        (await RunsAsync(schedule)).Count.ShouldBe(runsAhead);

        _time.Advance(TimeSpan.FromMinutes(-85));
        await runner.TurnAsync(Stop);
        (await NextTickAsync()).ShouldBe(s_start.AddMinutes(11.5));
        _time.Advance(TimeSpan.FromMinutes(5));
        await runner.TurnAsync(Stop);

        (await RunsAsync(schedule)).Count.ShouldBe(runsAfter);
        (await TasksAsync()).Count.ShouldBe(runsAfter);
        (await RunsAsync(schedule)).ShouldContain(run => run.TickAt == s_start.AddMinutes(11.5));
        (await NextTickAsync()).ShouldBe(s_start.AddMinutes(21.5));
    }

    [Fact]
    public async Task Clock_ThatWasAheadDuringOneLookOnly_HasTheScheduleTickFromWhereItWasSetBackTo()
    {
        await CreateAsync("*/10 * * * *");
        var runner = ActivatorUtilities.CreateInstance<ScheduleRunner>(_node.Host.Services);
        await runner.TurnAsync(Stop);
        // Ahead after a turn has begun, and right again before the next one does.
        _time.Advance(TimeSpan.FromMinutes(92));
        await runner.RunDueAsync(Stop);
        (await NextTickAsync()).ShouldBe(s_start.AddMinutes(101.5));
        _time.Advance(TimeSpan.FromMinutes(-92));

        await runner.TurnAsync(Stop);

        (await NextTickAsync()).ShouldBe(s_start.AddMinutes(1.5));
    }

    [Fact]
    public async Task Clock_OfANodeThatWasAheadAndIsGone_HasTheScheduleTickByTheClocksThatAreLeft()
    {
        var cell = _node.Host.Services.GetRequiredService<Cell>();
        cell.Learn([new ListedNode(new NodeBeat(new LeaseHolder("ahead", "boot"), 1), s_start, s_start.AddHours(1), null)]);
        var schedule = await CreateAsync("*/10 * * * *");
        var runner = ActivatorUtilities.CreateInstance<ScheduleRunner>(_node.Host.Services);
        await runner.TurnAsync(Stop);
        var store = _node.Host.Services.GetRequiredService<Node.Storage.Database>();
        await store.WriteAsync(session => session.ExecuteAsync("UPDATE schedules SET next_tick = @at", new { at = s_start.AddMinutes(61.5) }), Stop);

        await runner.TurnAsync(Stop);
        (await NextTickAsync()).ShouldBe(s_start.AddMinutes(61.5));
        cell.Learn([]);
        await runner.TurnAsync(Stop);

        (await NextTickAsync()).ShouldBe(s_start.AddMinutes(1.5));
    }

    [Fact]
    public async Task Clock_ThatIsSetBackAtANodeWhileOthersSayThatItIsLater_BringsNothingBack()
    {
        var cell = _node.Host.Services.GetRequiredService<Cell>();
        var other = new NodeBeat(new LeaseHolder("other", "boot"), 1);
        cell.Learn([new ListedNode(other, s_start, s_start, null)]);
        var schedule = await CreateAsync("*/10 * * * *", missed: "runAll");
        var runner = ActivatorUtilities.CreateInstance<ScheduleRunner>(_node.Host.Services);
        await runner.TurnAsync(Stop);

        _time.Advance(TimeSpan.FromHours(-1));
        await runner.TurnAsync(Stop);
        _time.Advance(TimeSpan.FromHours(1));
        await runner.TurnAsync(Stop);

        (await RunsAsync(schedule)).ShouldBeEmpty("ticks from before it was made are not missed ones");
    }

    [Fact]
    public async Task Tick_WhileTheLastTaskIsOpen_IsSkippedWhenTheScheduleSaysSo()
    {
        var slow = await _node.PublishAsync("slow", GuestPrograms.EndlessLoop, new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 1_000, 1_000));
        var schedule = await Client.CreateScheduleAsync(
            new CreateScheduleRequest("* * * * *", new SubmitTaskRequest(slow, new TaskInputBody(Text: "x")), Overlap: "skip"), Stop);
        _time.Advance(TimeSpan.FromSeconds(31));
        await LookAsync();
        _time.Advance(TimeSpan.FromMinutes(1));
        await LookAsync();

        (await RunsAsync(schedule)).Select(run => run.Outcome).ShouldBe(["skipped", "submitted"]);
        var task = (await RunsAsync(schedule))[1].TaskId!;
        await Client.CancelTaskAsync(task, Stop);
        await Client.ExecuteTaskAsync(task, TimeSpan.FromSeconds(60), Stop);
        _time.Advance(TimeSpan.FromMinutes(1));
        await LookAsync();
        (await RunsAsync(schedule))[0].Outcome.ShouldBe("submitted");
        await Client.CancelTaskAsync((await RunsAsync(schedule))[0].TaskId!, Stop);
    }

    [Fact]
    public async Task Refusal_OfATick_IsShownAndTold()
    {
        var template = await Client.CreateTemplateAsync(
            new CreateTemplateRequest("words", new SubmitTaskRequest(_echo, new TaskInputBody(Text: "{{words}}")), [new TemplateParameterBody("words")]), Stop);
        var schedule = await Client.CreateScheduleAsync(
            new CreateScheduleRequest("0 12 * * *", Template: new TemplateCallBody(template.Id, Values("words", "\"hello\""))), Stop);
        var used = (await Should.ThrowAsync<StoaException>(() => Client.DeleteTemplateAsync(template.Id, cancellationToken: Stop))).Problem;
        (used.Code, used.Status).ShouldBe(("templateInUse", 409));
        used.Detail.ShouldContain(schedule.Id);
        await Client.DeleteTemplateAsync(template.Id, force: true, Stop);
        _time.Advance(TimeSpan.FromSeconds(91));

        await LookAsync();

        var run = (await Client.GetScheduleAsync(schedule.Id, Stop)).LastRun!;
        (run.Outcome, run.Code).ShouldBe(("refused", "templateUnknown"));
        run.Detail!.ShouldContain(template.Id);
        (await _node.Host.Services.GetRequiredService<Market.Events.IEventStore>().ReadAfterAsync(
            0, new Market.Events.EventFilter(Id<Market.Identity.User>.Parse((await Client.GetMeAsync(Stop)).Id), schedule.Id, []), 10, Stop))
            .Events.Single().Event.Type.ShouldBe("stoa.schedule.refused");
    }

    [Fact]
    public async Task Template_IsFilledInAndSubmitted()
    {
        var template = await Client.CreateTemplateAsync(
            new CreateTemplateRequest(
                "greeting",
                new SubmitTaskRequest(_echo, new TaskInputBody(Text: "{{greeting}}, {{name}} {{times}} times")),
                [new("greeting", Default: Value("\"Hello\"")), new("name"), new("times", "integer")]),
            Stop);
        var values = new Dictionary<string, JsonElement> { ["name"] = Value("\"Ada\""), ["times"] = Value("3") };

        var task = await Client.SubmitTemplateAsync(template.Id, values, TimeSpan.FromSeconds(60), "once", Stop);

        (await _node.ResultAsync(task)).ShouldBe("Hello, Ada 3 times");
        (await Client.SubmitTemplateAsync(template.Id, values, idempotencyKey: "once", cancellationToken: Stop)).Id.ShouldBe(task.Id);
        (await RefusalAsync(() => Client.SubmitTemplateAsync(template.Id, cancellationToken: Stop))).ShouldBe("templateValuesInvalid");
        (await RefusalAsync(() => Client.CreateTemplateAsync(new CreateTemplateRequest("greeting", template.Task, template.Parameters), Stop))).ShouldBe("templateNameTaken");
        (await RefusalAsync(() => Client.CreateTemplateAsync(new CreateTemplateRequest("x", template.Task), Stop))).ShouldBe("templateInvalid");
        (await Client.ListTemplatesAsync(Stop).ToListAsync(Stop)).Single().Parameters.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("0 0 30 2 *", null, "/cron")]
    [InlineData("every day", null, "/cron")]
    [InlineData("@daily", "Mars/Olympus", "/timeZone")]
    public async Task Schedule_ThatCannotBe_IsRefused(string cron, string? zone, string pointer)
    {
        var request = new CreateScheduleRequest(cron, new SubmitTaskRequest(_echo, new TaskInputBody(Text: "x")), TimeZone: zone);

        var refused = await Should.ThrowAsync<StoaException>(() => Client.CreateScheduleAsync(request, Stop));

        refused.Problem.Code.ShouldBe("scheduleInvalid");
        refused.Problem.Errors!.Single().Pointer.ShouldBe(pointer);
    }

    [Fact]
    public async Task Schedule_OfATaskThatWouldBeRefused_IsRefusedAtOnce()
    {
        (await RefusalAsync(() => Client.CreateScheduleAsync(
            new CreateScheduleRequest("@daily", new SubmitTaskRequest("stoa/no-such", new TaskInputBody(Text: "x"))), Stop))).ShouldBe("agentUnknown");
        (await RefusalAsync(() => Client.CreateScheduleAsync(new CreateScheduleRequest("@daily"), Stop))).ShouldBe("scheduleInvalid");
        var schedule = await CreateAsync("@daily");
        (await RefusalAsync(() => Client.UpdateScheduleAsync(schedule.Id, new UpdateScheduleRequest(Missed: "never"), Stop))).ShouldBe("scheduleInvalid");
        await Client.DeleteScheduleAsync(schedule.Id, Stop);
        (await RefusalAsync(() => Client.GetScheduleAsync(schedule.Id, Stop))).ShouldBe("scheduleUnknown");
    }

    private static async Task<string> RefusalAsync(Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Problem.Code;

    private static JsonElement Value(string json) => JsonDocument.Parse(json).RootElement;

    private static Dictionary<string, JsonElement> Values(string name, string json) => new() { [name] = Value(json) };

    private Task<ScheduleResponse> CreateAsync(string cron, string? missed = null) => Client.CreateScheduleAsync(
        new CreateScheduleRequest(cron, new SubmitTaskRequest(_echo, new TaskInputBody(Text: "tick")), Missed: missed), Stop);

    private Task<int> LookAsync() =>
        ActivatorUtilities.CreateInstance<ScheduleRunner>(_node.Host.Services).RunDueAsync(Stop);

    private Task<DateTimeOffset> NextTickAsync() => _node.Host.Services.GetRequiredService<Node.Storage.Database>().ReadAsync(
        session => session.QuerySingleAsync<DateTimeOffset>("SELECT next_tick FROM schedules"), Stop);

    private async Task<IReadOnlyList<TaskResponse>> TasksAsync() => await Client.ListTasksAsync(cancellationToken: Stop).ToListAsync(Stop);

    private async Task<IReadOnlyList<ScheduleRunBody>> RunsAsync(ScheduleResponse schedule) =>
        await Client.ListScheduleRunsAsync(schedule.Id, Stop).ToListAsync(Stop);
}
