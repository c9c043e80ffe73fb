using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>A message of a topic whose author's signature holds.</summary>
/// <param name="Topic">Of what.</param>
/// <param name="From">Who wrote and signed it.</param>
/// <param name="SequenceNumber">Its number among those of its author.</param>
/// <param name="Data">What it says.</param>
/// <param name="Via">The neighbour that it came by first; the author where that is this node.</param>
public sealed record GossipMessage(string Topic, PeerId From, ulong SequenceNumber, ReadOnlyMemory<byte> Data, PeerId Via)
{
    /// <summary>What it is known by; empty for who is asked to say it (<see cref="GossipOptions.IdOf"/>).</summary>
    public MessageId Id { get; init; }
}

/// <summary>What a validator thinks of a message.</summary>
public enum GossipVerdict
{
    /// <summary>Good: it is delivered here and passed on, and counts for whoever brought it first.</summary>
    Accept,

    /// <summary>Of no use here: it goes no further, and nobody is blamed.</summary>
    Ignore,

    /// <summary>Nobody may pass such a message on: it goes no further, and counts heavily against everybody who brought it.</summary>
    Reject,
}

/// <summary>Judges messages of a topic before they are delivered and passed on.</summary>
/// <param name="messages">In the order in which they came, at least one: those that had to wait meanwhile come together, up to <see cref="TopicOptions.MaxBatch"/>.</param>
/// <param name="cancellationToken">The deadline, or the end of the subscription, which waits until the validator has ended. What is judged later is ignored.</param>
/// <returns>As many verdicts, in the same order. Where there are more or fewer, or it throws, all are ignored.</returns>
public delegate ValueTask<IReadOnlyList<GossipVerdict>> GossipValidator(IReadOnlyList<GossipMessage> messages, CancellationToken cancellationToken);

/// <summary>Why a message of a peer went no further. The names are the tag <c>why</c> of <c>stoa.network.gossip.refused</c>.</summary>
internal enum GossipRefusal
{
    /// <summary>It has no author, number of eight bytes, signature or topic, or its key is not its author's. An offence.</summary>
    Malformed,

    /// <summary>It is longer than it may be. An offence.</summary>
    TooLong,

    /// <summary>Its signature does not hold. An offence.</summary>
    BadSignature,

    /// <summary>Nobody here has subscribed to its topic.</summary>
    NotSubscribed,

    /// <summary>It was here before.</summary>
    Duplicate,

    /// <summary>It is this node's own.</summary>
    Own,

    /// <summary>Too many wait to be judged. It may come again by gossip.</summary>
    Busy,

    /// <summary>The validator ignores it.</summary>
    Ignored,

    /// <summary>The validator rejects it.</summary>
    Rejected,

    /// <summary>The validator did not say in time.</summary>
    TimedOut,

    /// <summary>The validator failed.</summary>
    Failed,

    /// <summary>The sender's score is so low that nothing is heard from it.</summary>
    Graylisted,
}
