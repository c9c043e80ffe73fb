using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Stoa.Cli.Terminal;

/// <summary>Numbers and texts as people read them.</summary>
internal static class Format
{
    private static readonly string[] s_sizeUnits = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>A decimal string of dollars without needless zeros: <c>$0.00125</c>, <c>-$10.00</c>.</summary>
    public static string Money(string decimalDollars)
    {
        if (decimalDollars.StartsWith('-'))
            return "-" + Money(decimalDollars[1..]);
        var point = decimalDollars.IndexOf('.', StringComparison.Ordinal);
        if (point < 0)
            return "$" + decimalDollars + ".00";
        const int fewestDecimals = 2;
        var trimmed = decimalDollars.TrimEnd('0');
        return "$" + trimmed.PadRight(Math.Max(trimmed.Length, point + 1 + fewestDecimals), '0');
    }

    /// <summary>So many of something: <c>1 task</c>, <c>1,200 tasks</c>.</summary>
    /// <param name="number">How many.</param>
    /// <param name="one">The word for one.</param>
    /// <param name="many">The word for others; null for one with an s.</param>
    public static string Count(long number, string one, string? many = null) => Invariant($"{number:N0} {(number == 1 ? one : many ?? one + "s")}");

    /// <summary>Bytes in decimal units, as prices count them: <c>1.25 MB</c>.</summary>
    public static string Size(long bytes)
    {
        double value = bytes;
        var unit = 0;
        while (value >= 999.5 && unit < s_sizeUnits.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return unit == 0 ? $"{bytes} B" : Invariant($"{Significant(value)} {s_sizeUnits[unit]}");
    }

    /// <summary>Units of fuel: <c>840 k</c>, <c>1.25 G</c>.</summary>
    public static string Fuel(long fuel) => fuel switch
    {
        < 10_000 => fuel.ToString(CultureInfo.InvariantCulture) + " fuel",
        < 1_000_000 => Invariant($"{Significant(fuel / 1e3)} kfuel"),
        < 1_000_000_000 => Invariant($"{Significant(fuel / 1e6)} Mfuel"),
        _ => Invariant($"{Significant(fuel / 1e9)} Gfuel"),
    };

    /// <summary><c>8 ms</c>, <c>1.3 s</c>, <c>2 min 5 s</c>.</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 0.9995 => Invariant($"{Math.Max(0, time.TotalMilliseconds):0} ms"),
        < 60 => Invariant($"{time.TotalSeconds:0.0} s"),
        < 3600 => Invariant($"{(int)time.TotalMinutes} min {time.Seconds} s"),
        _ => Invariant($"{(int)time.TotalHours} h {time.Minutes} min"),
    };

    /// <summary>How long ago, for tables that people read: <c>just now</c>, <c>5 min ago</c>.</summary>
    public static string Ago(DateTimeOffset time, DateTimeOffset now) => (now - time) switch
    {
        { TotalSeconds: < 5 } => "just now",
        { TotalMinutes: < 1 } age => Invariant($"{age.TotalSeconds:0} s ago"),
        { TotalHours: < 1 } age => Invariant($"{(int)age.TotalMinutes} min ago"),
        { TotalDays: < 1 } age => Invariant($"{(int)age.TotalHours} h ago"),
        { TotalDays: < 30 } age => Invariant($"{(int)age.TotalDays} d ago"),
        _ => time.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
    };

    /// <summary>RFC 3339 in UTC with milliseconds, as in the API.</summary>
    public static string Time(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    /// <summary>Enough of a digest to tell it from others: <c>sha256:8d94f5…</c>.</summary>
    public static string ShortDigest(string digest)
    {
        const int shown = 19;
        return digest.Length > shown ? digest[..shown] + "…" : digest;
    }

    /// <summary>Text from outside without control characters, so that it cannot steer the terminal. Newlines and tabs stay.</summary>
    public static string Clean(string text)
    {
        if (!text.Any(IsSteering))
            return text;
        var clean = new StringBuilder(text.Length);
        foreach (var character in text)
            clean.Append(IsSteering(character) ? '\uFFFD' : character);
        return clean.ToString();
    }

    /// <summary>Text from outside on one line.</summary>
    public static string Line(string text) => Clean(text).Replace('\n', ' ').Replace('\t', ' ');

    /// <summary>Text from outside, for a place that takes markup.</summary>
    public static string Escaped(string text) => Clean(text).EscapeMarkup();

    /// <summary>The colour in which a task's state is shown.</summary>
    public static string StateColour(string state) => state switch
    {
        "succeeded" => "green",
        "failed" => "red",
        "cancelled" => "yellow",
        "running" => "blue",
        _ => "grey",
    };

    /// <summary>Breaks a text into lines of at most so many characters; each but the first begins with so many blanks.</summary>
    public static string Wrap(string text, int width, int indent)
    {
        var wrapped = new StringBuilder();
        var length = 0;
        foreach (var word in text.Split(' '))
        {
            if (length > 0 && length + 1 + word.Length > width)
            {
                wrapped.Append(Environment.NewLine).Append(' ', indent);
                length = 0;
            }

            if (length > 0)
                wrapped.Append(' ');
            wrapped.Append(word);
            length += word.Length + 1;
        }

        return wrapped.ToString();
    }

    public static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private static string Significant(double value) => value switch
    {
        < 10 => Invariant($"{value:0.##}"),
        < 100 => Invariant($"{value:0.#}"),
        _ => Invariant($"{value:0}"),
    };

    // Bidirectional overrides can make a text look like another one.
    private static bool IsSteering(char character) =>
        (char.IsControl(character) && character is not ('\n' or '\t'))
        || character is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
