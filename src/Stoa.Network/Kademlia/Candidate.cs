using Stoa.Network.Addressing;

namespace Stoa.Network.Kademlia;

/// <summary>A peer that a lookup has heard of.</summary>
/// <param name="peer">Who.</param>
/// <param name="distance">How far it is from what is looked for.</param>
/// <param name="path">Which of the disjoint paths has heard of it first, and is the only one to ask it.</param>
/// <param name="depth">How many peers had to be asked one because of the other to ask it, itself included.</param>
internal sealed class Candidate(PeerAddress peer, KademliaKey distance, int path, int depth)
{
    public PeerAddress Peer { get; set; } = peer;

    public KademliaKey Distance => distance;

    public int Path => path;

    public int Depth => depth;

    public CandidateState State { get; set; }

    /// <summary>Whether it is asked however many are nearer.</summary>
    public bool IsAlwaysAsked { get; set; }

    /// <summary>The networks of its addresses; once it has answered, of the one it answered from. It counts for them from when it is asked.</summary>
    public IReadOnlyList<AddressNetwork> Networks { get; set; } = [];
}

internal enum CandidateState
{
    /// <summary>It was not asked yet.</summary>
    Heard,

    /// <summary>Its answer is waited for.</summary>
    Asked,

    /// <summary>Its answer should have come: another is asked beside it, and it counts for nothing until it answers.</summary>
    Slow,

    Answered,

    /// <summary>It did not answer, or there are enough of its network.</summary>
    Failed,
}
