using System.Globalization;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>Writes names and labels as the Prometheus text format wants them.</summary>
internal static class MetricLabels
{
    /// <summary>Labels in the order of their names, without braces; empty when there are none.</summary>
    public static string Format(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
            return "";
        var sorted = tags.ToArray();
        Array.Sort(sorted, (left, right) => string.CompareOrdinal(left.Key, right.Key));
        var text = new StringBuilder();
        foreach (var (name, value) in sorted)
        {
            if (text.Length > 0)
                text.Append(',');
            text.Append(Sanitise(name)).Append("=\"").Append(Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")).Append('"');
        }

        return text.ToString();
    }

    /// <summary>A name of letters, digits and underscores.</summary>
    public static string Sanitise(string name) =>
        string.Create(name.Length, name, (target, source) =>
        {
            for (var index = 0; index < source.Length; index++)
                target[index] = char.IsAsciiLetterOrDigit(source[index]) ? source[index] : '_';
        });

    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .ReplaceLineEndings("\\n");
}
