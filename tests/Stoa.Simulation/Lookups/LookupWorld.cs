using System.Text;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Kademlia;
using Dht = Stoa.Network.Kademlia.Kademlia;

namespace Stoa.Simulation.Lookups;

/// <summary>Nodes with a distributed hash table, in one thread on virtual time, of which some come, go, and die without a word.</summary>
internal sealed class LookupWorld
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly int _seed;
    private readonly KademliaOptions _options;
    private readonly Random _random;
    private readonly List<StoredRecord> _records = [];

    public LookupWorld(int seed, KademliaOptions? options = null)
    {
        (_seed, _options) = (seed, options ?? new KademliaOptions { RepublishInterval = TimeSpan.FromMinutes(30) });
        World = new World(seed);
        Network = new SimulatedNetwork(World, new NetworkConditions());
        _random = World.RandomOf(6_000_000);
        Pace = new Pace(World, seed);
    }

    public World World { get; }

    public SimulatedNetwork Network { get; }

    public List<LookupNode> Nodes { get; } = [];

    public Pace Pace { get; }

    /// <summary>All that was stored and is kept up by who has stored it.</summary>
    public IReadOnlyList<StoredRecord> Records => _records;

    /// <summary>What all tables have, and how many messages all lookups took.</summary>
    public string History => string.Join('\n', Nodes.Select(node => $"{node.Node} {node.Node.IsUp} {node.Dht.Report} {node.Dht.TableSize}"));

    public void Run(Func<LookupWorld, Task> act) => World.Run(
        async () =>
        {
            await act(this);
            foreach (var node in Nodes)
                await node.Dht.DisposeAsync();
        },
        TimeSpan.FromDays(1));

    public Task PassAsync(TimeSpan time) => World.PassAsync(time, s_none);

    /// <summary>Starts a node that joins by one that lives.</summary>
    public async Task<LookupNode> JoinAsync()
    {
        var key = SeededKeys.Of(_seed, 20_000 + Nodes.Count);
        var node = Network.AddNode(key.PublicKey.ToProtobuf());
        var host = new Host(key, [node], new HostOptions(), World.Time, World.RandomOf(node.Number));
        IdentifyProtocol.Serve(host);
        await host.ListenAsync(node.Address, s_none);
        var living = Living();
        PeerAddress[] known = living.Count == 0 ? [] : [living[_random.Next(living.Count)].Address];
        var store = new MemoryRecordStore(new RecordStoreOptions(), World.Time);
        var joined = new LookupNode(node, host, new Dht(host, _options with { BootstrapPeers = known }, store), store);
        if (known.Length > 0)
            await joined.Dht.BootstrapAsync(s_none);
        Nodes.Add(joined);
        return joined;
    }

    /// <summary>Stores that a node provides something, and the node's own key under its name.</summary>
    public async Task StoreAsync(LookupNode node)
    {
        var key = Encoding.UTF8.GetBytes($"what {node.Node} provides");
        await node.Dht.ProvideAsync(key, s_none);
        var own = PublicKeyValidator.KeyOf(node.Host.Id);
        await node.Dht.PutValueAsync(own, node.Host.Key.PublicKey.ToProtobuf(), s_none);
        _records.Add(new StoredRecord(node, key, own));
    }

    /// <summary>Nodes go, every second one without a word, and others come; who has stored something stays.</summary>
    public async Task ChurnAsync(int count, TimeSpan every)
    {
        for (var number = 0; number < count; number++)
        {
            await PassAsync(every);
            Leaving().Node.Die(isSilent: number % 2 == 0);
            await JoinAsync();
        }
    }

    /// <summary>A part of those who live die at once, without a word; who has stored something lives on.</summary>
    public void Kill(double part)
    {
        for (var left = (int)(Living().Count * part); left > 0; left--)
            Leaving().Node.Die(isSilent: true);
    }

    public List<LookupNode> Living() => [.. Nodes.Where(node => node.Node.IsUp)];

    /// <summary>Looks everything up from some nodes each.</summary>
    /// <returns>What was not found, and from where.</returns>
    public async Task<List<string>> NotFoundAsync(int askers)
    {
        var missing = new List<string>();
        foreach (var record in _records)
        {
            var others = Living().Where(node => node != record.Provider).ToList();
            for (var asker = 0; asker < askers; asker++)
            {
                var node = others[_random.Next(others.Count)];
                if (!await FindsProviderAsync(node, record))
                    missing.Add($"{node.Node} does not find who provides '{Encoding.UTF8.GetString(record.Key)}'");
                if (await node.Dht.GetValueAsync(record.ValueKey, s_none) is not { } value || !value.Span.SequenceEqual(record.Provider.Host.Key.PublicKey.ToProtobuf()))
                    missing.Add($"{node.Node} does not find the key of {record.Provider.Node}");
            }
        }

        return missing;
    }

    private static async Task<bool> FindsProviderAsync(LookupNode node, StoredRecord record)
    {
        await foreach (var provider in node.Dht.FindProvidersAsync(record.Key, s_none))
        {
            if (provider.Peer == record.Provider.Host.Id)
                return true;
        }

        return false;
    }

    private LookupNode Leaving()
    {
        var leaving = Living().Where(node => !_records.Exists(record => record.Provider == node)).ToList();
        return leaving[_random.Next(leaving.Count)];
    }
}

/// <summary>A node with its table and what it keeps for others.</summary>
internal sealed record LookupNode(SimulatedNode Node, Host Host, Dht Dht, MemoryRecordStore Store)
{
    public PeerAddress Address => new(Host.Id, Host.Addresses);
}

/// <summary>What a node has stored.</summary>
/// <param name="Provider">Who has.</param>
/// <param name="Key">Of which it is said to be a provider.</param>
/// <param name="ValueKey">Under which its public key is.</param>
internal sealed record StoredRecord(LookupNode Provider, byte[] Key, byte[] ValueKey);
