using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Node.Auctions;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Workflows.Durable;

namespace Stoa.Node.Workflows;

/// <summary>Wires workflows and their runs into the node.</summary>
public static class WorkflowsModule
{
    public static void AddWorkflows(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Workflows", new WorkflowsOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<CheckWorkflow>();
        services.AddSingleton<SqlSavedWorkflows>();
        services.AddSingleton(provider => new SqlRunStore(
            provider.GetRequiredService<Database>(),
            provider.GetRequiredService<RecentSubmissions>(),
            provider.GetRequiredService<UserQuota>(),
            provider.GetRequiredService<OpenedAuctions>()));
        services.AddSingleton<WorkflowDocuments>();
        services.AddSingleton<StepModels>();
        services.AddSingleton<RunLooks>();
        services.AddSingleton<StartRun>();
        services.AddSingleton<ResumeRun>();
        services.AddSingleton<RunCarrier>();
        services.AddHostedService(provider => provider.GetRequiredService<RunCarrier>());
    }
}
