using System.Globalization;

namespace Stoa.Market.Schedules;

/// <summary>When something is to happen, in minutes of a wall clock: the five fields of cron.</summary>
/// <remarks>
/// Minute 0–59, hour 0–23, day of the month 1–31, month 1–12 or JAN–DEC, day of the week 0–7 or SUN–SAT (0 and 7 are Sunday). A field is <c>*</c>
/// or a list of numbers and ranges, each range with a step if wanted: <c>*/15</c>, <c>8-18/2</c>, <c>MON-FRI</c>. As in Vixie's cron, a day
/// must meet both of its fields when one of them begins with a star, and either when none does.
/// </remarks>
public sealed class CronExpression
{
    private const string Expected = "Five fields are expected: minute, hour, day of the month, month, day of the week; such as \"30 8 * * MON-FRI\". Or one of "
        + "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually.";

    private static readonly string[] s_monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] s_weekdayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private static readonly Dictionary<string, string> s_macros = new(StringComparer.OrdinalIgnoreCase)
    {
        ["@hourly"] = "0 * * * *",
        ["@daily"] = "0 0 * * *",
        ["@midnight"] = "0 0 * * *",
        ["@weekly"] = "0 0 * * 0",
        ["@monthly"] = "0 0 1 * *",
        ["@yearly"] = "0 0 1 1 *",
        ["@annually"] = "0 0 1 1 *",
    };

    private readonly Field _minutes;
    private readonly Field _hours;
    private readonly Field _days;
    private readonly Field _months;
    private readonly Field _weekdays;

    private CronExpression(string text, Field[] fields) =>
        (Text, _minutes, _hours, _days, _months, _weekdays) = (text, fields[0], fields[1], fields[2], fields[3], fields[4]);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Whether it goes on through all hours, so that an hour that a clock repeats is another hour. Else it means times of day, each once a day.</summary>
    public bool RunsThroughHours => _hours.IsStar;

    /// <summary>Reads an expression.</summary>
    /// <param name="text">Five fields or a macro.</param>
    /// <param name="cron">What it says; null when it is refused.</param>
    /// <param name="reason">Why it is refused: its form, or that it would never fire.</param>
    public static bool TryParse(
        string text,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CronExpression? cron,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? reason)
    {
        (cron, reason) = (null, null);
        var words = (s_macros.GetValueOrDefault(text.Trim()) ?? text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (text.Length > 200 || words.Length != 5)
        {
            reason = Expected;
            return false;
        }

        var fields = new Field[5];
        (string Name, int First, int Last, string[] Names)[] kinds =
            [("minute", 0, 59, []), ("hour", 0, 23, []), ("day of the month", 1, 31, []), ("month", 1, 12, s_monthNames), ("day of the week", 0, 7, s_weekdayNames)];
        for (var place = 0; place < 5; place++)
        {
            var (name, first, last, names) = kinds[place];
            if (!Field.TryParse(words[place], first, last, names, out fields[place], out var fault))
            {
                reason = $"The field {name}, \"{words[place]}\": {fault}";
                return false;
            }
        }

        var read = new CronExpression(text.Trim(), fields);
        if (!read.EverFires())
        {
            reason = "It would never fire: none of its months has such a day.";
            return false;
        }

        cron = read;
        return true;
    }

    /// <summary>Whether it fires at some time of that day.</summary>
    public bool IsOn(DateOnly day)
    {
        if (!_months.Has(day.Month))
            return false;
        var (isDay, isWeekday) = (_days.Has(day.Day), _weekdays.Has((int)day.DayOfWeek));
        return _days.IsStar || _weekdays.IsStar ? isDay && isWeekday : isDay || isWeekday;
    }

    /// <summary>Whether it fires at that minute of the wall clock.</summary>
    public bool IsAt(DateTime local) => IsOn(DateOnly.FromDateTime(local)) && _hours.Has(local.Hour) && _minutes.Has(local.Minute);

    /// <summary>The times of a day on which it fires, earliest first.</summary>
    public IEnumerable<TimeSpan> Times()
    {
        for (var hour = 0; hour < 24; hour++)
        {
            for (var minute = 0; _hours.Has(hour) && minute < 60; minute++)
            {
                if (_minutes.Has(minute))
                    yield return new TimeSpan(hour, minute, 0);
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private bool EverFires()
    {
        // When either of the two will do, some weekday always comes. And a field with a star has the first of the month and Sunday in it.
        if (!_days.IsStar && !_weekdays.IsStar)
            return true;
        const int leapYear = 2024;
        return Enumerable.Range(1, 12).Where(_months.Has).Any(month => Enumerable.Range(1, DateTime.DaysInMonth(leapYear, month)).Any(_days.Has));
    }

    private readonly record struct Field(ulong Bits, bool IsStar)
    {
        public bool Has(int value) => (Bits & (1UL << value)) != 0;

        public static bool TryParse(string text, int first, int last, string[] names, out Field field, out string fault)
        {
            (field, fault) = (default, "");
            var bits = 0UL;
            foreach (var part in text.Split(','))
            {
                if (!TryParsePart(part, first, last, names, out var partBits, out fault))
                    return false;
                bits |= partBits;
            }

            // Sunday has two numbers.
            if (names.Length == 7 && (bits & (1UL << 7)) != 0)
                bits = (bits & 0x7f) | 1;
            field = new Field(bits, text.StartsWith('*'));
            return true;
        }

        private static bool TryParsePart(string part, int first, int last, string[] names, out ulong bits, out string fault)
        {
            (bits, fault) = (0, "");
            var slash = part.IndexOf('/', StringComparison.Ordinal);
            var range = slash < 0 ? part : part[..slash];
            var step = 1;
            if (slash >= 0 && (!int.TryParse(part[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out step) || step < 1 || step > last))
            {
                fault = $"behind / stands a step from 1 to {last}.";
                return false;
            }

            int from, to;
            var dash = range.IndexOf('-', StringComparison.Ordinal);
            if (range == "*")
            {
                (from, to) = (first, last);
            }
            else if (TryParseValue(dash < 0 ? range : range[..dash], first, last, names, out from)
                & TryParseValue(dash < 0 ? range : range[(dash + 1)..], first, last, names, out to))
            {
                // A number alone with a step goes on to the end; a range of weekdays may end with Sunday.
                if (dash < 0 && slash >= 0)
                    to = last;
                else if (names.Length == 7 && to == 0 && from > 0)
                    to = 7;
            }
            else
            {
                fault = names.Length == 0
                    ? $"'{part}' is not a number from {first} to {last}, nor a range of them."
                    : $"'{part}' is not a number from {first} to {last} or a name from {names[0]} to {names[^1]}, nor a range of them.";
                return false;
            }

            if (to < from)
            {
                fault = $"the range '{range}' runs backwards; write two, with a comma between.";
                return false;
            }

            for (var value = from; value <= to; value += step)
                bits |= 1UL << value;
            return true;
        }

        private static bool TryParseValue(string text, int first, int last, string[] names, out int value)
        {
            var name = Array.FindIndex(names, known => known.Equals(text, StringComparison.OrdinalIgnoreCase));
            if (name >= 0)
            {
                value = name + first;
                return true;
            }

            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= first && value <= last;
        }
    }
}
