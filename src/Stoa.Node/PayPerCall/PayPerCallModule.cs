using Stoa.Node.Hosting;

namespace Stoa.Node.PayPerCall;

/// <summary>Wires calls that are paid for one by one into the node.</summary>
public static class PayPerCallModule
{
    public static void AddPayPerCall(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("PayPerCall", new PayPerCallOptions(), options => options.Validate());
        builder.Services.AddSingleton<SqlPaidCallStore>();
        builder.Services.AddSingleton<Till>();
        builder.Services.AddSingleton<PaidCallWorker>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<PaidCallWorker>());
    }
}
