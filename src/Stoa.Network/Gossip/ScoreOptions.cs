using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>What neighbours are worth for what they do, over all topics: the peer score of gossipsub 1.1.</summary>
/// <remarks>Counters lose their worth with time. The time of a decay is how long a counter takes to fall to a hundredth.</remarks>
public sealed record ScoreOptions
{
    /// <summary>The most that all topics together add. Zero for no end.</summary>
    public double TopicScoreCap { get; init; } = 60;

    /// <summary>P5: what the application thinks of a peer; null for nothing. Called under a lock: it must not wait.</summary>
    public Func<PeerId, double>? ApplicationScore { get; init; }

    /// <summary>P5's weight; at least 0.</summary>
    public double ApplicationWeight { get; init; } = 1;

    /// <summary>P6: so many peers of one network of addresses (see <see cref="AddressNetwork"/>) are nothing unusual. The square of how many more there are counts.</summary>
    public int ColocationThreshold { get; init; } = 10;

    /// <summary>P6's weight; at most 0.</summary>
    public double ColocationWeight { get; init; } = -10;

    /// <summary>P7: so many breaches of good behaviour are forgiven (grafting too early, promises that were not kept, floods). The square of what is above counts.</summary>
    public double BehaviourThreshold { get; init; } = 6;

    /// <summary>P7's weight; at most 0.</summary>
    public double BehaviourWeight { get; init; } = -10;

    /// <summary>P7's decay.</summary>
    public TimeSpan BehaviourDecay { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Below this a counter is zero.</summary>
    public double DecayToZero { get; init; } = 0.01;

    /// <summary>How long a bad score is remembered of a peer that has gone.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Of so many peers that have gone; above, those go first that would go next anyway.</summary>
    public int MaxRetained { get; init; } = 4_096;

    /// <summary>Below this no gossip is sent to a peer nor taken from it.</summary>
    public double GossipThreshold { get; init; } = -20;

    /// <summary>Below this own messages are not sent to a peer.</summary>
    public double PublishThreshold { get; init; } = -50;

    /// <summary>Below this nothing that a peer sends is read.</summary>
    public double GraylistThreshold { get; init; } = -100;

    /// <summary>When the median score of a mesh is below this, better peers are grafted.</summary>
    public double OpportunisticGraftThreshold { get; init; } = 2;

    /// <exception cref="ArgumentException">One makes no sense.</exception>
    public void Validate()
    {
        if (ColocationWeight > 0 || BehaviourWeight > 0 || ApplicationWeight < 0 || TopicScoreCap < 0 || DecayToZero is <= 0 or >= 1)
            throw new ArgumentException("Gossip: weights of misbehaviour are not above zero, the application's weight and the cap are not below, and the zero of decay is between 0 and 1.");
        if (GossipThreshold > 0 || PublishThreshold > GossipThreshold || GraylistThreshold > PublishThreshold || OpportunisticGraftThreshold < 0)
            throw new ArgumentException("Gossip: thresholds go down from gossip over publishing to the graylist, and are not above zero; that of opportunistic grafting is not below.");
        if (BehaviourDecay <= TimeSpan.Zero || Retention < TimeSpan.Zero || MaxRetained < 0 || ColocationThreshold < 1)
            throw new ArgumentException("Gossip: decays are above zero, and what is retained is not below.");
    }
}

/// <summary>What neighbours are worth for what they do in one topic: P1 to P4 of gossipsub 1.1.</summary>
/// <remarks>
/// P3, too few deliveries in the mesh, is off unless it is given a weight: it punishes peers of a topic in which little is said, and needs a threshold that only who knows
/// the topic can tell.
/// </remarks>
public sealed record TopicScoreOptions
{
    /// <summary>What the topic counts among others.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>P1: what each <see cref="TimeInMeshQuantum"/> in the mesh adds.</summary>
    public double TimeInMeshWeight { get; init; } = 0.01;

    public TimeSpan TimeInMeshQuantum { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>P1 counts so many quanta at most.</summary>
    public double TimeInMeshCap { get; init; } = 1_000;

    /// <summary>P2: what each message adds that a peer was the first to bring.</summary>
    public double FirstDeliveriesWeight { get; init; } = 0.5;

    public TimeSpan FirstDeliveriesDecay { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>P2 counts so many at most.</summary>
    public double FirstDeliveriesCap { get; init; } = 40;

    /// <summary>P3: what the square of a mesh peer's deficit below <see cref="MeshDeliveriesThreshold"/> adds; at most 0, and 0 for off.</summary>
    public double MeshDeliveriesWeight { get; init; }

    public TimeSpan MeshDeliveriesDecay { get; init; } = TimeSpan.FromMinutes(5);

    public double MeshDeliveriesCap { get; init; } = 100;

    public double MeshDeliveriesThreshold { get; init; }

    /// <summary>How long after a message was accepted others still count as bringing it.</summary>
    public TimeSpan MeshDeliveriesWindow { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a peer is in the mesh before P3 counts.</summary>
    public TimeSpan MeshDeliveriesActivation { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>P3b: what the square of the deficit adds with which a peer left the mesh; at most 0.</summary>
    public double MeshFailureWeight { get; init; }

    public TimeSpan MeshFailureDecay { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>P4: what the square of the number of bad messages adds; at most 0.</summary>
    public double InvalidWeight { get; init; } = -20;

    public TimeSpan InvalidDecay { get; init; } = TimeSpan.FromHours(1);

    /// <exception cref="ArgumentException">One makes no sense.</exception>
    public void Validate()
    {
        if (Weight < 0 || TimeInMeshWeight < 0 || FirstDeliveriesWeight < 0 || MeshDeliveriesWeight > 0 || MeshFailureWeight > 0 || InvalidWeight > 0)
            throw new ArgumentException("Gossip: weights of what is good are not below zero, and of what is bad not above.");
        if (TimeInMeshQuantum <= TimeSpan.Zero || FirstDeliveriesDecay <= TimeSpan.Zero || MeshDeliveriesDecay <= TimeSpan.Zero || MeshFailureDecay <= TimeSpan.Zero || InvalidDecay <= TimeSpan.Zero)
            throw new ArgumentException("Gossip: decays and the quantum of time are above zero.");
        if (TimeInMeshCap < 0 || FirstDeliveriesCap < 0 || MeshDeliveriesThreshold < 0 || MeshDeliveriesCap < MeshDeliveriesThreshold)
            throw new ArgumentException("Gossip: caps are not below zero, and that of deliveries in the mesh not below its threshold.");
    }
}
