using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Schedules;

/// <summary>A task that is submitted again and again, by a timetable.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="OwnerId">Who pays.</param>
/// <param name="Name">What the owner calls it; may be empty.</param>
/// <param name="Cron">See <see cref="CronExpression"/>.</param>
/// <param name="TimeZone">IANA name of the zone of its wall clock.</param>
/// <param name="Request">What is submitted, as JSON: a submission, or the call of a template.</param>
/// <param name="IsTemplate">Whether it is the call of a template.</param>
/// <param name="Missed">What becomes of ticks at which no node ran.</param>
/// <param name="Overlap">What becomes of a tick while the task of the one before is still open.</param>
/// <param name="PausedAt">Nothing is submitted since then; null while it runs.</param>
/// <param name="NextTick">When it is due; null while it is paused.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Schedule(
    Id<Schedule> Id,
    Id<User> OwnerId,
    string Name,
    string Cron,
    string TimeZone,
    string Request,
    bool IsTemplate,
    MissedRuns Missed,
    OverlappingRuns Overlap,
    DateTimeOffset? PausedAt,
    DateTimeOffset? NextTick,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "sched";

    /// <summary>Most schedules of one user.</summary>
    public const int MaxPerUser = 100;

    /// <summary>The timetable of a schedule that was taken.</summary>
    /// <exception cref="InvalidOperationException">The system's database of time zones does not know the zone any more.</exception>
    public Timetable ToTimetable()
    {
        if (!CronExpression.TryParse(Cron, out var cron, out var reason))
            throw new InvalidOperationException($"The cron expression of {Id} cannot be read: {reason}");
        return new Timetable(cron, Timetable.FindZone(TimeZone) ?? throw new InvalidOperationException($"There is no time zone {TimeZone} on this machine."));
    }

    /// <summary>The key that makes the submission for a tick the same one, whichever node makes it and however often.</summary>
    public static string KeyOf(Id<Schedule> id, DateTimeOffset tick) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"schedule:{id}:{tick.UtcDateTime:yyyyMMdd'T'HHmm'Z'}");
}

/// <summary>What becomes of ticks whose run would begin more than a minute late, because no node ran.</summary>
public enum MissedRuns
{
    /// <summary>Nothing.</summary>
    Skip,

    /// <summary>One run for all of them together.</summary>
    RunOnce,

    /// <summary>A run for each, for the last hundred at most.</summary>
    RunAll,
}

/// <summary>What becomes of a tick while the task of the one before is still open.</summary>
public enum OverlappingRuns
{
    /// <summary>It runs beside it.</summary>
    Allow,

    /// <summary>It is left out.</summary>
    Skip,
}

/// <summary>What came of a tick.</summary>
/// <param name="ScheduleId">The schedule.</param>
/// <param name="TickAt">The tick.</param>
/// <param name="Outcome">See <see cref="RunOutcome"/>.</param>
/// <param name="TaskId">The task that was made.</param>
/// <param name="Code">Of a refusal.</param>
/// <param name="Detail">Why it was refused or skipped.</param>
/// <param name="At">When that was.</param>
public sealed record ScheduleRun(
    Id<Schedule> ScheduleId, DateTimeOffset TickAt, RunOutcome Outcome, Id<AgentTask>? TaskId, string? Code, string? Detail, DateTimeOffset At);

/// <summary>What can come of a tick.</summary>
public enum RunOutcome
{
    /// <summary>A task was made.</summary>
    Submitted,

    /// <summary>It was left out, as the schedule says.</summary>
    Skipped,

    /// <summary>The submission was refused, for instance for want of money.</summary>
    Refused,
}

/// <summary>Every reason for which an act on a schedule is refused.</summary>
public enum ScheduleRefusal
{
    /// <summary>No such schedule, or it belongs to somebody else.</summary>
    ScheduleUnknown,

    /// <summary>Cron expression, time zone or another member is not as it must be; every reason is listed.</summary>
    ScheduleInvalid,

    /// <summary>The user has as many schedules as one may have.</summary>
    SchedulesTooMany,
}
