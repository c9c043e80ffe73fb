using Stoa.Market.Tasks;
using Stoa.Node.Hosting;

namespace Stoa.Node.Supply;

/// <summary>Wires other operators' nodes that run tasks for this one.</summary>
public static class SupplyModule
{
    public static void AddSupply(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Supply", new SupplyOptions(), options => options.Validate());
        builder.Services.AddSingleton<SqlSuppliers>();
        builder.Services.AddSingleton<SqlForeignAgents>();
        builder.Services.AddSingleton<SupplierConnections>();
        builder.Services.AddSingleton<SupplierQuotes>();
        builder.Services.AddSingleton<NetworkOffers>();
        builder.Services.AddSingleton<IRemoteWork, RemoteWork>();
    }
}
