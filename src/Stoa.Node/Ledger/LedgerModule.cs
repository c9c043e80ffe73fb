using Stoa.Market.Ledger;
using Stoa.Node.Hosting;

namespace Stoa.Node.Ledger;

/// <summary>Wires the ledger room.</summary>
public static class LedgerModule
{
    public static void AddLedger(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Ledger", new LedgerOptions(), options => options.Validate());
        builder.Services.AddSingleton<ILedgerStore, SqlLedgerStore>();
    }
}
