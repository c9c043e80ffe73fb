using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Finds peers, and what peers keep and provide, in a network without a centre: the distributed hash table of libp2p, kad-dht.</summary>
/// <remarks>
/// Maymounkov and Mazières, Kademlia, 2002; specs/kad-dht of libp2p. A key is any bytes; it lies in the space of peers by its SHA-256. What others say is
/// checked where it can be: values by <see cref="KademliaOptions.Validators"/>, providers by who they are. Safe for use by many threads.
/// </remarks>
public sealed partial class Kademlia : IAsyncDisposable
{
    private readonly Host _host;
    private readonly KademliaOptions _options;
    private readonly IRecordStore _store;
    private readonly RoutingTable _table;
    private readonly Messenger _messenger;
    private readonly TableUpkeep _upkeep;
    private readonly RecordValidators _validators;
    private readonly ProviderSweep _sweep;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _provided = [];
    private readonly Dictionary<string, (ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value)> _put = [];
    private readonly BackgroundTasks _background = new();
    private readonly CancellationTokenSource _stop = new();
    private LookupReport _report = LookupReport.None;

    /// <summary>Takes part from now on, with whoever comes; <see cref="BootstrapAsync"/> goes to others.</summary>
    /// <param name="host">What carries it. Disposed by whoever made it, after this.</param>
    /// <param name="options">How.</param>
    /// <param name="store">What is kept for others.</param>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    public Kademlia(Host host, KademliaOptions options, IRecordStore store)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        options.Validate();
        (_host, _options, _store) = (host, options, store);
        _table = new RoutingTable(host.Id, options, host.Time);
        _messenger = new Messenger(host, options);
        _upkeep = new TableUpkeep(host, _table, _messenger, options);
        _validators = new RecordValidators(options.Validators);
        _sweep = new ProviderSweep(host.Id, options, FindClosestAsync, host.Choose, _messenger.TellAsync);
        if (!options.IsClient)
        {
            var server = new KademliaServer(host.Id, _table, store, _upkeep.OwnAddressesOf, _upkeep.RecordOf, host.IsConnected, options, host.Time);
            host.Handle(options.Protocol, server.ServeAsync, KademliaServer.Limits);
        }

        if (options.RefreshInterval > TimeSpan.Zero)
            _background.Add(RefreshRegularlyAsync());
        _background.Add(RepublishRegularlyAsync());
    }

    /// <summary>How many peers are in the routing table.</summary>
    public int TableSize => _table.Count;

    /// <summary>What all lookups so far took.</summary>
    public LookupReport Report
    {
        get
        {
            lock (_lock)
                return _report;
        }
    }

    internal RoutingTable Table => _table;

    /// <summary>Finds where a peer is: as it is known here, or as those near to it say.</summary>
    /// <returns>Null when nobody knows.</returns>
    public async Task<PeerAddress?> FindPeerAsync(PeerId peer, CancellationToken cancellationToken)
    {
        if (_host.IsConnected(peer))
            return new PeerAddress(peer, _host.Peers.AddressesOf(peer));
        PeerAddress? found = null;
        var result = await LookUpAsync(
            Wire.MessageType.FindNode,
            peer.ToBytes(),
            (from, answer) => (found = answer.Closer.FirstOrDefault(closer => closer.Peer == peer && closer.Addresses.Count > 0 && IsTrue(closer, from.Peer))) is not null,
            cancellationToken);
        return found ?? result.Closest.FirstOrDefault(closest => closest.Peer == peer);
    }

    /// <summary>The k peers nearest to a key of those that answer, the nearest first. This node is not among them.</summary>
    public async Task<IReadOnlyList<PeerAddress>> FindClosestAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        (await LookUpAsync(Wire.MessageType.FindNode, key, null, cancellationToken)).Closest;

    /// <summary>Joins the network by way of <see cref="KademliaOptions.BootstrapPeers"/> and whoever is known: finds the neighbours, then some of each distance.</summary>
    /// <exception cref="IOException">Nobody answers.</exception>
    public async Task BootstrapAsync(CancellationToken cancellationToken)
    {
        var neighbours = await FindClosestAsync(_host.Id.ToBytes(), cancellationToken);
        if (neighbours.Count == 0)
            throw new IOException("Nobody of the network answers: neither the bootstrap peers nor whoever is known.");
        await RefreshAsync(TimeSpan.Zero, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_options.IsClient)
            _host.Unhandle(_options.Protocol);
        _stop.Cancel();
        await _upkeep.DisposeAsync();
        await _background.EndAsync();
        _stop.Dispose();
    }

    private async Task<LookupResult> LookUpAsync(
        Wire.MessageType type, ReadOnlyMemory<byte> key, Func<PeerAddress, Answer, bool>? isEnough, CancellationToken cancellationToken)
    {
        if (key.Length is 0 || key.Length > _options.MaxKeyLength)
            throw new ArgumentException($"A key has 1 to {_options.MaxKeyLength} bytes, not {key.Length}.", nameof(key));
        var target = KademliaKey.Of(key.Span);
        _table.Touch(target);
        var request = new Wire.Message { Type = type, Key = ByteString.CopyFrom(key.Span) };
        // The own neighbours are looked for at each refresh: bootstrap peers know whoever lost this node, and networks that fell apart come together by them.
        IEnumerable<PeerAddress> always = target == _table.Key ? _options.BootstrapPeers.Where(peer => peer.Peer != _host.Id) : [];
        var result = await new Lookup(target, _host.Id, _options, _messenger, _host.Time).RunAsync(StartOf(target), always, request, isEnough, cancellationToken);
        lock (_lock)
            _report = _report.Plus(result.Report);
        return result;
    }

    /// <summary>Whom to ask first: the nearest that answer, or else whoever is known.</summary>
    private List<PeerAddress> StartOf(KademliaKey target)
    {
        var near = _table.Closest(target, _options.BucketSize, withSuspects: false).Where(peer => !_messenger.IsAbsent(peer.Peer)).Select(_upkeep.AddressOf).ToList();
        // With few to ask, those that may be back are asked as well.
        if (near.Count < _options.Concurrency)
            near.AddRange(_table.Closest(target, _options.BucketSize, withSuspects: true).Where(peer => !near.Exists(other => other.Peer == peer.Peer)).Select(_upkeep.AddressOf));
        if (near.Count < _options.Concurrency)
            near.AddRange(_options.BootstrapPeers.Where(peer => peer.Peer != _host.Id && !near.Exists(other => other.Peer == peer.Peer)));
        return near;
    }

    /// <summary>Whether what a peer has signed of where it is holds, or nothing signed was told. Who passes on what does not hold offends.</summary>
    private bool IsTrue(PeerAddress told, PeerId teller)
    {
        if (_messenger.Note(told))
            return true;
        _host.Offend(teller);
        return false;
    }

    private async Task RefreshAsync(TimeSpan unusedFor, CancellationToken cancellationToken)
    {
        foreach (var index in _table.StaleBuckets(unusedFor))
            await FindClosestAsync(Preimages.Find(_host.Choose, key => key.CommonPrefixLength(_table.Key) == index), cancellationToken);
    }

    private async Task RefreshRegularlyAsync()
    {
        while (true)
        {
            // Not all nodes at once.
            await Task.Delay(_options.RefreshInterval * (0.75 + (_host.Choose(500) / 1_000.0)), _host.Time, _stop.Token);
            _table.Expire();
            _upkeep.PingSuspects();
            await FindClosestAsync(_host.Id.ToBytes(), _stop.Token);
            await RefreshAsync(_options.RefreshInterval, _stop.Token);
        }
    }
}
