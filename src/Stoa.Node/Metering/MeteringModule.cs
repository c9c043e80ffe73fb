using Stoa.Market.Builds;
using Stoa.Node.Hosting;

namespace Stoa.Node.Metering;

/// <summary>Wires usage, budgets and alerts into the node.</summary>
public static class MeteringModule
{
    public static void AddMetering(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Metering", new MeteringOptions(), options => options.Validate());
        // Bad options are told of when every room has added its own.
        if (options.Validate().Any())
            options = new MeteringOptions();
        var services = builder.Services;
        services.AddSingleton<SqlUsageStore>();
        services.AddSingleton<SqlBudgetStore>();
        services.AddSingleton<SqlAlerts>();
        services.AddSingleton(options.ToPrices());
        services.AddSingleton<ChargeTelemetry>();
        services.AddSingleton<SqlStorageFees>();
        services.AddSingleton<IStoragePayments>(provider => provider.GetRequiredService<SqlStorageFees>());
        services.AddSingleton<SqlTransferFees>();
        services.AddSingleton<TransferFees>();
        services.AddHostedService<ChargeWorker>();
        services.AddSingleton<MeteringWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<MeteringWorker>());
    }
}
