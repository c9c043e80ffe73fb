using System.Globalization;
using Stoa.Network.Addressing;
using PeerHostOptions = Stoa.Network.Hosting.HostOptions;

namespace Stoa.Node.Network;

/// <summary>How this node takes part in the network of nodes of many operators.</summary>
public sealed record NetworkOptions
{
    /// <summary>Multiaddrs to listen at, such as <c>/ip4/0.0.0.0/tcp/8421</c>. Default none: with none, and none to join, the node is on its own.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [];

    /// <summary>Multiaddrs of nodes to join the network by, each with its peer, such as <c>/dns4/node.example/tcp/8421/p2p/Qm…</c>. Default none. With some, and nowhere to listen, the node listens on a free port of all networks.</summary>
    public IReadOnlyList<string> Join { get; init; } = [];

    /// <summary>Multiaddrs that others are told in place of those that are listened at, for a node behind a forwarded port. Default none.</summary>
    public IReadOnlyList<string> Announce { get; init; } = [];

    /// <summary>Whether to look for other nodes on the local network, and to be found there, by multicast DNS. Default true; of no effect while the node takes no part.</summary>
    public bool Mdns { get; init; } = true;

    /// <summary>Most connections to other nodes. Default 512; above four fifths of it the least useful are ended.</summary>
    public int MaxConnections { get; init; } = 512;

    /// <summary>Whether the node takes part.</summary>
    public bool IsOn => Listen.Count > 0 || Join.Count > 0;

    /// <summary>Where to listen.</summary>
    public IReadOnlyList<Multiaddr> ListenAddresses => Listen.Count > 0 ? [.. Listen.Select(address => Multiaddr.Parse(address))] : [Multiaddr.Parse("/ip4/0.0.0.0/tcp/0")];

    /// <summary>Whom to join.</summary>
    public IReadOnlyList<PeerAddress> JoinAddresses => [.. Join.Select(address => PeerAddress.Of(Multiaddr.Parse(address)))];

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

        foreach (var text in Join)
        {
            if (!Multiaddr.TryParse(text, out var address) || address.Peer is null)
                yield return $"Network:Join is a multiaddr with its peer, such as /ip4/192.0.2.1/tcp/8421/p2p/Qm…, not '{text}'. The node there shows its own: stoa network show.";
        }

        if (MaxConnections is < 16 or > 100_000)
            yield return string.Create(CultureInfo.InvariantCulture, $"Network:MaxConnections is from 16 to 100000.");
    }
}
