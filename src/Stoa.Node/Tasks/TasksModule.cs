using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Auctions;
using Stoa.Node.Hosting;
using Stoa.Node.Identity;
using Stoa.Node.Observability;
using Stoa.Node.Storage;
using Stoa.Node.Tasks.Live;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Node.Tasks;

/// <summary>Wires tasks into the node.</summary>
public static class TasksModule
{
    public static void AddTasks(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Tasks", new TasksOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<LeaseKeeper>();
        services.AddSingleton<LeaseRescuer>();
        services.AddSingleton<LeaseCare>();
        services.AddSingleton<RecentSubmissions>();
        services.AddSingleton<ITaskStore>(provider => new SqlTaskStore(
            provider.GetRequiredService<Database>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<AgentIndex>(),
            provider.GetRequiredService<RecentSubmissions>(),
            provider.GetRequiredService<UserQuota>(),
            provider.GetRequiredService<OpenedAuctions>()));
        services.AddSingleton<ITaskBatchStore>(provider => new SqlTaskBatchStore(
            provider.GetRequiredService<Database>(), provider.GetRequiredService<RecentSubmissions>(), provider.GetRequiredService<UserQuota>()));
        services.AddSingleton<SubmitBatch>();
        services.AddSingleton(provider => SealingEndpoints.Open(
            provider.GetRequiredService<CellKey>(), provider.GetRequiredService<Database>(), provider.GetRequiredService<PrivateKey>()));
        services.AddSingleton<SealingOffer>();
        services.AddSingleton(provider => new SubmitTask(
            provider.GetRequiredService<IAgentStore>(),
            provider.GetRequiredService<IContentStore>(),
            provider.GetRequiredService<IContentOwners>(),
            provider.GetRequiredService<IStoragePayments>(),
            provider.GetRequiredService<ILedgerStore>(),
            provider.GetRequiredService<ITaskStore>(),
            provider.GetRequiredService<SystemAccounts>().Clearing,
            provider.GetRequiredService<AgentIndex>(),
            provider.GetRequiredService<OpenAuction>(),
            provider.GetRequiredService<Cell>(),
            provider.GetRequiredService<TaskSealing>(),
            options.MaxMemoryBytes,
            provider.GetRequiredService<IdSource>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<Random>(),
            provider.GetRequiredService<IRemoteOffers>()));
        services.AddSingleton(provider => new FailOver(
            provider.GetRequiredService<ITaskStore>(),
            provider.GetRequiredService<IContentStore>(),
            provider.GetRequiredService<AgentIndex>(),
            provider.GetRequiredService<Cell>(),
            options.MaxMemoryBytes,
            provider.GetRequiredService<Random>(),
            provider.GetRequiredService<IRemoteOffers>()));
        services.AddSingleton(provider => new AgentPrograms(
            provider.GetRequiredService<Engine>(), provider.GetRequiredService<IContentStore>(), options.CachedPrograms));
        services.AddSingleton(_ => new GuestThreads(options.Workers));
        services.AddSingleton(new SplitPolicy(options.CreatorPercent, options.NodePercent, options.PlatformPercent));
        services.AddSingleton(new RetryPolicy { MaxAttempts = options.MaxAttempts });
        services.AddSingleton<ReplayTask>();
        services.AddSingleton(provider => new ModelDoor(
            new CapabilityKey(provider.GetRequiredService<CellKey>().DeriveSecret(CapabilityKey.Purpose)),
            provider.GetRequiredService<IModelGateway>(),
            options.MaxModelRequests,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ExecuteTask>();
        services.AddSingleton<TaskWaiters>();
        services.AddSingleton<TaskTelemetry>();
        services.AddSingleton<RemoteWatchers>();
        services.AddSingleton<LiveTasks>();
        services.AddSingleton<LogFollower>();
        services.AddSingleton<TaskWorkers>();
        services.AddSingleton(provider => new ReadinessCheck("workers", _ => Task.FromResult(provider.GetRequiredService<TaskWorkers>().Fault)));
        services.AddHostedService(provider => provider.GetRequiredService<LeaseCare>());
        services.AddSingleton<DeadlineKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<DeadlineKeeper>());
        services.AddHostedService<QueueListener>();
        services.AddHostedService<QueueVacuum>();
        services.AddHostedService<CellWire>();
        services.AddHostedService<ProgressTeller>();
        services.AddSingleton<DemandKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<DemandKeeper>());
        services.AddHostedService(provider => provider.GetRequiredService<TaskWorkers>());
    }
}
