using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Membership;
using Stoa.Market.Schedules;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Http;
using Stoa.Node.Membership;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Schedules;

/// <summary>Submits the tasks of schedules when they are due.</summary>
/// <remarks>
/// A tick makes one task across all nodes: a lease has one node look at a schedule in the normal course, and the idempotency key of the submission
/// is made of schedule and tick, so that a second one, after a crash or a lost lease, gets the same task. A tick of which it is known what came of it
/// is not run again.
/// </remarks>
public sealed class ScheduleRunner(
    SqlScheduleStore store,
    ScheduledRequest requests,
    SubmitTask submit,
    ITaskStore tasks,
    TaskWorkers workers,
    Cell cell,
    SchedulesOptions options,
    IdSource ids,
    TimeProvider time,
    ILogger<ScheduleRunner> logger) : BackgroundService
{
    private const int SchedulesAtOnce = 50;
    private const int ReadAtOnce = 200;
    private static readonly TimeSpan s_cleaning = TimeSpan.FromHours(1);

    // By then every node of the cell has noticed that its clock was set back, and told of it.
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(10);

    private readonly ClockWatch _clock = new(time);
    private readonly LeaseHolder _self = cell.Self;
    private HashSet<LeaseHolder> _known = [];
    private bool _wasSetBack;
    private long? _settlesFrom;
    private DateTimeOffset _cleanAt = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var looked = 0;
            try
            {
                looked = await TurnAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Schedules cannot be looked at; trying again.");
            }

            if (looked < SchedulesAtOnce)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    /// <summary>One turn of the loop; how many schedules were run.</summary>
    internal async Task<int> TurnAsync(CancellationToken cancellationToken)
    {
        await BringForwardAfterJumpAsync(cancellationToken);
        // A look costs less than a transaction.
        var looked = await store.NextTickAsync(_self, cancellationToken) <= Now() ? await RunDueAsync(cancellationToken) : 0;
        await CleanAsync(cancellationToken);
        return looked;
    }

    /// <summary>Schedules that a clock which was ahead has run into the future would sleep until the clock comes there again.</summary>
    private async Task BringForwardAfterJumpAsync(CancellationToken cancellationToken)
    {
        // The clock of a node that is gone does not count any more.
        var others = cell.Others.Select(node => node.Beat.Holder).ToHashSet();
        var isAnyGone = !_known.IsSubsetOf(others);
        _known = others;
        Now();
        if (_wasSetBack || isAnyGone)
            _settlesFrom = time.GetTimestamp();
        else if (_settlesFrom is not { } from || time.GetElapsedTime(from) < s_settling)
            return;
        else
            _settlesFrom = null;
        _wasSetBack = false;
        try
        {
            await BringForwardAsync(cancellationToken);
        }
        catch
        {
            _wasSetBack = true;
            throw;
        }
    }

    /// <summary>What the clock says. Each reading by which something is done is a look at it: one that lies ahead between two looks would leave no trace.</summary>
    private DateTimeOffset Now()
    {
        _wasSetBack |= _clock.WasSetBack(out var now);
        return now;
    }

    private async Task BringForwardAsync(CancellationToken cancellationToken)
    {
        // Not before what the others call now: their ticks are over, and a node whose own clock is behind must not bring them back.
        var now = cell.Others.Select(node => node.SeenAt).Append(Now()).Max();
        var brought = 0;
        IReadOnlyList<Schedule> page = [];
        do
        {
            page = await store.ListLaterAsync(now, page.Count == 0 ? null : page[^1].Id, ReadAtOnce, cancellationToken);
            foreach (var schedule in page)
            {
                try
                {
                    if (schedule.ToTimetable().Next(now) is { } next && next < schedule.NextTick && await store.BringForwardAsync(schedule, next, cancellationToken))
                        brought++;
                }
                catch (InvalidOperationException failure)
                {
                    logger.LogError(failure, "The next tick of {Schedule} cannot be told.", schedule.Id);
                }
            }
        }
        while (page.Count == ReadAtOnce);

        if (brought > 0)
            logger.LogInformation("Brought the next ticks of {Count} schedules forward that a clock had put off.", brought);
    }

    /// <summary>One look at the clock; how many schedules were due and could be run.</summary>
    internal async Task<int> RunDueAsync(CancellationToken cancellationToken)
    {
        var token = HolderLease.NewToken(_self, ids);
        var due = await store.ClaimAsync(_self, token, SchedulesAtOnce, Now(), cancellationToken);
        return await EachByItself.DoAsync(
            due,
            schedule => RunAsync(schedule, token, cancellationToken),
            (schedule, failure) => logger.LogError(failure, "The schedule {Schedule} cannot be run now; trying again.", schedule.Id),
            cancellationToken);
    }

    private async Task RunAsync(Schedule schedule, string token, CancellationToken cancellationToken)
    {
        var due = DueTicks.At(schedule.ToTimetable(), schedule.NextTick!.Value, Now(), schedule.Missed);
        var last = (await store.LastSubmittedAsync(schedule.Id, cancellationToken))?.TaskId;
        // A clock that was ahead and was set back comes by the same ticks again.
        var over = due.Run.Count == 0 ? [] : await store.ListTicksAsync(schedule.Id, due.Run[0], due.Run[^1], cancellationToken);
        List<ScheduleRun> runs = [];
        foreach (var tick in due.Run.Where(tick => !over.Contains(tick)))
        {
            var isOpen = schedule.Overlap is OverlappingRuns.Skip && last is { } before
                && await tasks.GetAsync(before, cancellationToken) is { State.IsFinal: false };
            var run = isOpen
                ? Run(RunOutcome.Skipped, detail: $"The task {last} of the tick before was still open.")
                : await SubmitAsync(schedule, tick, cancellationToken);
            last = run.TaskId ?? last;
            runs.Add(run);

            ScheduleRun Run(RunOutcome outcome, string detail) => new(schedule.Id, tick, outcome, null, null, detail, time.GetUtcNow());
        }

        if (runs.Exists(run => run.TaskId is not null))
            workers.Wake();
        var refused = runs.Where(run => run.Outcome is RunOutcome.Refused).Select(run => Tell(schedule, run)).ToList();
        await store.FinishAsync(schedule, token, runs, due.Next, refused, cancellationToken);
    }

    private async Task<ScheduleRun> SubmitAsync(Schedule schedule, DateTimeOffset tick, CancellationToken cancellationToken)
    {
        try
        {
            var resolved = await requests.ResolveAsync(schedule.OwnerId, schedule.Request, schedule.IsTemplate, cancellationToken);
            if (!resolved.TryGet(out var request, out var unfilled))
                return Refused(EnumWord.Of(unfilled.Code), unfilled.Detail);
            var submitted = await submit.SubmitAsync(
                schedule.OwnerId, request with { ScheduleId = schedule.Id.ToString() }, Schedule.KeyOf(schedule.Id, tick), _ => null, traceParent: null, cancellationToken);
            return submitted.TryGet(out var made, out var refusal)
                ? new ScheduleRun(schedule.Id, tick, RunOutcome.Submitted, made.Task.Id, null, null, time.GetUtcNow())
                : Refused(EnumWord.Of(refusal.Code), refusal.Detail);
        }
        catch (RequestRefusedException refused)
        {
            return Refused("requestInvalid", refused.Message);
        }

        ScheduleRun Refused(string code, string detail) => new(schedule.Id, tick, RunOutcome.Refused, null, code, detail, time.GetUtcNow());
    }

    private static NewEvent Tell(Schedule schedule, ScheduleRun run) => new(
        EventTypes.ScheduleRefused,
        schedule.Id.ToString(),
        schedule.OwnerId,
        run.At,
        JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["scheduleId"] = schedule.Id.ToString(),
            ["tickAt"] = run.TickAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture),
            ["code"] = run.Code!,
            ["detail"] = run.Detail!,
        }));

    private async Task CleanAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _cleanAt)
            return;
        await store.ForgetAsync(now - TimeSpan.FromDays(options.KeepDays), cancellationToken);
        _cleanAt = now + s_cleaning;
    }
}
