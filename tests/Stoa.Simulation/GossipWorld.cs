using System.Text;
using Stoa.Network.Addressing;
using Stoa.Network.Gossip;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Nodes that publish and subscribe, in one thread on virtual time.</summary>
internal sealed class GossipWorld
{
    public const string Topic = "/stoa-test/topic/1";

    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly GossipOptions _options;
    private readonly Random _random;
    private int _lastMessage;

    public GossipWorld(int seed, NetworkConditions? conditions = null, GossipOptions? options = null)
    {
        World = new World(seed);
        Network = new SimulatedNetwork(World, conditions ?? new NetworkConditions());
        _options = options ?? new GossipOptions();
        _random = World.RandomOf(1_000_000);
    }

    public World World { get; }

    public SimulatedNetwork Network { get; }

    public List<GossipNode> Nodes { get; } = [];

    /// <summary>Starts nodes, each of which dials some that are there.</summary>
    public async Task StartAsync(int count, int degree)
    {
        for (var number = 0; number < count; number++)
        {
            var node = await StartAsync();
            foreach (var other in Choose(Nodes.Where(other => other != node), degree))
                await DialAsync(node, other);
        }

        await PassAsync(5);
    }

    /// <summary>Starts one that dials nobody.</summary>
    public async Task<GossipNode> StartAsync()
    {
        var host = await StartHostAsync();
        var router = new GossipRouter(host.Host, _options);
        var node = new GossipNode(host.Node, host.Host, router);
        node.Subscription = router.Subscribe(Topic, new TopicOptions { Validator = GossipNode.JudgeAsync, Deliver = node.Hear });
        Nodes.Add(node);
        return node;
    }

    /// <summary>Starts a host that does not speak gossipsub by itself.</summary>
    public async Task<(SimulatedNode Node, Host Host)> StartHostAsync()
    {
        var key = PrivateKey.Generate();
        var node = Network.AddNode(key.PublicKey.ToProtobuf());
        var host = new Host(key, [node], new HostOptions(), World.Time, World.RandomOf(node.Number));
        IdentifyProtocol.Serve(host);
        await host.ListenAsync(node.Address, s_none);
        return (node, host);
    }

    public List<GossipNode> Choose(IEnumerable<GossipNode> nodes, int count) => [.. nodes.OrderBy(_ => _random.Next()).Take(count)];

    public Task PassAsync(double seconds) => World.PassAsync(TimeSpan.FromSeconds(seconds), s_none);

    /// <summary>Publishes a message that no other is like.</summary>
    public async Task<string> PublishAsync(GossipNode node)
    {
        var text = $"message {++_lastMessage}";
        await node.Router.PublishAsync(Topic, Encoding.UTF8.GetBytes(text), s_none);
        node.Published.Add(text);
        return text;
    }

    /// <summary>Publishes at nodes chosen by chance, some in each second.</summary>
    public async Task<List<string>> PublishManyAsync(IReadOnlyList<GossipNode> nodes, int count, double perSecond)
    {
        var texts = new List<string>();
        for (var number = 0; number < count; number++)
        {
            texts.Add(await PublishAsync(nodes[_random.Next(nodes.Count)]));
            await PassAsync(1 / perSecond);
        }

        return texts;
    }

    /// <summary>Looks after connections as a node does that knows some others: who has few dials.</summary>
    public async Task KeepConnectedAsync(int degree, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            foreach (var node in Nodes.Where(node => node.Node.IsUp && node.Host.ConnectedPeers.Count < degree).ToList())
            {
                foreach (var other in Choose(Nodes.Where(other => other != node && other.Node.IsUp), degree - node.Host.ConnectedPeers.Count))
                    _ = DialAsync(node, other);
            }

            await PassAsync(2);
        }
    }

    /// <summary>Which nodes lack which of some messages, or have one twice.</summary>
    public static List<string> Faults(IEnumerable<GossipNode> nodes, IReadOnlyList<string> texts) =>
    [
        .. from node in nodes
           from text in texts
           let count = node.Heard.Count(heard => heard == text) + (node.Published.Contains(text) ? 1 : 0)
           where count != 1
           select $"{node.Node} has '{text}' {count} times",
    ];

    public static async Task DialAsync(GossipNode node, GossipNode other)
    {
        try
        {
            await node.Host.ConnectAsync(other.Address, s_none);
        }
        catch (Exception e) when (e is ConnectException or ObjectDisposedException)
        {
            // Another time.
        }
    }
}

/// <summary>A node that takes all but what begins with "bad".</summary>
internal sealed class GossipNode(SimulatedNode node, Host host, GossipRouter router)
{
    public SimulatedNode Node => node;

    public Host Host => host;

    public GossipRouter Router => router;

    public IAsyncDisposable Subscription { get; set; } = null!;

    public PeerAddress Address => new(host.Id, host.Addresses);

    public List<string> Heard { get; } = [];

    public HashSet<string> Published { get; } = [];

    public int Mesh => router.GetPeers(GossipWorld.Topic).Count(peer => peer.IsInMesh);

    /// <summary>When each of what it heard came.</summary>
    public List<DateTimeOffset> HeardAt { get; } = [];

    public void Hear(GossipMessage message)
    {
        Heard.Add(Encoding.UTF8.GetString(message.Data.Span));
        HeardAt.Add(host.Time.GetUtcNow());
    }

    public static ValueTask<IReadOnlyList<GossipVerdict>> JudgeAsync(IReadOnlyList<GossipMessage> messages, CancellationToken cancellationToken) =>
        new([.. messages.Select(message => message.Data.Span.StartsWith("bad"u8) ? GossipVerdict.Reject : GossipVerdict.Accept)]);
}
