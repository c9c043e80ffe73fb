using Stoa.Market.Inference.Routing;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Hosting;
using Stoa.Node.Inference.Agents;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Limits;
using Stoa.Node.Inference.Local;
using Stoa.Node.Inference.Programs;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Inference.Routes;
using Stoa.Node.Inference.Sales;

namespace Stoa.Node.Inference;

/// <summary>Wires models that are asked over OpenAI's API: who has them, how a request gets there, and what it costs.</summary>
public static class InferenceModule
{
    public static void AddInference(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Inference", new InferenceOptions(), options => options.Validate());
        var services = builder.Services;
        AddGateway(services, options);
        AddReplicas(services);
        AddLocalModels(services);
        AddCharging(services);
        AddSales(services);
    }

    private static void AddGateway(IServiceCollection services, InferenceOptions options)
    {
        // The node's own chance is made for secrets; which replica is looked at is none, and is drawn with each request.
        services.AddSingleton(provider => new ReplicaChooser(
            new PrefixIndex(options.PrefixEntries, options.PrefixSeconds), new Random(provider.GetRequiredService<Random>().Next())));
        services.AddSingleton(provider => new ModelFleets(provider.GetRequiredService<ReplicaChooser>(), options.Waiting, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ModelPrograms>();
        services.AddSingleton<Upstreams>();
        services.AddSingleton<InferenceTelemetry>();
        services.AddSingleton<HeldBodies>();
        services.AddSingleton<ModelLimiter>();
        services.AddSingleton<InferenceGateway>();
        services.AddSingleton<IModelGateway, AgentGateway>();
    }

    private static void AddReplicas(IServiceCollection services)
    {
        services.AddSingleton<SqlReplicaStore>();
        services.AddSingleton<ListedModels>();
        services.AddSingleton<ReplicaCheck>();
        services.AddSingleton<ReplicaRegistration>();
        services.AddSingleton<SqlRouteStore>();
        services.AddSingleton<ModelRoutes>();
        services.AddSingleton<RouteChanges>();
        services.AddSingleton<ReplicaDirectory>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicaDirectory>());
        services.AddSingleton<ReplicaProbes>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicaProbes>());
    }

    private static void AddLocalModels(IServiceCollection services)
    {
        services.AddSingleton<LocalReplicas>();
        services.AddSingleton<FileDigests>();
        services.AddSingleton<LocalModels>();
        services.AddHostedService(provider => provider.GetRequiredService<LocalModels>());
    }

    private static void AddSales(IServiceCollection services)
    {
        services.AddSingleton<SoldModels>();
        services.AddSingleton<PayingChannels>();
        services.AddSingleton<PayerRecognition>();
        services.AddSingleton<GivenUpReceipts>();
        services.AddSingleton<AnswerSales>();
    }

    private static void AddCharging(IServiceCollection services)
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
