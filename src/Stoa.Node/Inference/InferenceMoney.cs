using Stoa.Node.Hosting;

namespace Stoa.Node.Inference;

/// <summary>Wires what requests to models cost into the node.</summary>
public static class InferenceMoney
{
    public static void AddInferenceMoney(this IServiceCollection services)
    {
        services.AddSingleton(provider => new ChargeSlots(
            provider.GetRequiredService<DataFolder>().PathOf(ChargeSlots.FileName),
            provider.GetRequiredService<InferenceOptions>().MaxAllowances,
            provider.GetRequiredService<ILogger<ChargeSlots>>()));
        services.AddSingleton<SqlAllowances>();
        services.AddSingleton<Allowances>();
        services.AddSingleton<AllowanceKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<AllowanceKeeper>());
    }
}
