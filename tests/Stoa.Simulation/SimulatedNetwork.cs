using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Nodes and the ways between them: latency, loss, partitions and death, all by the world's seed.</summary>
public sealed class SimulatedNetwork
{
    private readonly List<SimulatedNode> _nodes = [];
    private readonly Dictionary<long, Link> _links = [];
    private readonly ulong _latencySeed;
    private long _lastLink;
    private int _lastSide;

    public SimulatedNetwork(World world, NetworkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(conditions);
        (World, Conditions) = (world, conditions);
        Random = world.RandomOf(1);
        _latencySeed = (ulong)Random.NextInt64();
    }

    /// <summary>What it happens in.</summary>
    public World World { get; }

    /// <summary>How good it is; may change at any time, for what is sent from then on.</summary>
    public NetworkConditions Conditions { get; set; }

    /// <summary>All nodes, the dead ones too; the first has number 1.</summary>
    public IReadOnlyList<SimulatedNode> Nodes => _nodes;

    /// <summary>How many pieces of data have arrived on streams.</summary>
    public long Messages { get; internal set; }

    internal Random Random { get; }

    /// <summary>Adds a node with a made-up Ed25519 key: an identity that costs nothing and can sign nothing.</summary>
    public SimulatedNode AddNode()
    {
        // libp2p's PublicKey message: type 1 (Ed25519), 32 bytes.
        byte[] key = [0x08, 0x01, 0x12, 0x20, .. new byte[32]];
        Random.NextBytes(key.AsSpan(4));
        return AddNode(key);
    }

    /// <summary>Adds a node with a key of its own.</summary>
    /// <param name="encodedKey">As libp2p's PublicKey message.</param>
    public SimulatedNode AddNode(ReadOnlyMemory<byte> encodedKey)
    {
        var node = new SimulatedNode(this, _nodes.Count + 1, PeerId.FromEncodedPublicKey(encodedKey.Span), encodedKey);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Cuts a set of nodes off from all others; among themselves they stay connected. Nobody is told.</summary>
    public void Partition(IEnumerable<SimulatedNode> side)
    {
        ArgumentNullException.ThrowIfNull(side);
        _lastSide++;
        foreach (var node in side)
            node.Side = _lastSide;
        foreach (var link in _links.Values)
            link.OnPathChanged();
    }

    /// <summary>Ends all partitions. What was on its way for less than <see cref="NetworkConditions.StallTimeout"/> arrives.</summary>
    public void Heal()
    {
        foreach (var node in _nodes)
            node.Side = 0;
        foreach (var link in _links.Values)
            link.OnPathChanged();
    }

    /// <summary>How long a message is on its way between two nodes, without jitter; the same both ways.</summary>
    public TimeSpan Latency(SimulatedNode one, SimulatedNode other)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(other);
        var (low, high) = one.Number < other.Number ? (one.Number, other.Number) : (other.Number, one.Number);
        var mixed = (_latencySeed ^ ((ulong)(uint)low << 32 | (uint)high)) * 0x9e3779b97f4a7c15;
        mixed = (mixed ^ mixed >> 31) * 0xbf58476d1ce4e5b9;
        var part = (mixed >> 11) * (1.0 / (1UL << 53));
        return Conditions.MinLatency + (Conditions.MaxLatency - Conditions.MinLatency) * part;
    }

    internal TimeSpan DrawLatency(SimulatedNode from, SimulatedNode to) => Latency(from, to) * (1 + Conditions.Jitter * Random.NextDouble());

    /// <summary>When a message of some length that is sent now arrives.</summary>
    internal long ArrivalOf(SimulatedNode from, SimulatedNode to, int length)
    {
        var sent = World.Now;
        if (Conditions.BytesPerSecond is { } speed)
        {
            sent = Math.Max(sent, from.SendingUntil) + (long)(length / speed * TimeSpan.TicksPerSecond);
            from.SendingUntil = sent;
        }

        return sent + DrawLatency(from, to).Ticks;
    }

    internal Link Connect(SimulatedNode dialer, SimulatedNode listener)
    {
        var link = new Link(this, ++_lastLink, dialer, listener);
        _links.Add(link.Number, link);
        dialer.Links.Add(link.Number, link);
        listener.Links.TryAdd(link.Number, link);
        return link;
    }

    internal void Forget(Link link)
    {
        _links.Remove(link.Number);
        link.Dialer.Node.Links.Remove(link.Number);
        link.Listener.Node.Links.Remove(link.Number);
    }
}
