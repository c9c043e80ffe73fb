using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>A neighbour: what it wants to hear, what is to be sent to it, and what it has asked for in this heartbeat. Guarded by the overlay's lock, but for its queue.</summary>
internal sealed class GossipPeer(PeerId id, bool isOutbound, SendQueue queue, Hosting.Turnstile turns, PeerScores.Tally tally)
{
    private bool _hasGone;
    private bool _isSentTo;

    public PeerId Id => id;

    /// <summary>Whether this node has dialled it: such peers are harder to have too many of.</summary>
    public bool IsOutbound => isOutbound;

    public SendQueue Queue => queue;

    /// <summary>Its places among what is judged.</summary>
    public Hosting.Turnstile Turns => turns;

    /// <summary>What is counted of it.</summary>
    public PeerScores.Tally Tally => tally;

    /// <summary>Whether there is a stream to it.</summary>
    public bool IsOpen { get; set; }

    /// <summary>Whether it has gone. Read without the lock.</summary>
    public bool HasGone { get => Volatile.Read(ref _hasGone); set => Volatile.Write(ref _hasGone, value); }

    /// <summary>Whether what its queue has is sent to it. Read without the lock.</summary>
    public bool IsSentTo { get => Volatile.Read(ref _isSentTo); set => Volatile.Write(ref _isSentTo, value); }

    /// <summary>Whether it takes no stream, though it opens some.</summary>
    public bool IsMute { get; set; }

    /// <summary>Whether it speaks gossipsub 1.1, and so knows backoffs.</summary>
    public bool HasBackoffs { get; set; }

    public HashSet<string> Topics { get; } = new(StringComparer.Ordinal);

    /// <summary>What it was worth at the last heartbeat: that costs some, and within one it does not change by much.</summary>
    public double Score { get; set; }

    /// <summary>How many meshes it is in.</summary>
    public int Meshes { get; set; }

    /// <summary>How many IHAVE it has sent.</summary>
    public int IHaves { get; set; }

    /// <summary>How many ids it was asked for.</summary>
    public int Asked { get; set; }

    /// <summary>How many ids it has wanted.</summary>
    public int Wanted { get; set; }

    /// <summary>How many bytes it got for that.</summary>
    public long WantedBytes { get; set; }
}
