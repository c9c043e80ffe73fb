using System.Globalization;
using Stoa.Network.Addressing;
using Stoa.Network.Relay;
using Stoa.Primitives;
using PeerHostOptions = Stoa.Network.Hosting.HostOptions;

namespace Stoa.Node.Network;

/// <summary>How this node takes part in the network of nodes of many operators.</summary>
public sealed record NetworkOptions
{
    private const int MaxRelays = 8;

    /// <summary>Multiaddrs to listen at, such as <c>/ip4/0.0.0.0/tcp/8421</c>. Default none: with none, none to join and no relays, the node is on its own.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [];

    /// <summary>Multiaddrs of nodes to join the network by, each with its peer, such as <c>/dns4/node.example/tcp/8421/p2p/Qm…</c>. Default none. With some, and nowhere to listen, the node listens on a free port of all networks.</summary>
    public IReadOnlyList<string> Join { get; init; } = [];

    /// <summary>Multiaddrs that others are told in place of those that are listened at, for a node behind a forwarded port. Default none.</summary>
    public IReadOnlyList<string> Announce { get; init; } = [];

    /// <summary>Multiaddrs of relays to be reached through, each with its peer, for a node that nobody can dial: it reserves a place at each, keeps it, and announces it beside its own addresses. Default none.</summary>
    public IReadOnlyList<string> Relays { get; init; } = [];

    /// <summary>Whether nodes that nobody can dial may be reached through this one, within the limits of the next four options. Default true; of no effect on a node that has relays itself.</summary>
    public bool IsRelay { get; init; } = true;

    /// <summary>Most nodes that have a place at this relay; 8 of them at one IPv4 address or IPv6 network of 64 bits, 32 in one network of 16 or 32 bits. Default 128.</summary>
    public int MaxRelayReservations { get; init; } = 128;

    /// <summary>Most circuits through this relay at once; 16 of them of one node, 16 dialled from one IPv4 address or IPv6 network of 64 bits, 32 from one network of 16 or 32 bits, and 4 from one node or address to the same other. Default 128.</summary>
    public int MaxRelayCircuits { get; init; } = 128;

    /// <summary>Bytes that a circuit through this relay carries each way before it is broken off. Default 131072.</summary>
    public long MaxRelayBytes { get; init; } = 128 * 1_024;

    /// <summary>Seconds that a circuit through this relay lasts before it is broken off. Default 120.</summary>
    public int MaxRelaySeconds { get; init; } = 120;

    /// <summary>Whether to look for other nodes on the local network, and to be found there, by multicast DNS. Default true; of no effect while the node takes no part.</summary>
    public bool Mdns { get; init; } = true;

    /// <summary>Whether this node dials loopback and private addresses that others tell it of. Default false, but where all addresses that it is told to listen at, announce, join by and be reached through are of that kind it does, as on one machine or in one local network.</summary>
    public bool AllowPrivateAddresses { get; init; }

    /// <summary>Most connections to other nodes. Default 512; above four fifths of it the least useful are ended.</summary>
    public int MaxConnections { get; init; } = 512;

    /// <summary>Whether the node takes part.</summary>
    public bool IsOn => Listen.Count > 0 || Join.Count > 0 || Relays.Count > 0;

    /// <summary>Where to listen.</summary>
    public IReadOnlyList<Multiaddr> ListenAddresses => Listen.Count > 0 ? [.. Listen.Select(address => Multiaddr.Parse(address))] : [Multiaddr.Parse("/ip4/0.0.0.0/tcp/0")];

    /// <summary>Whom to join.</summary>
    public IReadOnlyList<PeerAddress> JoinAddresses => [.. Join.Select(address => PeerAddress.Of(Multiaddr.Parse(address)))];

    /// <summary>Where to listen through relays.</summary>
    public IReadOnlyList<Multiaddr> RelayAddresses => [.. Relays.Select(text => Multiaddr.Parse(text)).Select(relay => relay.WithoutPeer.ThroughRelay(relay.Peer!.Value))];

    /// <summary>Whether loopback and private addresses are taken from others: when that is said, or when the node has nothing to do with the world. That it listens on all networks says neither.</summary>
    public bool TakesPrivateAddresses => AllowPrivateAddresses
        || (Listen.Concat(Announce).Concat(Join).Concat(Relays).Select(text => Multiaddr.Parse(text)).Where(address => !Reach.IsUnspecified(address)).ToList() is { Count: > 0 } own
            && own.TrueForAll(address => Reach.Of(address) is not AddressReach.World));

    /// <summary>Where names may lead that others tell of; those that the operator has said may lead anywhere.</summary>
    public NameReach ToNames() => new()
    {
        AllowsPrivateAddresses = TakesPrivateAddresses,
        Configured = Join.Concat(Relays).Select(text => Multiaddr.Parse(text).WithoutPeer).ToHashSet(),
    };

    /// <summary>The limits of this relay; null when it is none.</summary>
    public RelayOptions? ToRelay() => !IsRelay || Relays.Count > 0 ? null : new RelayOptions
    {
        MaxReservations = MaxRelayReservations,
        MaxCircuits = MaxRelayCircuits,
        MaxCircuitBytes = MaxRelayBytes,
        MaxCircuitDuration = TimeSpan.FromSeconds(MaxRelaySeconds),
    };

    /// <summary>The limits as the host takes them.</summary>
    /// <param name="version">Of this software.</param>
    public PeerHostOptions ToHost(string version) => new()
    {
        AgentVersion = "stoa/" + version,
        AnnouncedAddresses = [.. Announce.Select(address => Multiaddr.Parse(address))],
        MaxConnections = MaxConnections,
        HighWater = MaxConnections * 4 / 5,
        LowWater = MaxConnections * 3 / 5,
    };

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        foreach (var (option, addresses) in new[] { ("Listen", Listen), ("Announce", Announce) })
        {
            foreach (var text in addresses)
            {
                if (!Multiaddr.TryParse(text, out var address) || address.Peer is not null)
                    yield return $"Network:{option} is a multiaddr without a peer, such as /ip4/0.0.0.0/tcp/8421, not '{text}'.";
            }
        }

        foreach (var (option, addresses) in new[] { ("Join", Join), ("Relays", Relays) })
        {
            foreach (var text in addresses)
            {
                if (!Multiaddr.TryParse(text, out var address) || address.Peer is null || (address.IsCircuit && option == "Relays"))
                    yield return $"Network:{option} is a multiaddr with its peer, such as /ip4/192.0.2.1/tcp/8421/p2p/Qm…, not '{text}'. The node there shows its own: stoa network show.";
            }
        }

        if (Relays.Count > MaxRelays || Relays.Select(text => Multiaddr.TryParse(text, out var address) ? address.Peer : null).OfType<PeerId>().GroupBy(peer => peer).Any(peer => peer.Count() > 1))
            yield return $"Network:Relays has at most {MaxRelays} relays, each once.";
        if (MaxRelayReservations is < 1 or > 100_000 || MaxRelayCircuits is < 1 or > 100_000)
            yield return "Network:MaxRelayReservations and MaxRelayCircuits are from 1 to 100000.";
        if (MaxRelayBytes is < 4_096 or > 1L << 40 || MaxRelaySeconds is < 1 or > 86_400)
            yield return "Network:MaxRelayBytes is from 4096 to 2^40, and MaxRelaySeconds from 1 to 86400.";

        if (MaxConnections is < 16 or > 100_000)
            yield return string.Create(CultureInfo.InvariantCulture, $"Network:MaxConnections is from 16 to 100000.");
    }
}
