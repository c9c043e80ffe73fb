using System.Globalization;
using Stoa.Market.Audit;

namespace Stoa.Node.Audit;

/// <summary>Entries of the audit log as lines of CSV (RFC 4180). No value holds a comma, a quote or a sign by which a spreadsheet takes it for a formula.</summary>
internal static class AuditCsv
{
    /// <summary>The names of the columns; times are UTC.</summary>
    public const string Header = "entry,time,act,status,actor,credential,address,subject,trace";

    /// <summary>One line.</summary>
    public static string Line(AuditEntry entry)
    {
        var act = entry.Act;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{entry.Number},{act.At.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'},{act.Name},{act.Status},{act.Actor},{act.Credential},{act.Address},{Safe(act.Subject)},{act.Trace}");
    }

    private static string? Safe(string? subject) => subject is ['-', ..] ? $"'{subject}" : subject;
}
