using Stoa.Node.Hosting;

namespace Stoa.Node.Metering;

/// <summary>Wires usage, budgets and alerts into the node.</summary>
public static class MeteringModule
{
    public static void AddMetering(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Metering", new MeteringOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<SqlUsageStore>();
        services.AddSingleton<SqlBudgetStore>();
        services.AddSingleton<SqlAlerts>();
        services.AddSingleton<MeteringWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<MeteringWorker>());
    }
}
