namespace Stoa.Network.Gossip;

/// <summary>How a node takes part in publishing and subscribing by topics. The defaults are those of gossipsub where it has some.</summary>
public sealed record GossipOptions
{
    /// <summary>Gossipsub 1.1.</summary>
    public const string Protocol = "/meshsub/1.1.0";

    /// <summary>Gossipsub 1.0, for peers that do not speak the other.</summary>
    public const string OldProtocol = "/meshsub/1.0.0";

    /// <summary>D: how many peers a mesh is to have.</summary>
    public int MeshSize { get; init; } = 6;

    /// <summary>D_lo: with fewer, others are grafted.</summary>
    public int MinMeshSize { get; init; } = 4;

    /// <summary>D_hi: with more, some are pruned.</summary>
    public int MaxMeshSize { get; init; } = 12;

    /// <summary>D_score: how many of the best stay when some are pruned.</summary>
    public int MeshBest { get; init; } = 4;

    /// <summary>D_out: how many of a mesh this node has dialled itself. Less than D_lo, and at most half of D.</summary>
    public int MinOutbound { get; init; } = 2;

    /// <summary>D_lazy: how many peers outside of the mesh are told what there is.</summary>
    public int LazyPeers { get; init; } = 8;

    /// <summary>Or this part of them, if that is more.</summary>
    public double GossipFactor { get; init; } = 0.25;

    /// <summary>How often the meshes are looked after. Delays and counts "per heartbeat" go by it.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many heartbeats a message is kept for who wants it.</summary>
    public int HistoryLength { get; init; } = 5;

    /// <summary>In how many of them it is told of.</summary>
    public int HistoryGossip { get; init; } = 3;

    /// <summary>How often one message is sent to one peer that wants it.</summary>
    public int GossipRetransmissions { get; init; } = 3;

    /// <summary>Whether own messages go to all peers of the topic, and not only to the mesh: who is in the way of one cannot stop them.</summary>
    public bool FloodPublish { get; init; } = true;

    /// <summary>How long peers of a topic are kept that is published to but not subscribed to.</summary>
    public TimeSpan FanoutLifetime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long after a prune nobody grafts.</summary>
    public TimeSpan PruneBackoff { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The same after a subscription has ended.</summary>
    public TimeSpan UnsubscribeBackoff { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest that a peer may ask for.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Who grafts so soon after a prune counts twice.</summary>
    public TimeSpan GraftFloodThreshold { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Every so many heartbeats a mesh of little worth gets better peers.</summary>
    public int OpportunisticGraftTicks { get; init; } = 60;

    /// <summary>So many.</summary>
    public int OpportunisticGraftPeers { get; init; } = 2;

    /// <summary>How long a peer has to send what it said it had.</summary>
    public TimeSpan PromiseTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How many IHAVE of a peer are read per heartbeat.</summary>
    public int MaxIHaveMessages { get; init; } = 10;

    /// <summary>How many ids are asked of a peer per heartbeat, and told to it in a topic; and how many it may want.</summary>
    public int MaxIdsPerHeartbeat { get; init; } = 5_000;

    /// <summary>How many bytes of messages a peer may want per heartbeat.</summary>
    public int MaxWantedBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>The longest id that is read, in bytes.</summary>
    public int MaxIdLength { get; init; } = 256;

    /// <summary>The longest name of a topic, in characters.</summary>
    public int MaxTopicLength { get; init; } = 128;

    /// <summary>How many topics this node subscribes to.</summary>
    public int MaxTopics { get; init; } = 64;

    /// <summary>How many topics are remembered of a peer. Those above are ignored, and count against it.</summary>
    public int MaxTopicsPerPeer { get; init; } = 128;

    /// <summary>How many topics are published to that are not subscribed to.</summary>
    public int MaxFanoutTopics { get; init; } = 64;

    /// <summary>The longest content of a message, in bytes.</summary>
    public int MaxDataLength { get; init; } = 256 * 1024;

    /// <summary>The longest exchange between peers that is read and written, in bytes.</summary>
    public int MaxRpcLength { get; init; } = 1024 * 1024;

    /// <summary>How many subscriptions, messages, and control messages of a kind are in one; more are an offence, and nothing of it is read.</summary>
    public int MaxPartsInRpc { get; init; } = 5_000;

    /// <summary>How many ids are in one; the same.</summary>
    public int MaxIdsInRpc { get; init; } = 20_000;

    /// <summary>How long a message is remembered that it is not taken twice. It cannot be replayed in this time.</summary>
    public TimeSpan SeenLifetime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>So many messages; above, the oldest is forgotten.</summary>
    public int MaxSeen { get; init; } = 100_000;

    /// <summary>How many bytes of messages are kept for who wants them; above, the oldest go.</summary>
    public int MaxCachedBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>How many bytes wait to be sent to a peer. Above, what is least important is dropped: gossip first, then messages of others, then own ones.</summary>
    public int MaxQueuedBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>How many parts wait to be sent to a peer; the same.</summary>
    public int MaxQueuedParts { get; init; } = 4_096;

    /// <summary>How many messages of one peer are judged or wait for it. It is not read further meanwhile.</summary>
    public int MaxJudgedPerPeer { get; init; } = 128;

    /// <summary>How many backoffs of a topic are remembered; above, those go first that end first.</summary>
    public int MaxBackoffs { get; init; } = 4_096;

    /// <summary>How many keys of authors are kept ready.</summary>
    public int MaxAuthorKeys { get; init; } = 1_024;

    /// <summary>How long a peer may take to read what is sent to it; after that the stream is opened anew.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A stream that was lost is opened anew after so long, twice as long each time.</summary>
    public TimeSpan ReopenDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest of these waits.</summary>
    public TimeSpan MaxReopenDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether peers at loopback and private addresses may be as many as they like. False for a node of the public network.</summary>
    public bool AllowsPrivateAddresses { get; init; } = true;

    /// <summary>What a message is known by, such as a hash of its content; null for its author and number. All nodes of a topic have to agree in it.</summary>
    /// <remarks>It must say the same of the same message always, within <see cref="MaxIdLength"/>, and must not fail: it is asked before the signature is checked.</remarks>
    public Func<GossipMessage, MessageId>? IdOf { get; init; }

    public ScoreOptions Score { get; init; } = new();

    /// <exception cref="ArgumentException">Two of them do not fit together, or one makes no sense.</exception>
    public void Validate()
    {
        if (MinMeshSize < 1 || MeshSize < MinMeshSize || MaxMeshSize < MeshSize || MeshBest < 0 || MeshBest > MeshSize)
            throw new ArgumentException("Gossip: D_lo is at least one, D not below it, D_hi not below D, and D_score not above D.");
        if (MinOutbound < 0 || MinOutbound >= MinMeshSize || MinOutbound > MeshSize / 2)
            throw new ArgumentException("Gossip: D_out is below D_lo and at most half of D.");
        if (HistoryGossip < 1 || HistoryLength < HistoryGossip || LazyPeers < 0 || GossipFactor is < 0 or > 1 || GossipRetransmissions < 1)
            throw new ArgumentException("Gossip: the history is not shorter than what is told of it, and the factor is from 0 to 1.");
        // Signature, key, author and topic beside the content, and the length in front.
        if (MaxDataLength < 1 || MaxDataLength + MaxTopicLength * 3 + 4_096 > MaxRpcLength || MaxQueuedBytes < MaxRpcLength || MaxCachedBytes < MaxDataLength)
            throw new ArgumentException($"Gossip: a message ({MaxDataLength} bytes) has to fit into an exchange ({MaxRpcLength} bytes) and into the cache, and an exchange into what may wait ({MaxQueuedBytes} bytes).");
        int[] numbers =
        [
            MaxIHaveMessages, MaxIdsPerHeartbeat, MaxWantedBytes, MaxIdLength, MaxTopicLength, MaxTopics, MaxTopicsPerPeer, MaxFanoutTopics, MaxPartsInRpc, MaxIdsInRpc, MaxSeen,
            MaxQueuedParts, MaxJudgedPerPeer, MaxBackoffs, MaxAuthorKeys, OpportunisticGraftTicks, OpportunisticGraftPeers,
        ];
        TimeSpan[] times = [HeartbeatInterval, FanoutLifetime, PruneBackoff, UnsubscribeBackoff, MaxBackoff, PromiseTimeout, SeenLifetime, SendTimeout, ReopenDelay, MaxReopenDelay];
        if (Array.Exists(numbers, number => number < 1) || Array.Exists(times, time => time <= TimeSpan.Zero || time > TimeSpan.FromDays(1)))
            throw new ArgumentException("Gossip: all limits are above zero, and all times between zero and a day.");
        Score.Validate();
    }
}
