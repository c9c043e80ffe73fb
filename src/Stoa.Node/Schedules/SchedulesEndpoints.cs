using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Schedules;
using Stoa.Market.Tasks;
using Stoa.Market.Templates;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Schedules;

/// <summary>The outer door of schedules. One that belongs to somebody else is one that does not exist.</summary>
public static class SchedulesEndpoints
{
    private const int TicksShown = 5;

    public static void MapSchedules(this IEndpointRouteBuilder api)
    {
        var schedules = api.MapGroup("/schedules").WithTags("Schedules");
        schedules.MapPost("/", CreateAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("createSchedule").WithSummary("Have a task submitted again and again")
            .WithDescription("By a cron expression in a time zone. What is submitted is checked now as a quote is, and at each tick as a submission is; each tick holds its own price.")
            .Idempotent()
            .Produces<ScheduleResponse>(StatusCodes.Status201Created)
            .Refuses(ScheduleRefusal.ScheduleInvalid, ScheduleRefusal.SchedulesTooMany)
            .Refuses(TemplateRefusal.TemplateUnknown, TemplateRefusal.TemplateValuesInvalid)
            .Refuses(TasksEndpoints.SubmissionRefusals);
        schedules.MapGet("/", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listSchedules").WithSummary("List your schedules, newest first")
            .WithDescription("Each with its next ticks and what came of the last one.")
            .Produces<ListResponse<ScheduleResponse>>();
        schedules.MapGet("/{id}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getSchedule").WithSummary("Get a schedule")
            .WithDescription("With its next ticks, what came of the last one and how its task stands.")
            .Produces<ScheduleResponse>()
            .Refuses(ScheduleRefusal.ScheduleUnknown);
        schedules.MapPatch("/{id}", UpdateAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("updateSchedule").WithSummary("Change, pause or resume a schedule")
            .WithDescription("What is left out stays. The next tick is the first one after now.")
            .Produces<ScheduleResponse>()
            .Refuses(ScheduleRefusal.ScheduleUnknown, ScheduleRefusal.ScheduleInvalid)
            .Refuses(TemplateRefusal.TemplateValuesInvalid)
            .Refuses(TasksEndpoints.SubmissionRefusals);
        schedules.MapDelete("/{id}", DeleteAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("deleteSchedule").WithSummary("Delete a schedule")
            .WithDescription("The tasks that it made stay, and those that wait still run.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(ScheduleRefusal.ScheduleUnknown);
        schedules.MapGet("/{id}/runs", ListRunsAsync)
            .Needs(Permission.TasksRead)
            .WithName("listScheduleRuns").WithSummary("List what came of a schedule's ticks, newest first")
            .WithDescription("The tasks that were made, and why others were not. Kept for a month unless the operator says otherwise.")
            .Produces<ListResponse<ScheduleRunBody>>()
            .Refuses(ScheduleRefusal.ScheduleUnknown);
    }

    private static async Task<IResult> CreateAsync(
        Body<CreateScheduleRequest> body,
        MadeId id,
        Caller caller,
        SqlScheduleStore store,
        ScheduledRequest requests,
        SubmitTask submit,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var asked = body.Value;
        var blank = new Schedule(
            id.For<Schedule>(), caller.UserId, "", "", "UTC", "", false, MissedRuns.Skip, OverlappingRuns.Allow, asked.Paused is true ? now : null, null, now);
        var errors = new List<FieldError>();
        if (asked.Task is null && asked.Template is null)
            errors.Add(new FieldError("", "Exactly one of task and template is expected."));
        var schedule = Apply(
            blank,
            new UpdateScheduleRequest(asked.Cron, asked.Task, asked.Template, asked.TimeZone, asked.Name, asked.Missed, asked.Overlap),
            errors,
            now);
        if (errors.Count > 0)
            return Invalid(errors);
        if (await RefuseTaskAsync(schedule, requests, submit, cancellationToken) is { } refused)
            return refused;
        return (await store.AddAsync(schedule, cancellationToken)).Match<IResult>(
            made => TypedResults.Created($"/api/v1/schedules/{made.Id}", ToContract(made, null, null, now)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query, Caller caller, SqlScheduleStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var page = await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken);
        var now = time.GetUtcNow();
        List<ScheduleResponse> answers = [];
        foreach (var schedule in page.Items)
            answers.Add(ToContract(schedule, await LastRunAsync(store, schedule.Id, cancellationToken), null, now));
        return TypedResults.Ok(new ListResponse<ScheduleResponse>(answers, page.NextCursor));
    }

    private static async Task<IResult> GetAsync(
        Id<Schedule> id, Caller caller, SqlScheduleStore store, ITaskStore tasks, TimeProvider time, CancellationToken cancellationToken) =>
        await store.FindAsync(id, caller.UserId, cancellationToken) is { } schedule
            ? TypedResults.Ok(await ShowAsync(schedule, store, tasks, time, cancellationToken))
            : Unknown(id);

    private static async Task<IResult> UpdateAsync(
        Id<Schedule> id,
        Body<UpdateScheduleRequest> body,
        Caller caller,
        SqlScheduleStore store,
        ScheduledRequest requests,
        SubmitTask submit,
        ITaskStore tasks,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, caller.UserId, cancellationToken) is not { } schedule)
            return Unknown(id);
        var errors = new List<FieldError>();
        var changed = Apply(schedule, body.Value, errors, time.GetUtcNow());
        if (errors.Count > 0)
            return Invalid(errors);
        if (changed.Request != schedule.Request && await RefuseTaskAsync(changed, requests, submit, cancellationToken) is { } refused)
            return refused;
        await store.UpdateAsync(changed, cancellationToken);
        return TypedResults.Ok(await ShowAsync(changed, store, tasks, time, cancellationToken));
    }

    private static async Task<IResult> DeleteAsync(Id<Schedule> id, Caller caller, SqlScheduleStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(id, caller.UserId, cancellationToken) ? TypedResults.NoContent() : Unknown(id);

    private static async Task<IResult> ListRunsAsync(
        Id<Schedule> id, [AsParameters] ListQuery query, Caller caller, SqlScheduleStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(id, caller.UserId, cancellationToken) is null
            ? Unknown(id)
            : TypedResults.Ok(ListQuery.Answer(await store.ListRunsAsync(id, query.ToPage(), cancellationToken), run => ToContract(run, null)));

    /// <summary>The schedule with what is asked for; what cannot be is added to the errors.</summary>
    private static Schedule Apply(Schedule schedule, UpdateScheduleRequest asked, List<FieldError> errors, DateTimeOffset now)
    {
        var changed = schedule with
        {
            Name = asked.Name ?? schedule.Name,
            Cron = asked.Cron?.Trim() ?? schedule.Cron,
            TimeZone = asked.TimeZone ?? schedule.TimeZone,
            Missed = asked.Missed is null ? schedule.Missed : Read<MissedRuns>(asked.Missed, "/missed", errors),
            Overlap = asked.Overlap is null ? schedule.Overlap : Read<OverlappingRuns>(asked.Overlap, "/overlap", errors),
            PausedAt = asked.Paused is { } paused ? (paused ? schedule.PausedAt ?? now : null) : schedule.PausedAt,
        };
        if (asked.Task is not null && asked.Template is not null)
            errors.Add(new FieldError("", "Exactly one of task and template is expected."));
        else if (asked.Task is { } task)
            changed = changed with { Request = ScheduledRequest.Write(task), IsTemplate = false };
        else if (asked.Template is { } call)
            changed = changed with { Request = ScheduledRequest.Write(call), IsTemplate = true };
        if (changed.Name.Length > 100 || changed.Name.Any(char.IsControl))
            errors.Add(new FieldError("/name", "A name has at most 100 characters, none of them a control character."));
        var zone = Timetable.FindZone(changed.TimeZone);
        if (zone is null)
            errors.Add(new FieldError("/timeZone", "No such time zone: an IANA name such as Europe/Berlin or UTC is expected."));
        if (!CronExpression.TryParse(changed.Cron, out var cron, out var reason))
            errors.Add(new FieldError("/cron", reason));
        return cron is null || zone is null
            ? changed
            : changed with { NextTick = changed.PausedAt is null ? new Timetable(cron, zone).Next(now) : null };
    }

    private static T Read<T>(string text, string pointer, List<FieldError> errors)
        where T : struct, Enum
    {
        if (!EnumWord.TryParse<T>(text, out var value))
            errors.Add(new FieldError(pointer, $"One of {EnumWord.All<T>()} is expected."));
        return value;
    }

    /// <summary>What is wrong with the submission already now; null when nothing is.</summary>
    private static async Task<IResult?> RefuseTaskAsync(
        Schedule schedule, ScheduledRequest requests, SubmitTask submit, CancellationToken cancellationToken)
    {
        var resolved = await requests.ResolveAsync(schedule.OwnerId, schedule.Request, schedule.IsTemplate, cancellationToken);
        if (!resolved.TryGet(out var request, out var unfilled))
            return unfilled.ToProblem();
        return (await submit.QuoteAsync(schedule.OwnerId, request, cancellationToken)).Refusal?.ToProblem();
    }

    private static async Task<ScheduleRun?> LastRunAsync(SqlScheduleStore store, Id<Schedule> id, CancellationToken cancellationToken) =>
        (await store.ListRunsAsync(id, new PageRequest(1), cancellationToken)).Items.SingleOrDefault();

    private static async Task<ScheduleResponse> ShowAsync(
        Schedule schedule, SqlScheduleStore store, ITaskStore tasks, TimeProvider time, CancellationToken cancellationToken)
    {
        var run = await LastRunAsync(store, schedule.Id, cancellationToken);
        var state = run?.TaskId is { } task ? (await tasks.GetAsync(task, cancellationToken))?.State.Name : null;
        return ToContract(schedule, run, state, time.GetUtcNow());
    }

    private static ScheduleResponse ToContract(Schedule schedule, ScheduleRun? run, string? taskState, DateTimeOffset now) => new(
        schedule.Id.ToString(),
        schedule.Cron,
        schedule.TimeZone,
        EnumWord.Of(schedule.Missed),
        EnumWord.Of(schedule.Overlap),
        schedule.PausedAt is null ? "active" : "paused",
        [.. schedule.ToTimetable().After(now).Take(TicksShown)],
        schedule.CreatedAt,
        schedule.Name.Length == 0 ? null : schedule.Name,
        schedule.IsTemplate ? null : ScheduledRequest.ReadTask(schedule.Request),
        schedule.IsTemplate ? ScheduledRequest.ReadCall(schedule.Request) : null,
        run is null ? null : ToContract(run, taskState));

    private static ScheduleRunBody ToContract(ScheduleRun run, string? taskState) => new(
        run.TickAt, EnumWord.Of(run.Outcome), run.At, run.TaskId?.ToString(), taskState, run.Code, run.Detail);

    private static ProblemResult Unknown(Id<Schedule> id) =>
        new Refusal<ScheduleRefusal>(ScheduleRefusal.ScheduleUnknown, $"You have no schedule {id}. List those that you have with GET /api/v1/schedules.").ToProblem();

    private static ProblemResult Invalid(IReadOnlyList<FieldError> errors) =>
        new Refusal<ScheduleRefusal>(ScheduleRefusal.ScheduleInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
}
