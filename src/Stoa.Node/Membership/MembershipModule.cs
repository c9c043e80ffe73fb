using Stoa.Market.Membership;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Membership;

/// <summary>Wires what a node knows of the other nodes of its cell, and they of it.</summary>
public static class MembershipModule
{
    public static void AddMembership(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<INodeStore>(provider => new SqlNodeStore(provider.GetRequiredService<Database>()));
        services.AddSingleton(provider => new LeaseHolder(
            provider.GetRequiredService<PrivateKey>().PublicKey.PeerId.ToString(), provider.GetRequiredService<Database>().Boot));
        services.AddSingleton(provider => new Cell(
            provider.GetRequiredService<LeaseHolder>(),
            provider.GetRequiredService<NodeOptions>().Region,
            provider.GetRequiredService<TimeProvider>().GetUtcNow()));
        services.AddSingleton<NodeStatus>();
        // Hosted services stop in the reverse order: the node gives signs of life for as long as the workers let tasks end.
        services.AddHostedService<Heartbeat>();
    }
}
