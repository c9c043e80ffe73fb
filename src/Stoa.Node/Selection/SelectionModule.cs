using Stoa.Market.Selection;

namespace Stoa.Node.Selection;

/// <summary>Wires selection into the node.</summary>
public static class SelectionModule
{
    public static void AddSelection(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(provider => new AgentIndex(new SelectionPolicy(), provider.GetRequiredService<TimeProvider>().GetUtcNow()));
        builder.Services.AddSingleton<IAgentStatsStore, SqlAgentStatsStore>();
        builder.Services.AddHostedService<IndexKeeper>();
    }
}
