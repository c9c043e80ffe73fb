using Stoa.Network.Addressing;

namespace Stoa.Network.Kademlia;

/// <summary>How a node takes part in the distributed hash table.</summary>
public sealed record KademliaOptions
{
    /// <summary>Of the network of Stoa.</summary>
    public const string StoaProtocol = "/stoa/kad/1.0.0";

    /// <summary>Of the public network of IPFS.</summary>
    public const string IpfsProtocol = "/ipfs/kad/1.0.0";

    /// <summary>What is spoken; nodes of one name form one table.</summary>
    public string Protocol { get; init; } = StoaProtocol;

    /// <summary>Whether this node only asks: for those that others cannot reach or that do not stay.</summary>
    public bool IsClient { get; init; }

    /// <summary>k: how many peers are in a bucket, in an answer, and keep a record.</summary>
    public int BucketSize { get; init; } = 20;

    /// <summary>α: how many peers a lookup asks at once on its way.</summary>
    public int Concurrency { get; init; } = 3;

    /// <summary>d: how many ways a lookup goes that share no peer (Baumgart, Mies: S/Kademlia, 2007).</summary>
    public int DisjointPaths { get; init; } = 3;

    /// <summary>How many peers wait beside a bucket that is full.</summary>
    public int ReplacementCacheSize { get; init; } = 10;

    /// <summary>How many peers of one network (see <see cref="AddressNetwork"/>) are in a bucket.</summary>
    public int MaxPerNetworkInBucket { get; init; } = 2;

    /// <summary>The same of the whole table.</summary>
    public int MaxPerNetworkInTable { get; init; } = 10;

    /// <summary>How many peers of one network a lookup asks, so that those cannot be all who keep a record.</summary>
    public int MaxPerNetworkInLookup { get; init; } = 3;

    /// <summary>Whether loopback and private addresses are taken from others and have no limit. False for a node of the public network.</summary>
    public bool AllowsPrivateAddresses { get; init; } = true;

    /// <summary>How long a peer may be silent until it is asked whether it is there when another wants its place.</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A peer that does not answer is forgotten after so long, when no other wants its place before.</summary>
    public TimeSpan MaxAbsence { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a peer that did not answer is left alone.</summary>
    public TimeSpan AbsenceMemory { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How often the table is looked after; a bucket that had no lookup for so long is refreshed. Zero for never.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long an answer is waited for at most. What was measured usually says less.</summary>
    public TimeSpan MaxRequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer is waited for until the next peer is asked beside it, before anything was measured.</summary>
    public TimeSpan InitialPatience { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest message that is read, in bytes.</summary>
    public int MaxMessageLength { get; init; } = 256 * 1_024;

    /// <summary>The longest key of a record, in bytes.</summary>
    public int MaxKeyLength { get; init; } = 256;

    /// <summary>The longest value, in bytes.</summary>
    public int MaxValueLength { get; init; } = 16 * 1_024;

    /// <summary>How many addresses of a peer are sent and taken.</summary>
    public int MaxAddresses { get; init; } = 8;

    /// <summary>The longest signed record of a peer that is passed on and taken, in bytes.</summary>
    public int MaxRecordLength { get; init; } = 2_048;

    /// <summary>How many providers an answer has.</summary>
    public int MaxProvidersInAnswer { get; init; } = 20;

    /// <summary>How many messages one stream carries.</summary>
    public int MaxMessagesPerStream { get; init; } = 128;

    /// <summary>So many answers with a valid record are enough to read a value.</summary>
    public int ReadQuorum { get; init; } = 3;

    /// <summary>How often own values and own provider records are sent out again.</summary>
    public TimeSpan RepublishInterval { get; init; } = TimeSpan.FromHours(12);

    /// <summary>Who judges values, by the first word of their keys: <c>pk</c> for <c>/pk/…</c>. Values of other words are refused.</summary>
    public IReadOnlyDictionary<string, IRecordValidator> Validators { get; init; } = new Dictionary<string, IRecordValidator> { ["pk"] = new PublicKeyValidator() };

    /// <summary>Whom to ask when nobody is known. They are asked again at each refresh, so that a network that fell apart comes together.</summary>
    public IReadOnlyList<PeerAddress> BootstrapPeers { get; init; } = [];

    /// <exception cref="ArgumentException">Two of them do not fit together, or one makes no sense.</exception>
    public void Validate()
    {
        if (BucketSize < 1 || Concurrency < 1 || DisjointPaths < 1 || DisjointPaths > BucketSize || ReplacementCacheSize < 0)
            throw new ArgumentException($"Kademlia: BucketSize, Concurrency and DisjointPaths are at least one, and there are no more paths ({DisjointPaths}) than peers in a bucket ({BucketSize}).");
        if (MaxPerNetworkInBucket < 1 || MaxPerNetworkInTable < MaxPerNetworkInBucket || MaxPerNetworkInLookup < 1)
            throw new ArgumentException("Kademlia: of each network at least one peer is taken, and no more in a bucket than in the table.");
        if (MaxValueLength + MaxKeyLength + 1_024 > MaxMessageLength)
            throw new ArgumentException($"Kademlia: a record ({MaxKeyLength} and {MaxValueLength} bytes) has to fit into a message ({MaxMessageLength} bytes).");
        // The longest that a timer takes.
        if (RepublishInterval.TotalMilliseconds >= uint.MaxValue || RefreshInterval.TotalMilliseconds >= uint.MaxValue / 2)
            throw new ArgumentException("Kademlia: the intervals are shorter than 49 days, and that of refreshing than 24.");
        if (MaxRequestTimeout <= TimeSpan.Zero || InitialPatience <= TimeSpan.Zero || RepublishInterval <= TimeSpan.Zero || MaxMessagesPerStream < 1 || ReadQuorum < 1)
            throw new ArgumentException("Kademlia: times, the quorum and the number of messages of a stream are above zero.");
    }
}
