using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>Wires what all rooms stand on: the data folder, the node's key, and the physics of time, chance and ids.</summary>
public static class HostingModule
{
    public static NodeOptions AddHosting(this IHostApplicationBuilder builder, NodePhysics physics)
    {
        var options = builder.AddRoomOptions("Node", new NodeOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton(physics.Time);
        services.AddSingleton(physics.Random);
        services.AddSingleton<IdSource>();
        services.AddSingleton(provider => NodeKey.Open(provider.GetRequiredService<DataFolder>()));
        services.AddSingleton(provider => provider.GetRequiredService<PrivateKey>().PublicKey);
        services.AddSingleton<FirstAdmin>();
        return options;
    }
}
