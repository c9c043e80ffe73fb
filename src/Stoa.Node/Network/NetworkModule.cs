using Stoa.Node.Hosting;

namespace Stoa.Node.Network;

/// <summary>Wires the network of nodes of many operators into the node.</summary>
public static class NetworkModule
{
    public static void AddNetwork(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Network", new NetworkOptions(), options => options.Validate());
        builder.Services.AddSingleton<NetworkService>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<NetworkService>());
    }
}
