using Stoa.Market.Builds;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Wasm;

namespace Stoa.Node.Builds;

/// <summary>Wires the builds room: the content store, and publishing.</summary>
public static class BuildsModule
{
    private const string ContentFolder = "content";

    public static BuildsOptions AddBuilds(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Builds", new BuildsOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton(new Engine(new EngineOptions { MaxModuleBytes = (int)options.MaxProgramBytes, Features = AgentFeatures.Admitted }));
        services.AddSingleton<IContentStore>(provider =>
        {
            var files = new FileContentStore(provider.GetRequiredService<DataFolder>().PathOf(ContentFolder));
            return provider.GetRequiredService<Database>() is PostgresDatabase cell ? new CellContentStore(cell, files, provider.GetRequiredService<TimeProvider>()) : files;
        });
        services.AddSingleton<SqlContentOwners>();
        services.AddSingleton<IContentOwners>(provider => provider.GetRequiredService<SqlContentOwners>());
        services.AddSingleton<ReleasedContent>();
        services.AddHostedService<ReleasedContentWorker>();
        services.AddSingleton<ContentUploads>();
        services.AddSingleton<AgentPublisher>();
        services.AddSingleton<AgentPublications>();
        services.AddSingleton<AgentWithdrawals>();
        return options;
    }
}
