using System.Globalization;
using Stoa.Market.Metering;

namespace Stoa.Node.Metering;

/// <summary>Rows of a report as lines of CSV (RFC 4180).</summary>
internal static class UsageCsv
{
    /// <summary>The names of the columns. Times are UTC, amounts US dollars. What a role does not see is empty.</summary>
    public const string Header = "start,group,events,fuel,input_bytes,output_bytes,duration_ms,paid,earned,calls,charges,byte_hours,transfer_bytes,requests,input_tokens,output_tokens";

    /// <summary>One line. No name needs quotes: they are ids and names of agents and kinds.</summary>
    public static string Line(UsageRow row, UsageQuery query)
    {
        var amounts = row.Amounts;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{row.Start.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'},{MeteringContracts.NameOf(row, query)},{amounts.Events},{amounts.Fuel},{amounts.InputBytes},{amounts.OutputBytes},{amounts.DurationMs},{amounts.Paid},{MeteringContracts.EarnedOf(amounts, query.Role)},{row.Calls},{row.Charges},{amounts.ByteHours},{amounts.TransferBytes},{amounts.Requests},{amounts.InputTokens},{amounts.OutputTokens}");
    }
}
