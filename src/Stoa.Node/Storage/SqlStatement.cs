using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.RegularExpressions;

namespace Stoa.Node.Storage;

/// <summary>One statement in the words of a dialect, with all that can be worked out about it once.</summary>
internal sealed partial class SqlStatement
{
    private readonly ConcurrentDictionary<Type, Delegate> _rowReaders = new();

    public SqlStatement(string text)
    {
        Text = text;
        ParameterNames = [.. ParameterPattern().Matches(text)
            .Select(match => match.Groups["name"])
            .Where(name => name.Success)
            .Select(name => name.Value)
            .Distinct(StringComparer.Ordinal)];
        GivesRows = FindWhetherItGivesRows(text);
    }

    public string Text { get; }

    /// <summary>In order of first use, without the at sign.</summary>
    public IReadOnlyList<string> ParameterNames { get; }

    /// <summary>Whether the server answers it with rows, be it none; null where that cannot be told from its words.</summary>
    public bool? GivesRows { get; }

    /// <summary>What makes a <typeparamref name="T"/> of the reader's current row.</summary>
    public Func<DbDataReader, T> GetRowReader<T>(DbDataReader reader) =>
        (Func<DbDataReader, T>)_rowReaders.GetOrAdd(typeof(T), static (_, open) => SqlRowReader.Compile<T>(open), reader);

    private static bool? FindWhetherItGivesRows(string text)
    {
        var words = LiteralPattern().Replace(text, "''");
        if (words.Contains("--", StringComparison.Ordinal) || words.Contains("/*", StringComparison.Ordinal))
            return null;
        return FirstWordPattern().Match(words).Value.ToUpperInvariant() switch
        {
            "SELECT" => true,
            "INSERT" or "UPDATE" or "DELETE" => ReturningPattern().IsMatch(words),
            "SET" => false,
            _ => null,
        };
    }

    [GeneratedRegex(@"'(?:[^']|'')*'", RegexOptions.CultureInvariant)]
    private static partial Regex LiteralPattern();

    [GeneratedRegex(@"(?<=^\s*)\w+", RegexOptions.CultureInvariant)]
    private static partial Regex FirstWordPattern();

    [GeneratedRegex(@"\bRETURNING\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ReturningPattern();

    // A string literal is matched first so that an at sign inside one is not taken for a parameter.
    [GeneratedRegex(@"'(?:[^']|'')*'|@(?<name>\w+)", RegexOptions.CultureInvariant)]
    private static partial Regex ParameterPattern();
}
