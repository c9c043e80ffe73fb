using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>A peer in the routing table.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Key">Where it lies.</param>
/// <param name="Id">The bytes of <paramref name="Peer"/>, as messages have them.</param>
/// <param name="ReachedAt">Where it answered when it was dialled from here.</param>
/// <param name="Network">The network of that; null when it has no limit.</param>
/// <param name="LastSeen">When it last said anything.</param>
/// <param name="Failures">How often in a row it did not answer since.</param>
internal sealed record RoutingPeer(PeerId Peer, KademliaKey Key, ByteString Id, Multiaddr ReachedAt, AddressNetwork? Network, DateTimeOffset LastSeen, int Failures)
{
    // One request and one ping after it.
    private const int FailuresToDie = 2;

    /// <summary>Whether it did not answer last time: others are not told of it.</summary>
    public bool IsSuspect => Failures > 0;

    /// <summary>Whether another may have its place.</summary>
    public bool IsDead => Failures >= FailuresToDie;
}

/// <summary>What became of a peer that came to the routing table.</summary>
internal enum Admission
{
    /// <summary>It has a place now.</summary>
    Entered,

    /// <summary>It had one before.</summary>
    Known,

    /// <summary>It waits: its bucket is full of peers that were there before.</summary>
    Waiting,

    /// <summary>It is this node, or there are enough of its network.</summary>
    Refused,
}
