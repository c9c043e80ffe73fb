using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>The peers whose keys have as many leading bits in common with this node's, those not heard of for longest first, and who waits for a place.</summary>
internal sealed class Bucket
{
    public List<RoutingPeer> Peers { get; } = [];

    /// <summary>Who would enter if there were room, the newest last.</summary>
    public List<RoutingPeer> Waiting { get; } = [];

    /// <summary>When last a key of this bucket was looked for.</summary>
    public DateTimeOffset LastLookup { get; set; } = DateTimeOffset.MinValue;

    public int IndexOf(PeerId peer) => Peers.FindIndex(entry => entry.Peer == peer);
}
