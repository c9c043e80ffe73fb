using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/schedules</c>: a task that is submitted again and again. Exactly one of task and template is given.</summary>
/// <param name="Cron">Five fields: minute, hour, day of the month, month, day of the week; or <c>@hourly</c>, <c>@daily</c>, <c>@weekly</c>, <c>@monthly</c>, <c>@yearly</c>.</param>
/// <param name="Task">As in <c>POST /api/v1/tasks</c>.</param>
/// <param name="Template">A template that is filled in at each tick.</param>
/// <param name="TimeZone">IANA name such as <c>Europe/Berlin</c>; null for UTC.</param>
/// <param name="Name">What you call it, at most 100 characters.</param>
/// <param name="Missed">What becomes of ticks at which no node ran: <c>skip</c>, <c>runOnce</c> or <c>runAll</c> (the last hundred at most); null for skip.</param>
/// <param name="Overlap">What becomes of a tick while the last one's task is still open: <c>allow</c> or <c>skip</c>; null for allow.</param>
/// <param name="Paused">True to make it without starting it.</param>
public sealed record CreateScheduleRequest(
    string Cron,
    SubmitTaskRequest? Task = null,
    TemplateCallBody? Template = null,
    string? TimeZone = null,
    string? Name = null,
    string? Missed = null,
    string? Overlap = null,
    bool? Paused = null);

/// <summary>A template and what is filled in.</summary>
/// <param name="Id">Of the template.</param>
/// <param name="Parameters">What is filled in, by name.</param>
public sealed record TemplateCallBody(string Id, IReadOnlyDictionary<string, JsonElement>? Parameters = null);

/// <summary><c>PATCH /api/v1/schedules/{id}</c>. What is null stays.</summary>
/// <param name="Cron">As in <see cref="CreateScheduleRequest"/>.</param>
/// <param name="Task">Takes the place of what was submitted.</param>
/// <param name="Template">Takes the place of what was submitted.</param>
/// <param name="TimeZone">As in <see cref="CreateScheduleRequest"/>.</param>
/// <param name="Name">As in <see cref="CreateScheduleRequest"/>.</param>
/// <param name="Missed">As in <see cref="CreateScheduleRequest"/>.</param>
/// <param name="Overlap">As in <see cref="CreateScheduleRequest"/>.</param>
/// <param name="Paused">True pauses it. False lets it go on, with the first tick after now: ticks of the pause are not missed ones.</param>
public sealed record UpdateScheduleRequest(
    string? Cron = null,
    SubmitTaskRequest? Task = null,
    TemplateCallBody? Template = null,
    string? TimeZone = null,
    string? Name = null,
    string? Missed = null,
    string? Overlap = null,
    bool? Paused = null);

/// <summary>A schedule.</summary>
/// <param name="Id">TypeID with prefix <c>sched</c>.</param>
/// <param name="Cron">As given.</param>
/// <param name="TimeZone">Of its wall clock.</param>
/// <param name="Missed">What becomes of missed ticks.</param>
/// <param name="Overlap">What becomes of overlapping ones.</param>
/// <param name="State"><c>active</c> or <c>paused</c>.</param>
/// <param name="NextTicks">The next five; when it is paused, those if it went on now.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Name">What you call it.</param>
/// <param name="Task">What is submitted.</param>
/// <param name="Template">What is filled in and submitted.</param>
/// <param name="LastRun">What came of the last tick.</param>
public sealed record ScheduleResponse(
    string Id,
    string Cron,
    string TimeZone,
    string Missed,
    string Overlap,
    string State,
    IReadOnlyList<DateTimeOffset> NextTicks,
    DateTimeOffset CreatedAt,
    string? Name = null,
    SubmitTaskRequest? Task = null,
    TemplateCallBody? Template = null,
    ScheduleRunBody? LastRun = null);

/// <summary>What came of a tick.</summary>
/// <param name="TickAt">The tick.</param>
/// <param name="Outcome"><c>submitted</c>, <c>skipped</c> or <c>refused</c>.</param>
/// <param name="At">When that was.</param>
/// <param name="TaskId">The task that was made.</param>
/// <param name="TaskState">Its state now; only where one schedule is asked for.</param>
/// <param name="Code">Of a refusal, such as <c>insufficientFunds</c>.</param>
/// <param name="Detail">Why it was refused or skipped.</param>
public sealed record ScheduleRunBody(
    DateTimeOffset TickAt,
    string Outcome,
    DateTimeOffset At,
    string? TaskId = null,
    string? TaskState = null,
    string? Code = null,
    string? Detail = null);
