using System.Security.Cryptography;
using Stoa.Network.Kademlia;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>What tests of whole networks share.</summary>
internal static class KademliaRun
{
    /// <summary>Nothing runs by itself but what a test is about.</summary>
    public static readonly KademliaOptions Quiet = new() { RefreshInterval = TimeSpan.Zero, RepublishInterval = TimeSpan.FromDays(40), AllowsPrivateAddresses = false };

    public static void Run(Func<VirtualWorld, Task> act)
    {
        var world = new VirtualWorld();
        world.Run(() => act(world));
    }

    // Shouldly's own goes on in a thread of the pool.
    public static async Task ThrowsAsync<T>(Func<Task> act) where T : Exception
    {
        try
        {
            await act();
        }
        catch (T)
        {
            return;
        }

        throw new ShouldAssertException($"{typeof(T).Name} is expected.");
    }

    public static LookupReport Total(IEnumerable<KademliaNode> nodes) => nodes.Aggregate(LookupReport.None, (sum, node) => sum.Plus(node.Dht.Report));

    public static async Task<PeerId?> FirstProviderAsync(KademliaNode node, ReadOnlyMemory<byte> key)
    {
        await foreach (var provider in node.Dht.FindProvidersAsync(key, CancellationToken.None))
            return provider.Peer;
        return null;
    }

    public static byte[] RandomNumber(Random random)
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        random.NextBytes(bytes);
        return bytes;
    }
}
