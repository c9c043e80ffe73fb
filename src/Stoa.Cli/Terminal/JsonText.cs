using System.Text.Json;
using System.Text.RegularExpressions;

namespace Stoa.Cli.Terminal;

/// <summary>What is wrong with a text that should be JSON, without what only a programmer of this program would understand.</summary>
internal static partial class JsonText
{
    public static string Say(JsonException broken)
    {
        var what = Types().Replace(Position().Replace(broken.Message, ""), "")
            .Replace("The JSON value could not be converted", "A value of another kind is expected", StringComparison.Ordinal);
        var where = broken.Path is { Length: > 2 } path && path[0] == '$'
            ? $" It is at {path[2..]}."
            : broken.BytePositionInLine is { } column ? $" It is at character {column + 1}{(broken.LineNumber is > 0 and var line ? $" of line {line + 1}" : "")}." : "";
        return what + where;
    }

    // The framework appends this to its messages.
    [GeneratedRegex(@" ?(Path: .* \| )?LineNumber: \d+ \| BytePositionInLine: \d+\.$", RegexOptions.Singleline)]
    private static partial Regex Position();

    [GeneratedRegex(@" (to |of type '?|type '?)(System|Stoa)\.[\w.`+\[\],]+'?")]
    private static partial Regex Types();
}
