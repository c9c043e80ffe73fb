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
        builder.Services.AddSingleton<NetworkCandidates>();
        builder.Services.AddSingleton<SupplierRuns>();
        builder.Services.AddSingleton<SupplyTelemetry>();
        builder.Services.AddSingleton<SqlSpotChecks>();
        builder.Services.AddSingleton<SpotCheckDraw>();
        builder.Services.AddSingleton<SpotCheckWays>();
        builder.Services.AddSingleton<SpotChecks>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<SpotChecks>());
        builder.Services.AddSingleton<IRemoteOffers, RemoteOffers>();
        builder.Services.AddSingleton<IRemoteRuns, RemoteRuns>();
    }
}
