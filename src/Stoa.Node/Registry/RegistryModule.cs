using Stoa.Market.Registry;

namespace Stoa.Node.Registry;

/// <summary>Wires the registry room.</summary>
public static class RegistryModule
{
    public static void AddRegistry(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IAgentStore, SqlAgentStore>();
        builder.Services.AddSingleton<Royalties>();
        builder.Services.AddSingleton<AgentUses>();
    }
}
