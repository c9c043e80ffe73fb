namespace Stoa.Market.Schedules;

/// <summary>Which ticks of a schedule run at a look at the clock.</summary>
/// <param name="Run">These, oldest first.</param>
/// <param name="Missed">How many were missed in all.</param>
/// <param name="Next">When to look again; null when the calendar ends before.</param>
public sealed record DueTicks(IReadOnlyList<DateTimeOffset> Run, int Missed, DateTimeOffset? Next)
{
    /// <summary>Most missed ticks that <see cref="MissedRuns.RunAll"/> runs at once.</summary>
    public const int MaxMissed = 100;

    /// <summary>How late a run may begin that is not called missed.</summary>
    public static TimeSpan Grace { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Looks at the clock.</summary>
    /// <param name="timetable">When it fires.</param>
    /// <param name="due">The first tick that has not been looked at.</param>
    /// <param name="now">The clock.</param>
    /// <param name="policy">What becomes of missed ticks.</param>
    public static DueTicks At(Timetable timetable, DateTimeOffset due, DateTimeOffset now, MissedRuns policy)
    {
        if (due > now)
            return new DueTicks([], 0, due);
        var (missed, onTime, next) = (0, new List<DateTimeOffset>(), (DateTimeOffset?)null);
        var late = new Queue<DateTimeOffset>();
        foreach (var tick in timetable.After(due - TimeSpan.FromTicks(1)))
        {
            if (tick > now)
            {
                next = tick;
                break;
            }

            if (tick >= now - Grace)
            {
                onTime.Add(tick);
                continue;
            }

            missed++;
            late.Enqueue(tick);
            if (late.Count > MaxMissed)
                late.Dequeue();
        }

        IReadOnlyList<DateTimeOffset> run = policy switch
        {
            MissedRuns.Skip => onTime,
            MissedRuns.RunOnce => onTime.Count > 0 || late.Count == 0 ? onTime : [late.Last()],
            MissedRuns.RunAll => [.. late, .. onTime],
            _ => throw new ArgumentOutOfRangeException(nameof(policy)),
        };
        return new DueTicks(run, missed, next);
    }
}
