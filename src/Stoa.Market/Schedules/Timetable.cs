namespace Stoa.Market.Schedules;

/// <summary>The instants at which a cron expression fires in a time zone.</summary>
/// <remarks>
/// When clocks are put forward, a time of day that is left out fires at the moment of the change; when they are put back, a time of day
/// that comes twice fires the first time. An expression whose hour field begins with a star follows the clock instead: what is left out
/// does not fire, and what comes twice fires twice.
/// </remarks>
public sealed class Timetable(CronExpression cron, TimeZoneInfo zone)
{
    // A particular weekday on a 29 February comes after 40 years at the latest.
    private const int YearsMax = 50;

    // No offset from UTC is larger than 14 hours.
    private static readonly TimeSpan s_farther = TimeSpan.FromHours(15);

    /// <summary>The expression.</summary>
    public CronExpression Cron => cron;

    /// <summary>The zone of its wall clock.</summary>
    public TimeZoneInfo Zone => zone;

    /// <summary>The zone with an IANA name such as <c>Europe/Berlin</c>; null when there is none.</summary>
    public static TimeZoneInfo? FindZone(string name)
    {
        // The names of files that the system's database has beside the zones are none, and nor are paths.
        if (name.Length is 0 or > 64 || name.Any(character => !char.IsAsciiLetterOrDigit(character) && character is not ('/' or '_' or '-' or '+')) || !char.IsAsciiLetterUpper(name[0]))
            return null;
        return TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : null;
    }

    /// <summary>The first instant after another one; null when the calendar ends before.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        foreach (var tick in After(after))
            return tick;
        return null;
    }

    /// <summary>All instants after another one, in order, for about fifty years.</summary>
    public IEnumerable<DateTimeOffset> After(DateTimeOffset after)
    {
        var day = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(after, zone).DateTime).AddDays(-1);
        var end = day.Year > DateOnly.MaxValue.Year - YearsMax - 1 ? DateOnly.MaxValue : day.AddYears(YearsMax);
        var last = after;
        // Around a change at midnight the instants of two days may interlace, so the day before is kept until the next one is known.
        var waiting = new SortedSet<DateTimeOffset>();
        for (; day < end; day = day.AddDays(1))
        {
            if (cron.IsOn(day))
                waiting.UnionWith(InstantsOf(day).Where(tick => tick > last));
            if (waiting.Count == 0)
                continue;
            var certain = EarliestOf(day.AddDays(1));
            while (waiting.Count > 0 && waiting.Min < certain)
            {
                last = waiting.Min;
                waiting.Remove(last);
                yield return last;
            }
        }

        foreach (var tick in waiting)
            yield return tick;
    }

    /// <summary>No time of the day, nor of a later one, comes before this instant.</summary>
    private DateTimeOffset EarliestOf(DateOnly day)
    {
        var midnight = Midnight(day);
        var (before, after) = (zone.GetUtcOffset(midnight - s_farther), zone.GetUtcOffset(midnight + s_farther));
        return midnight - (before > after ? before : after);
    }

    private static DateTimeOffset Midnight(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    private IEnumerable<DateTimeOffset> InstantsOf(DateOnly day)
    {
        var midnight = Midnight(day);
        var (before, after) = (zone.GetUtcOffset(midnight - s_farther), zone.GetUtcOffset(midnight + TimeSpan.FromDays(1) + s_farther));
        foreach (var time in cron.Times())
        {
            var local = midnight + time;
            if (before == after)
            {
                yield return local - before;
                continue;
            }

            // The wall clock shows the time at none, one or two of these.
            var shown = new[] { local - before, local - after }.Where(instant => instant + zone.GetUtcOffset(instant) == local).Distinct().Order().ToList();
            if (cron.RunsThroughHours)
            {
                foreach (var instant in shown)
                    yield return instant;
            }
            else
            {
                yield return shown.Count > 0 ? shown[0] : ChangeOver(local);
            }
        }
    }

    /// <summary>The first minute at which the wall clock is past a time that it never shows.</summary>
    private DateTimeOffset ChangeOver(DateTimeOffset local)
    {
        var (low, high) = (0, (int)(2 * s_farther).TotalMinutes);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var instant = local - s_farther + TimeSpan.FromMinutes(middle);
            if (instant + zone.GetUtcOffset(instant) >= local)
                high = middle;
            else
                low = middle + 1;
        }

        return local - s_farther + TimeSpan.FromMinutes(low);
    }
}
