using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Stoa.Node.Storage;

/// <summary>One step of the schema: SQL in the common subset, run once, in one transaction. Never changed once released.</summary>
/// <param name="Number">Its place: steps run in ascending order.</param>
/// <param name="Name">File name without <c>.sql</c>, such as <c>001_ledger_events</c>.</param>
/// <param name="Sql">The text, with the tokens of <see cref="SqlDialect"/>.</param>
public sealed partial record Migration(int Number, string Name, string Sql)
{
    /// <summary>SHA-256 of the text before its tokens are replaced, in lower-case hex, so the same on every database.</summary>
    public string Sha256 => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));

    /// <summary>Reads a step from its file.</summary>
    /// <exception cref="FormatException">The name does not start with a number of three digits and an underscore.</exception>
    public static Migration FromFile(string fileName, string sql)
    {
        var match = FileNamePattern().Match(fileName);
        return match.Success
            ? new Migration(int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture), match.Groups["name"].Value, sql)
            : throw new FormatException($"A migration is named like 001_ledger_events.sql, not {fileName}.");
    }

    [GeneratedRegex(@"^(?<name>(?<number>\d{3})_[a-z0-9_]+)\.sql\z", RegexOptions.CultureInvariant)]
    private static partial Regex FileNamePattern();
}
