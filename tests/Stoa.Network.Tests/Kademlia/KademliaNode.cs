using System.Security.Cryptography;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Kademlia;
using Stoa.Network.Records;
using Stoa.Primitives;
using Dht = Stoa.Network.Kademlia.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>A node of a test: a host in a virtual network with the table on it, and peers that say who they are at once.</summary>
internal sealed class KademliaNode
{
    private KademliaNode(VirtualNetwork.Place place, Host host, Dht table, MemoryRecordStore store, KademliaOptions options) =>
        (Place, Host, Dht, Store, Options) = (place, host, table, store, options);

    public VirtualNetwork.Place Place { get; }

    public Host Host { get; }

    public Dht Dht { get; }

    public MemoryRecordStore Store { get; }

    public KademliaOptions Options { get; }

    /// <summary>Where it is, signed by it.</summary>
    public byte[] Record => field ??= PeerRecord.Seal(Host.Key, 1, Host.Addresses);

    public PeerAddress Address => new(Host.Id, [Place.Address]);

    /// <summary>Makes nodes that know the first of them.</summary>
    public static async Task<List<KademliaNode>> MakeAsync(VirtualWorld world, VirtualNetwork network, int count, int seed, KademliaOptions options, string? at = null, int firstNetwork = 20)
    {
        var nodes = new List<KademliaNode>();
        for (var index = 0; index < count; index++)
        {
            var key = KeyOf(seed, index);
            var address = Multiaddr.Parse(at ?? $"/ip4/{firstNetwork + (index / 200)}.{index % 200}.0.1/tcp/4001");
            var place = network.Add(key, address);
            var host = new Host(key, [place], new HostOptions(), world, new Random(unchecked((seed * 7_919) + index)));
            await host.ListenAsync(address, CancellationToken.None);
            var store = new MemoryRecordStore(new RecordStoreOptions(), world);
            var own = nodes.Count == 0 || options.BootstrapPeers.Count > 0 ? options : options with { BootstrapPeers = [nodes[0].Address] };
            var node = new KademliaNode(place, host, new Dht(host, own, store), store, own);
            host.Changed += (peer, kind) =>
            {
                if (kind is PeerChangeKind.Connected && network.Nodes.TryGetValue(peer, out var other))
                    world.After(TimeSpan.FromMilliseconds(50), () => host.Identify(other));
            };
            nodes.Add(node);
            network.Nodes[host.Id] = node;
        }

        return nodes;
    }

    /// <summary>Makes nodes that have joined one after the other.</summary>
    public static async Task<List<KademliaNode>> JoinAsync(VirtualWorld world, VirtualNetwork network, int count, int seed, KademliaOptions options, int firstNetwork = 20)
    {
        var nodes = await MakeAsync(world, network, count, seed, options, firstNetwork: firstNetwork);
        foreach (var node in nodes.Skip(1))
            await node.Dht.BootstrapAsync(CancellationToken.None);
        return nodes;
    }

    public static PrivateKey KeyOf(int seed, int index)
    {
        var number = SHA256.HashData([.. BitConverter.GetBytes(seed), .. BitConverter.GetBytes(index)]);
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = number });
        return PrivateKey.FromPkcs8(key.ExportPkcs8PrivateKey());
    }
}

internal static class InstantIdentify
{
    public static void Identify(this Host host, KademliaNode other)
    {
        if (!host.IsConnected(other.Host.Id))
            return;
        host.Peers.Identify(other.Host.Id, new PeerDescription(other.Host.Protocols.ToHashSet(), other.Host.Addresses, "test", other.Record));
        host.Told(other.Host.Id, PeerChangeKind.Identified);
    }
}
