using Stoa.Node.Hosting;

namespace Stoa.Node.PayPerCall;

/// <summary>Wires calls that are paid for one by one into the node.</summary>
public static class PayPerCallModule
{
    public static PayPerCallOptions AddPayPerCall(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("PayPerCall", new PayPerCallOptions(), options => options.Validate());
        builder.Services.AddSingleton<SqlPaidCallStore>();
        builder.Services.AddSingleton<CallInputs>();
        builder.Services.AddSingleton<SoldAgents>();
        builder.Services.AddSingleton<Till>();
        builder.Services.AddSingleton<CallAnswers>();
        builder.Services.AddSingleton<CallSales>();
        builder.Services.AddSingleton<PaidCallWorker>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<PaidCallWorker>());
        return options;
    }
}
