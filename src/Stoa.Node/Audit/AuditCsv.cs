using System.Globalization;
using Stoa.Market.Audit;

namespace Stoa.Node.Audit;

/// <summary>Entries of the audit log as lines of CSV (RFC 4180). No value holds a comma, a quote or a sign by which a spreadsheet takes it for a formula.</summary>
internal static class AuditCsv
{
    /// <summary>The names of the columns; times are UTC.</summary>
    public const string Header = "entry,time,act,status,actor,credential,address,subject,trace,account,handle";

    /// <summary>One line.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="handle">Of who acted, as it is now; null for nobody.</param>
    public static string Line(AuditEntry entry, string? handle)
    {
        var act = entry.Act;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{entry.Number},{act.At.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'},{act.Name},{act.Status},{act.Actor},{act.Credential},{act.Address},{Safe(act.Subject)},{act.Trace},{act.Account},{handle}");
    }

    private static string? Safe(string? subject) => subject is ['-', ..] ? $"'{subject}" : subject;
}
