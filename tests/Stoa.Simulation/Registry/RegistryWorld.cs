using System.Globalization;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>Nodes that say things to the registry and tell each other, in one thread on virtual time, while clocks are wrong, nodes crash and the network does what networks do.</summary>
/// <remarks>
/// The node's own code: hosts, gossipsub, sessions and their schedule and pace, intake, following, merging, admission, statements and signatures. The simulator's: the network, the clocks, and the disk in place of the
/// database, which decides by the same <see cref="StatementBatch"/>; and a statement is opened once for all nodes (<see cref="OpenedStatements"/>). Offers, which are over at a time by each node's own clock, are said where a test says them. What is not here: the searchable catalogue, and cells of several nodes.
/// Histories are the seed's but for the bytes of signatures, in which there is chance of the system.
/// </remarks>
internal sealed class RegistryWorld
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly int _seed;
    private readonly Random _random;
    private readonly List<(long At, SimulatedNode Node, ContentHash Statement)> _history = [];
    private readonly OpenedStatements _opened = new();
    private readonly List<SimulatedNode> _strangers = [];
    private int _lastKey;
    private int _said;

    public RegistryWorld(int seed, RegistryWorldOptions? options = null)
    {
        (_seed, Options) = (seed, options ?? new RegistryWorldOptions());
        World = new World(seed);
        Network = new SimulatedNetwork(World, new NetworkConditions());
        _random = World.RandomOf(2_000_000);
        Pace = new Pace(World, seed);
    }

    public World World { get; }

    public SimulatedNetwork Network { get; }

    public RegistryWorldOptions Options { get; }

    /// <summary>The honest ones, up or down.</summary>
    public List<RegistryNode> Nodes { get; } = [];

    /// <summary>All that honest nodes have acknowledged, in order.</summary>
    public List<Statement> Acknowledged { get; } = [];

    /// <summary>How fast it runs.</summary>
    public Pace Pace { get; }

    /// <summary>What was kept by whom, and when to a tenth of a microsecond.</summary>
    public string History => string.Join('\n', [.. _history.Select(kept => string.Create(CultureInfo.InvariantCulture, $"{kept.At} {kept.Node} {kept.Statement}")), string.Create(CultureInfo.InvariantCulture, $"{World.Happenings} happenings")]);

    public void Run(Func<RegistryWorld, Task> act) => World.Run(() => act(this), TimeSpan.FromDays(1));

    public Task PassAsync(TimeSpan time) => World.PassAsync(time, s_none);

    /// <summary>A key that nobody has yet.</summary>
    public PrivateKey NewKey() => SeededKeys.Of(_seed, ++_lastKey);

    /// <summary>Starts the honest nodes, each of which dials some that are there. Every second one's publisher is vouched for by all others; the rest are strangers to them.</summary>
    public async Task StartAsync()
    {
        for (var number = 0; number < Options.Nodes; number++)
        {
            var key = NewKey();
            var disk = new StatementDisk(World, Options.Policy, Options.WriteTime) { Lies = Options.LyingDisks };
            var node = new RegistryNode(World, Network.AddNode(key.PublicKey.ToProtobuf()), key, [NewKey()], SkewOf(number), disk, _opened, Options);
            disk.Kept = statement => _history.Add((World.Time.GetTimestamp(), node.Node, statement.Id));
            Nodes.Add(node);
        }

        foreach (var node in Nodes)
        {
            foreach (var known in Nodes.Where((other, number) => other != node && number % 2 == 0))
                node.Disk.Raise(known.Publishers[0].PublicKey.PeerId, SignerStanding.Vouched);
            await node.StartAsync();
        }
    }

    /// <summary>Has all honest nodes vouch for somebody.</summary>
    public void Vouch(PublicKey signer)
    {
        foreach (var node in Nodes)
            node.Disk.Raise(signer.PeerId, SignerStanding.Vouched);
    }

    /// <summary>Adds a host that means no good; whoever looks for peers finds it as well.</summary>
    public async Task<Host> AddStrangerAsync()
    {
        var key = NewKey();
        var node = Network.AddNode(key.PublicKey.ToProtobuf());
        var host = new Host(key, [node], new HostOptions(), World.Time, World.RandomOf(node.Number));
        IdentifyProtocol.Serve(host);
        await host.ListenAsync(node.Address, s_none);
        _strangers.Add(node);
        return host;
    }

    /// <summary>Looks after connections, as nodes do that know some others: who has few dials.</summary>
    public async Task KeepConnectedAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            foreach (var node in Nodes.Where(node => node.IsUp).ToList())
            {
                for (var missing = Options.Degree - node.Host.ConnectedPeers.Count; missing > 0; missing--)
                {
                    var number = _random.Next(Nodes.Count + _strangers.Count);
                    var other = number < Nodes.Count ? Nodes[number].Node : _strangers[number - Nodes.Count];
                    if (other != node.Node)
                        _ = DialAsync(node.Host, other);
                }
            }

            await PassAsync(TimeSpan.FromSeconds(5));
        }
    }

    /// <summary>Has nodes forget what is over, each by its own clock: more often than they do, and not in the same moment.</summary>
    public async Task ForgetOversAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await PassAsync(TimeSpan.FromSeconds(10));
            await Nodes[_random.Next(Nodes.Count)].ForgetOversAsync();
        }
    }

    /// <summary>Publishers say things, about so many a minute altogether.</summary>
    public async Task SayAsync(double perMinute, TimeSpan duration)
    {
        var end = World.Time.GetUtcNow() + duration;
        while (World.Time.GetUtcNow() < end)
        {
            await PassAsync(TimeSpan.FromMinutes(-Math.Log(1 - _random.NextDouble()) / perMinute));
            if (Nodes[_random.Next(Nodes.Count)] is { IsUp: true } node)
                _ = SayAsync(node, Draw());
        }
    }

    /// <summary>Has a node's publisher say something, and notes it when it is acknowledged.</summary>
    public async Task SayAsync(RegistryNode node, StatementContent content) => Note(await node.SayAsync(node.Publishers[0], content));

    /// <summary>Gives a node a statement by hand, and notes it when it is acknowledged.</summary>
    public async Task GiveAsync(RegistryNode node, Statement statement) => Note(await node.GiveAsync(statement));

    /// <summary>Nodes crash, silently or not, and come back after a while; the network falls into two parts and comes together; it loses and changes what goes over it.</summary>
    public async Task FaultsAsync(TimeSpan duration, double crashesPerMinute)
    {
        var end = World.Time.GetUtcNow() + duration;
        Network.Conditions = Options.Faulty;
        var down = new List<Task>();
        var isApart = false;
        while (World.Time.GetUtcNow() < end)
        {
            await PassAsync(TimeSpan.FromMinutes(-Math.Log(1 - _random.NextDouble()) / crashesPerMinute));
            if (_random.Next(6) == 0)
            {
                if (isApart)
                    Network.Heal();
                else
                    Network.Partition(Network.Nodes.Where(_ => _random.Next(3) == 0).ToList());
                isApart = !isApart;
            }

            if (Nodes.Where(node => node.IsUp).ToList() is { Count: > 1 } up)
                down.Add(CrashAsync(up[_random.Next(up.Count)], isSilent: _random.Next(2) == 0, TimeSpan.FromSeconds(_random.Next(1, 90))));
        }

        Network.Heal();
        Network.Conditions = new NetworkConditions();
        await Task.WhenAll(down);
    }

    /// <summary>Crashes a node, and starts it again after a while.</summary>
    public async Task CrashAsync(RegistryNode node, bool isSilent, TimeSpan duration)
    {
        await node.CrashAsync(isSilent);
        await PassAsync(duration);
        await node.RestartAsync();
    }

    /// <summary>Lets time pass until all honest nodes have the same, or no more.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> SettleAsync(TimeSpan atMost)
    {
        var start = World.Time.GetUtcNow();
        while (World.Time.GetUtcNow() - start < atMost && new Convergence(Nodes).Violations().Any())
            await PassAsync(TimeSpan.FromSeconds(15));
        return World.Time.GetUtcNow() - start;
    }

    /// <summary>Eight minutes in which publishers say things while nodes crash and the network falls apart, and then as long as it takes until all have the same.</summary>
    /// <param name="atMost">How long it may take from the last fault on.</param>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> FallApartAsync(TimeSpan atMost)
    {
        var duration = TimeSpan.FromMinutes(8);
        await StartAsync();
        using var stop = new CancellationTokenSource();
        var keeping = KeepConnectedAsync(stop.Token);
        await Task.WhenAll(SayAsync(perMinute: 30, duration), FaultsAsync(duration, crashesPerMinute: 6));
        var took = await SettleAsync(atMost);
        stop.Cancel();
        await keeping;
        return took;
    }

    /// <summary>A version of an agent.</summary>
    public static AgentListing Listing(string name, string version, string description)
    {
        var json =
            $$"""
            { "name": "{{name}}", "version": "{{version}}", "description": "{{description}}", "capabilities": ["text.count"], "program": "main.wasm",
              "input": { "mediaType": "text/plain" }, "output": { "mediaType": "text/plain" },
              "limits": { "fuel": 5000, "memoryBytes": 131072, "timeoutMs": 500, "outputBytes": 2000, "logBytes": 0 },
              "price": { "base": "0.002", "perMegabyte": "0", "perGigafuel": "0" } }
            """;
        var bytes = System.Text.Encoding.UTF8.GetBytes(json);
        return new AgentListing(ManifestReader.Read(bytes).Value, json, ContentHash.Of(bytes), ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(name)), 1_000);
    }

    private void Note(Statement? acknowledged)
    {
        if (acknowledged is not null)
            Acknowledged.Add(acknowledged);
    }

    // Few names, so that much is said anew.
    private StatementContent Draw()
    {
        var (number, name, version) = (++_said, $"agent-{_random.Next(3)}", SemanticVersion.Parse($"1.{_random.Next(3)}.0"));
        return _random.Next(6) switch
        {
            0 => new ProfileStatement($"Publisher {number}", null),
            1 => new DeprecationStatement(name, null, _random.Next(2) == 0, null, $"Reason {number}."),
            2 => new SplitStatement(60 + (number % 30), 35 - (number % 30), 5),
            3 => Listing($"agent-{_random.Next(3)}", $"2.{number}.0", $"Counts words in way {number}."),
            _ => new WithdrawalStatement(name, version, _random.Next(2) == 0, $"Reason {number}."),
        };
    }

    // One in ten is off by more than is borne, ahead or behind; the others by a minute at most.
    private TimeSpan SkewOf(int number) => number % 10 == 9 ? Options.MaxSkew * (number % 20 == 9 ? 1 : -1) : TimeSpan.FromSeconds(_random.Next(-60, 61));

    private static async Task DialAsync(Host host, SimulatedNode other)
    {
        try
        {
            await host.ConnectAsync(new PeerAddress(other.Peer, [other.Address]), s_none);
        }
        catch (Exception e) when (e is ConnectException or ObjectDisposedException or OperationCanceledException)
        {
            // Another time.
        }
    }
}
