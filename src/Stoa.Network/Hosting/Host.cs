using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>A peer of the network: it listens and dials, and protocols are handlers registered by name.</summary>
/// <remarks>Safe for use by many threads. Time and chance are arguments, so that hundreds of hosts can run in one thread on virtual time.</remarks>
public sealed class Host : IAsyncDisposable
{
    private readonly IReadOnlyList<ITransport> _transports;
    private readonly Connections _connections;
    private readonly Dialer _dialer;
    private readonly StreamServer _server;
    private readonly Offences _offences;
    private readonly NetworkMetrics _metrics = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<IListener> _listeners = [];
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();

    public Host(PrivateKey key, IReadOnlyList<ITransport> transports, HostOptions options, TimeProvider time, Random random)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (Key, _transports, Options, Time, Random) = (key, transports, options, time, random);
        Peers = new PeerBook(options, time);
        _connections = new Connections(options, time);
        _offences = new Offences(options, time);
        _dialer = new Dialer(transports, Peers, options, time, _metrics);
        _server = new StreamServer(options, time, _metrics, Offend);
        foreach (var transport in transports.OfType<IHostedTransport>())
            transport.Attach(this);
    }

    /// <summary>Who this host is.</summary>
    public PeerId Id => Key.PublicKey.PeerId;

    /// <summary>What proves it.</summary>
    public PrivateKey Key { get; }

    public HostOptions Options { get; }

    public TimeProvider Time { get; }

    /// <summary>Chance; to be used under its own lock where threads are many: see <see cref="Choose"/>.</summary>
    private Random Random { get; }

    /// <summary>What is known of others.</summary>
    public PeerBook Peers { get; }

    /// <summary>Who there are connections to.</summary>
    public IReadOnlyList<PeerId> ConnectedPeers => _connections.Peers;

    /// <summary>All connections.</summary>
    public IReadOnlyList<IPeerConnection> Connections => _connections.All;

    /// <summary>The protocols that are spoken here, in order.</summary>
    public IReadOnlyList<string> Protocols => _server.Protocols;

    /// <summary>Ends when the host is disposed.</summary>
    public CancellationToken Stopping => _stop.Token;

    /// <summary>Where it is: what is announced by configuration, or else where it listens; and the relays that it is reached through. Without the peer.</summary>
    public IReadOnlyList<Multiaddr> Addresses
    {
        get
        {
            List<Multiaddr> addresses;
            lock (_lock)
                addresses = [.. _listeners.SelectMany(listener => listener.Addresses)];
            return Options.AnnouncedAddresses.Count == 0 ? addresses : [.. Options.AnnouncedAddresses, .. addresses.Where(address => address.IsCircuit)];
        }
    }

    /// <summary>Tells of peers that come, go and say who they are. Called in the order of what happens to a peer; it must not wait.</summary>
    public event Action<PeerId, PeerChangeKind>? Changed;

    /// <summary>Tells that protocols or addresses of this host have changed.</summary>
    internal event Action? SelfChanged;

    /// <summary>Takes connections at an address from now on.</summary>
    /// <returns>The address, with the port that was given when 0 was asked for.</returns>
    /// <exception cref="IOException">It is taken, or no transport speaks it.</exception>
    public async Task<Multiaddr> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        var transport = _transports.FirstOrDefault(transport => transport.CanDial(address))
            ?? throw new IOException($"No transport listens at {address}. TCP does: /ip4/0.0.0.0/tcp/4001.");
        var listener = await transport.ListenAsync(address, cancellationToken);
        lock (_lock)
        {
            _listeners.Add(listener);
            _tasks.Add(AcceptAsync(listener));
        }

        SelfChanged?.Invoke();
        return listener.Address;
    }

    /// <summary>Answers streams of a protocol from now on.</summary>
    /// <exception cref="InvalidOperationException">The protocol has a handler already.</exception>
    public void Handle(string protocol, StreamHandler handler, HandlerOptions? limits = null)
    {
        _server.Add(protocol, handler, limits ?? new HandlerOptions());
        SelfChanged?.Invoke();
    }

    /// <summary>Stops answering streams of a protocol. Those that are open go on.</summary>
    public void Unhandle(string protocol)
    {
        if (_server.Remove(protocol))
            SelfChanged?.Invoke();
    }

    /// <summary>Whether there is a connection to a peer.</summary>
    public bool IsConnected(PeerId peer) => _connections.Find(peer) is not null;

    /// <summary>Connects to a peer, or answers the connection that there is.</summary>
    /// <exception cref="ConnectException">Why not.</exception>
    public async Task<IPeerConnection> ConnectAsync(PeerAddress peer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        Peers.Add(peer.Peer, peer.Addresses, AddressSource.Told);
        return _connections.Find(peer.Peer) ?? await DialAsync(peer.Peer, isUrgent: true, cancellationToken);
    }

    /// <summary>Connects to whoever is at an address, which need not name its peer.</summary>
    /// <exception cref="ConnectException">Why not.</exception>
    public async Task<IPeerConnection> ConnectAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.Peer is not null)
            return await ConnectAsync(PeerAddress.Of(address), cancellationToken);
        var transport = _transports.FirstOrDefault(transport => transport.CanDial(address))
            ?? throw new ConnectException(ConnectFault.NoAddress, $"No transport dials {address}.");
        using var timeout = new CancellationTokenSource(Options.DialTimeout, Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var connection = await TakeAsync(await transport.DialAsync(address, null, both.Token));
            Peers.Add(connection.RemotePeer, [address], AddressSource.Peer);
            return connection;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ConnectException(ConnectFault.TimedOut, $"{address} did not answer within {Options.DialTimeout.TotalSeconds} s.", e);
        }
    }

    /// <summary>Opens a stream to a peer, which is dialled when there is no connection to it.</summary>
    /// <param name="peer">Whom; its addresses are in <see cref="Peers"/>.</param>
    /// <param name="protocols">The best first. One that the peer is known to speak is not waited for: what is written goes out at once, and a no comes with the first read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ConnectException">There is no connection to be had.</exception>
    /// <exception cref="NegotiationException">The peer speaks none of them.</exception>
    /// <exception cref="IOException">The connection was lost.</exception>
    public async Task<PeerStream> OpenStreamAsync(PeerId peer, IReadOnlyList<string> protocols, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(protocols);
        return await OpenStreamAsync(_connections.Find(peer) ?? await DialAsync(peer, isUrgent: false, cancellationToken), protocols, cancellationToken);
    }

    /// <summary>The same over a connection that there is.</summary>
    internal async Task<PeerStream> OpenStreamAsync(IPeerConnection connection, IReadOnlyList<string> protocols, CancellationToken cancellationToken)
    {
        var peer = connection.RemotePeer;
        var stream = await connection.OpenStreamAsync(cancellationToken);
        try
        {
            if (protocols.FirstOrDefault(protocol => Peers.Speaks(peer, protocol)) is { } known)
                return new PeerStream(stream, connection, known, isAgreed: false);
            using var timeout = new CancellationTokenSource(Options.NegotiationTimeout, Time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            var protocol = await MultistreamSelect.ProposeAsync(stream, protocols, both.Token);
            return new PeerStream(stream, connection, protocol);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            await stream.DisposeAsync();
            throw new NegotiationException($"{peer} did not answer within {Options.NegotiationTimeout.TotalSeconds} s: {e.Message}");
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Says what a connection to a peer is worth to a protocol: when there are too many, those of least worth are ended.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="to">The protocol or whoever says so.</param>
    /// <param name="worth">Added to what others say; 0 takes it back. A thousand and more is not ended lightly.</param>
    public void Value(PeerId peer, string to, int worth) => _connections.Value(peer, to, worth);

    /// <summary>Counts a breach of protocol. A peer with too many of them is disconnected and shut out for a while.</summary>
    public void Offend(PeerId peer)
    {
        _metrics.OffenceCount.Add(1);
        if (_offences.Count(peer))
            Disconnect(peer);
    }

    /// <summary>Ends all connections to a peer.</summary>
    public void Disconnect(PeerId peer)
    {
        foreach (var connection in _connections.All.Where(connection => connection.RemotePeer == peer))
            _ = EndAsync(connection);
    }

    /// <summary>A random number from 0 to below <paramref name="limit"/>.</summary>
    public int Choose(int limit)
    {
        lock (_lock)
            return Random.Next(limit);
    }

    /// <summary>Ends all listeners and connections, also where some of them fail to.</summary>
    /// <exception cref="AggregateException">What failed, when all else has ended.</exception>
    public async ValueTask DisposeAsync()
    {
        // Not CancelAsync: it runs what is cancelled on other threads, also where there is to be only one.
        _stop.Cancel();
        List<IListener> listeners;
        List<Task> tasks;
        lock (_lock)
            (listeners, tasks) = ([.. _listeners], [.. _tasks]);
        var faults = new List<Exception>();
        foreach (var listener in listeners)
            await TryAsync(async () => await listener.DisposeAsync());
        foreach (var ending in _connections.All.Select(EndAsync).ToList())
            await TryAsync(() => EndedAsync(ending));
        await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _metrics.Dispose();
        _stop.Dispose();
        if (faults.Count > 0)
            throw new AggregateException("Some listeners or connections of this host failed to end.", faults);

        static async Task EndedAsync(Task ending)
        {
            try
            {
                await ending;
            }
            catch (IOException)
            {
                // It broke while it was ended, as one through a relay does whose way there ends in the same moment: ended it is.
            }
        }

        async Task TryAsync(Func<Task> end)
        {
            try
            {
                await end();
            }
            catch (Exception e)
            {
                faults.Add(e);
            }
        }
    }

    /// <summary>The connection to a peer that streams are opened on; null when there is none.</summary>
    internal IPeerConnection? ConnectionTo(PeerId peer) => _connections.Find(peer);

    /// <summary>The connection to a peer that leads through no relay; null when there is none.</summary>
    internal IPeerConnection? DirectConnectionTo(PeerId peer) => _connections.Find(peer) is { RemoteAddress.IsCircuit: false } connection ? connection : null;

    /// <summary>Connects to a relay, not by way of another.</summary>
    /// <exception cref="ConnectException">Why not.</exception>
    internal async Task<IPeerConnection> ConnectDirectlyAsync(PeerAddress relay, CancellationToken cancellationToken)
    {
        Peers.Add(relay.Peer, relay.Addresses, AddressSource.Told);
        return DirectConnectionTo(relay.Peer) ?? await DialAsync(relay.Peer, isUrgent: true, cancellationToken, isDirect: true);
    }

    /// <summary>Where this host is has changed.</summary>
    internal void Move() => SelfChanged?.Invoke();

    /// <summary>Dials a peer anew, though there may be a connection to it, to see whether others can without a relay; what comes about is ended at once.</summary>
    /// <returns>Where it was reached; null when nowhere.</returns>
    internal async Task<Multiaddr?> ReachAsync(PeerId peer, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Options.DialTimeout, Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        foreach (var address in Peers.AddressesOf(peer).Where(address => !address.IsCircuit).Take(Options.MaxAddressesDialled))
        {
            if (_transports.FirstOrDefault(transport => transport.CanDial(address)) is not { } transport)
                continue;
            try
            {
                var connection = await transport.DialAsync(address, peer, both.Token);
                var at = connection.RemoteAddress;
                await EndAsync(connection);
                return at;
            }
            catch (Exception e) when (e is ConnectException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                // The next may do.
            }
        }

        return null;
    }

    internal void Told(PeerId peer, PeerChangeKind kind) => Changed?.Invoke(peer, kind);

    private async Task<IPeerConnection> DialAsync(PeerId peer, bool isUrgent, CancellationToken cancellationToken, bool isDirect = false)
    {
        if (peer == Id)
            throw new ConnectException(ConnectFault.Refused, "A host does not dial itself.");
        if (_offences.IsShutOut(peer))
            throw new ConnectException(ConnectFault.Refused, $"{peer} is shut out for what it sent.");
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        return await _dialer.DialAsync(peer, TakeAsync, isUrgent, isDirect, cancellationToken);
    }

    private async Task AcceptAsync(IListener listener)
    {
        while (await listener.AcceptAsync(_stop.Token) is { } connection)
        {
            try
            {
                await TakeAsync(connection);
            }
            catch (ConnectException)
            {
                // It was counted, and is closed.
            }
        }
    }

    private async Task<IPeerConnection> TakeAsync(IPeerConnection connection)
    {
        var peer = connection.RemotePeer;
        var (refusal, isFirst) = peer == Id ? ("self", false) : _offences.IsShutOut(peer) ? ("shut out", false) : _connections.Add(connection);
        if (refusal is not null)
        {
            _metrics.Refused.Add(1, new KeyValuePair<string, object?>("why", refusal));
            await EndAsync(connection);
            // One that came the other way meanwhile will do as well.
            return refusal == "peer" && _connections.Find(peer) is { } other
                ? other
                : throw new ConnectException(ConnectFault.Refused, $"No connection to {peer} is taken here: {refusal}.");
        }

        _metrics.Opened.Add(1, new KeyValuePair<string, object?>("direction", connection.IsInitiator ? "out" : "in"));
        Peers.SetConnected(peer, true);
        if (connection.IsInitiator)
            Peers.Add(peer, [connection.RemoteAddress], AddressSource.Peer);
        _ = KeepAsync(connection);
        if (isFirst)
            Told(peer, PeerChangeKind.Connected);
        else if (!connection.RemoteAddress.IsCircuit && Peers.DescriptionOf(peer) is not null)
            // Who came through a relay before may be of more use now.
            Told(peer, PeerChangeKind.Identified);
        foreach (var useless in _connections.ToTrim())
            _ = EndAsync(useless);
        return connection;
    }

    /// <summary>Answers a connection's streams until it ends.</summary>
    private async Task KeepAsync(IPeerConnection connection)
    {
        try
        {
            await _server.ServeAsync(connection, _stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It is over, whatever it was.
        }

        var isLast = _connections.Remove(connection);
        await EndAsync(connection);
        if (!isLast)
            return;
        Peers.SetConnected(connection.RemotePeer, false);
        Told(connection.RemotePeer, PeerChangeKind.Disconnected);
    }

    private static async Task EndAsync(IPeerConnection connection)
    {
        try
        {
            await connection.DisposeAsync();
        }
        catch (IOException)
        {
            // It was lost before.
        }
    }
}
