using Stoa.Market.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Supply.Models;

namespace Stoa.Node.Supply;

/// <summary>Wires other operators' nodes that run tasks for this one, and whose models it asks.</summary>
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
        AddModels(builder.Services);
        builder.Services.AddSingleton<IRemoteOffers, RemoteOffers>();
        builder.Services.AddSingleton<IRemoteRuns, RemoteRuns>();
    }

    private static void AddModels(IServiceCollection services)
    {
        services.AddSingleton<SqlSupplierTabs>();
        services.AddSingleton<SupplierTabs>();
        services.AddHostedService(provider => provider.GetRequiredService<SupplierTabs>());
        services.AddSingleton<SuppliedReplicas>();
        services.AddSingleton<SupplierModels>();
        services.AddHostedService(provider => provider.GetRequiredService<SupplierModels>());
        services.AddSingleton<SupplierDesk>();
    }
}
