using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Local;
using Stoa.Node.Inference.Routes;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Wires the servers that have models, the names that stand for models, and the way of a request to one of them.</summary>
public static class ReplicasModule
{
    public static void AddInferenceReplicas(this IHostApplicationBuilder builder, InferenceOptions options)
    {
        var services = builder.Services;
        // The node's own chance is made for secrets; which replica is looked at is none, and is drawn with each request.
        services.AddSingleton(provider => new ReplicaChooser(
            new PrefixIndex(options.PrefixEntries, options.PrefixSeconds), new Random(provider.GetRequiredService<Random>().Next())));
        services.AddSingleton(provider => new ModelFleets(provider.GetRequiredService<ReplicaChooser>(), options.Waiting, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ModelRoutes>();
        services.AddSingleton<Upstreams>();
        services.AddSingleton<InferenceTelemetry>();
        services.AddSingleton<InferenceGateway>();
        services.AddSingleton<SqlReplicaStore>();
        services.AddSingleton<SqlRouteStore>();
        services.AddSingleton<RouteChanges>();
        services.AddSingleton<ListedModels>();
        services.AddSingleton<ReplicaCheck>();
        services.AddSingleton<ReplicaRegistration>();
        services.AddSingleton<ReplicaDirectory>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicaDirectory>());
        services.AddSingleton<LocalReplicas>();
        services.AddSingleton<FileDigests>();
        services.AddSingleton<LocalModels>();
        services.AddHostedService(provider => provider.GetRequiredService<LocalModels>());
        services.AddSingleton<ReplicaProbes>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicaProbes>());
    }
}
