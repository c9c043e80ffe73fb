using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Schedules;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Schedules;

/// <summary>Submits the tasks of schedules when they are due.</summary>
/// <remarks>
/// A tick makes one task across all nodes: a lease has one node look at a schedule in the normal course, and the idempotency key of the submission
/// is made of schedule and tick, so that a second one, after a crash or a lost lease, gets the same task.
/// </remarks>
public sealed class ScheduleRunner(
    SqlScheduleStore store,
    ScheduledRequest requests,
    SubmitTask submit,
    ITaskStore tasks,
    TaskWorkers workers,
    LeaseHolder self,
    SchedulesOptions options,
    IdSource ids,
    TimeProvider time,
    ILogger<ScheduleRunner> logger) : BackgroundService
{
    private const int SchedulesAtOnce = 50;
    private static readonly TimeSpan cleaning = TimeSpan.FromHours(1);

    private DateTimeOffset cleanAt = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var looked = 0;
            try
            {
                // A look costs less than a transaction.
                if (await store.NextTickAsync(self, stoppingToken) <= time.GetUtcNow())
                    looked = await RunDueAsync(stoppingToken);
                await CleanAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Schedules cannot be looked at; trying again.");
            }

            if (looked < SchedulesAtOnce)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    /// <summary>One look at the clock; how many schedules were due.</summary>
    internal async Task<int> RunDueAsync(CancellationToken cancellationToken)
    {
        var token = HolderLease.NewToken(self, ids);
        var due = await store.ClaimAsync(self, token, SchedulesAtOnce, time.GetUtcNow(), cancellationToken);
        foreach (var schedule in due)
        {
            try
            {
                await RunAsync(schedule, token, cancellationToken);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                // It is looked at again at the next look. The others do not wait for it.
                logger.LogError(failure, "The schedule {Schedule} cannot be run now; trying again.", schedule.Id);
            }
        }

        return due.Count;
    }

    private async Task RunAsync(Schedule schedule, string token, CancellationToken cancellationToken)
    {
        var due = DueTicks.At(schedule.ToTimetable(), schedule.NextTick!.Value, time.GetUtcNow(), schedule.Missed);
        var last = (await store.LastSubmittedAsync(schedule.Id, cancellationToken))?.TaskId;
        List<ScheduleRun> runs = [];
        foreach (var tick in due.Run)
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
                return Refused(ProblemKind.CodeOf(unfilled.Code), unfilled.Detail);
            var submitted = await submit.SubmitAsync(
                schedule.OwnerId, request with { ScheduleId = schedule.Id.ToString() }, Schedule.KeyOf(schedule.Id, tick), _ => null, traceParent: null, cancellationToken);
            return submitted.TryGet(out var made, out var refusal)
                ? new ScheduleRun(schedule.Id, tick, RunOutcome.Submitted, made.Task.Id, null, null, time.GetUtcNow())
                : Refused(ProblemKind.CodeOf(refusal.Code), refusal.Detail);
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
        if (now < cleanAt)
            return;
        await store.ForgetAsync(now - TimeSpan.FromDays(options.KeepDays), cancellationToken);
        cleanAt = now + cleaning;
    }
}
