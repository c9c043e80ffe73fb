using System.Globalization;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>Transfers of a wallet as lines of CSV (RFC 4180).</summary>
internal static class TransferCsv
{
    /// <summary>The names of the columns. Amounts are in US dollars, negative when they go out; times are UTC.</summary>
    public const string Header = "time,transfer,kind,purpose,amount,cause";

    /// <summary>One line.</summary>
    public static string Line(Transfer transfer, Id<Account> wallet)
    {
        var amount = transfer.CreditAccountId == wallet ? transfer.Amount : -transfer.Amount;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{transfer.CreatedAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'},{transfer.Id},{EnumWord.Of(transfer.Kind)},{EnumWord.Of(transfer.Purpose)},{amount},{Quoted(transfer.Cause)}");
    }

    private static string Quoted(string text) => text.AsSpan().ContainsAny(",\"\r\n")
        ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
        : text;
}
