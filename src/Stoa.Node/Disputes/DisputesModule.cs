using Stoa.Node.Hosting;

namespace Stoa.Node.Disputes;

/// <summary>Wires disputes into the node.</summary>
public static class DisputesModule
{
    public static void AddDisputes(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Disputes", new DisputesOptions(), options => options.Validate());
        builder.Services.AddSingleton<SqlDisputeStore>();
        builder.Services.AddSingleton<DisputeWorker>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<DisputeWorker>());
    }
}
