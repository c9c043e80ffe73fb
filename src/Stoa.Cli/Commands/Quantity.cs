using System.CommandLine.Parsing;
using System.Globalization;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>Numbers with a unit on the command line: <c>64MB</c>, <c>2G</c>, <c>30s</c>.</summary>
internal static class Quantity
{
    private static readonly (string Unit, long Factor)[] s_sizes =
        [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1)];

    private static readonly (string Unit, long Factor)[] s_counts =
        [("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];

    private static readonly (string Unit, long Factor)[] s_times =
        [("ms", 1), ("s", 1_000), ("min", 60_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    private static readonly string[] s_instantForms =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm:ssK", "yyyy-MM-dd HH:mmK", "yyyy-MM-dd",
    ];

    /// <summary>Bytes: a number, or one with B, kB, MB, GB, KiB, MiB or GiB.</summary>
    public static long? Bytes(ArgumentResult result) => Parse(result, s_sizes, 1, "a size such as 64MB, 512KiB or 1000000");

    /// <summary>Bytes, where a number without a unit is megabytes of 2^20 bytes, as other engines' command lines have it.</summary>
    public static long? Megabytes(ArgumentResult result) => Parse(result, s_sizes, 1 << 20, "a size such as 64, 64MB or 512KiB");

    /// <summary>A count: a number, or one with k, M, G or T.</summary>
    public static long? Count(ArgumentResult result) => Parse(result, s_counts, 1, "a number such as 500M, 2G or 1000000");

    /// <summary>Milliseconds from a time with ms, s, min, h or d; without a unit it is seconds.</summary>
    public static long? Milliseconds(ArgumentResult result) => Parse(result, s_times, 1_000, "a time such as 500ms, 30s, 2min, 12h or 3d");

    /// <summary>An instant of RFC 3339 or the beginning of one; without an offset it is in the time of this machine.</summary>
    public static DateTimeOffset? Instant(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (DateTimeOffset.TryParseExact(text, s_instantForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var instant))
            return instant;
        result.AddError($"'{text}' is not a time such as 2030-01-31T08:00:00Z, 2030-01-31T08:00+01:00 or 2030-01-31.");
        return null;
    }

    /// <summary>An amount of dollars, with or without the sign, as the API takes it.</summary>
    public static string? Dollars(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (Money.TryParse(text.TrimStart('$'), out var amount) && amount >= Money.Zero)
            return text.TrimStart('$');
        result.AddError($"'{text}' is not an amount of dollars such as 0.05: it has at most nine decimals and is not negative.");
        return null;
    }

    /// <summary>The same; without a unit it is milliseconds, as other engines' command lines have it.</summary>
    public static long? MillisecondsByDefault(ArgumentResult result) => Parse(result, s_times, 1, "a time such as 500, 500ms or 30s");

    /// <summary>A whole number without a unit.</summary>
    public static int Whole(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return number;
        result.AddError($"{(result.Parent as OptionResult)?.Option.Name} takes a whole number; '{text}' is not one in range.");
        return 0;
    }

    private static long? Parse(ArgumentResult result, (string Unit, long Factor)[] units, long factorWithoutUnit, string expected)
    {
        var text = result.Tokens[0].Value;
        var (unit, factor) = units.Where(known => text.EndsWith(known.Unit, StringComparison.Ordinal))
            .OrderByDescending(known => known.Unit.Length).FirstOrDefault(("", factorWithoutUnit));
        if (decimal.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number <= long.MaxValue / factor
            && number * factor is var value
            && value == decimal.Truncate(value))
        {
            return (long)value;
        }

        result.AddError($"'{text}' is not {expected}.");
        return null;
    }
}
