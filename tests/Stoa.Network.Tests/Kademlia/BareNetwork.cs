using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;
using Stoa.Network.Kademlia.Wire;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>Nodes without hosts: tables, servers and lookups as they are, and what carries messages is a method. So there can be ten thousand.</summary>
/// <remarks>The tables are what they are after long enough: of each distance as many peers as fit, whichever. A table is made when it is first needed.</remarks>
internal sealed class BareNetwork
{
    private readonly VirtualWorld _world;
    private readonly KademliaOptions _options;
    private readonly Random _random;
    private readonly Dictionary<PeerId, Node> _byPeer = [];
    private readonly List<Node> _byKey;

    public BareNetwork(VirtualWorld world, int count, KademliaOptions options, Random random)
    {
        (_world, _options, _random) = (world, options, random);
        for (var index = 0; index < count; index++)
            Add(Peers.Any(random), Peers.At(1 + (index % 200), index / 200));
        _byKey = [.. _byPeer.Values.OrderBy(node => node.Key)];
    }

    public IReadOnlyList<Node> Nodes => _byKey;

    /// <summary>Adds one that the others do not know yet.</summary>
    public Node Add(PeerId peer, Multiaddr address)
    {
        var node = new Node(this, peer, address);
        _byPeer.Add(peer, node);
        return node;
    }

    /// <summary>The nearest of all that are alive.</summary>
    public IReadOnlyList<PeerId> Nearest(KademliaKey target, PeerId except) =>
        [.. _byKey.Where(node => !node.IsDead && node.Peer != except).OrderBy(node => node.Key.DistanceTo(target)).Take(_options.BucketSize).Select(node => node.Peer)];

    private void Fill(RoutingTable table, KademliaKey key)
    {
        // In the order of the keys, the nodes of a bucket are next to each other.
        var (low, high) = (0, _byKey.Count);
        for (var bit = 0; high - low > 1 && bit < KademliaKey.Bits; bit++)
        {
            var middle = low;
            var upper = high;
            while (middle < upper)
            {
                var probe = (middle + upper) / 2;
                if (BitOf(_byKey[probe].Key, bit))
                    upper = probe;
                else
                    middle = probe + 1;
            }

            var isUpper = BitOf(key, bit);
            var (start, end) = isUpper ? (low, middle) : (middle, high);
            (low, high) = isUpper ? (middle, high) : (low, middle);
            if (end - start <= _options.BucketSize)
            {
                for (var index = start; index < end; index++)
                    table.Add(_byKey[index].Peer, _byKey[index].Address);
                continue;
            }

            for (var number = 0; number < _options.BucketSize; number++)
            {
                var node = _byKey[start + _random.Next(end - start)];
                table.Add(node.Peer, node.Address);
            }
        }
    }

    private static bool BitOf(KademliaKey key, int bit) => ((bit < 128 ? key.High >> (127 - bit) : key.Low >> (255 - bit)) & 1) == 1;

    internal sealed class Node(BareNetwork network, PeerId peer, Multiaddr address) : IMessenger
    {
        private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(450);

        private RoutingTable? _table;
        private KademliaServer? _server;

        public PeerId Peer => peer;

        public KademliaKey Key { get; } = KademliaKey.Of(peer);

        public Multiaddr Address => address;

        public bool IsDead { get; set; }

        /// <summary>What it answers in place of what is so; null for one that is honest.</summary>
        public Func<Message, Message>? Lie { get; set; }

        public MemoryRecordStore Store { get; } = new(new RecordStoreOptions(), network._world);

        public RoutingTable Table
        {
            get
            {
                if (_table is not null)
                    return _table;
                _table = new RoutingTable(peer, network._options, network._world);
                network.Fill(_table, Key);
                return _table;
            }
        }

        public Task<LookupResult> LookUpAsync(ReadOnlyMemory<byte> key, MessageType type = MessageType.FindNode, Func<PeerAddress, Answer, bool>? isEnough = null)
        {
            var target = KademliaKey.Of(key.Span);
            var start = Table.Closest(target, network._options.BucketSize, withSuspects: false).Select(entry => new PeerAddress(entry.Peer, [entry.ReachedAt]));
            return new Lookup(target, peer, network._options, this, network._world)
                .RunAsync(start, [], new Message { Type = type, Key = Google.Protobuf.ByteString.CopyFrom(key.Span) }, isEnough, CancellationToken.None);
        }

        public async Task<Answer?> AskAsync(PeerAddress other, Message request, CancellationToken cancellationToken)
        {
            var node = network._byPeer.GetValueOrDefault(other.Peer);
            if (node is null || node.IsDead || !other.Addresses.Contains(node.Address))
            {
                await Task.Delay(s_limit, network._world, cancellationToken);
                return null;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20 + network._random.Next(130)), network._world, cancellationToken);
            var message = node.Lie?.Invoke(request) ?? (await node.AnswerAsync(this, request))!;
            return new Answer(message, PeerCodec.Read(message.CloserPeers, network._options), node.Address);
        }

        public TimeSpan PatienceFor(PeerId other) => TimeSpan.FromMilliseconds(150);

        public bool IsAbsent(PeerId other) => false;

        private ValueTask<Message?> AnswerAsync(Node asker, Message request)
        {
            _server ??= new KademliaServer(peer, Table, Store, _ => [], _ => null, _ => false, network._options, network._world);
            return _server.AnswerAsync(asker.Peer, asker.Address, request, CancellationToken.None);
        }
    }
}
