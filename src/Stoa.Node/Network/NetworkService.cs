using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Discovery;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Kademlia;
using Stoa.Network.Muxing;
using Stoa.Network.Names;
using Stoa.Network.Negotiation;
using Stoa.Network.Relay;
using Stoa.Network.Security;
using Stoa.Network.Transport;
using Stoa.Node.Pages;
using Stoa.Primitives;
using PeerHost = Stoa.Network.Hosting.Host;

namespace Stoa.Node.Network;

/// <summary>This node's part in the network: it listens, and keeps the connections to those that it joined by.</summary>
internal sealed partial class NetworkService(
    NetworkOptions options, PrivateKey key, TimeProvider time, Random random, IMeterFactory meters, ILogger<NetworkService> log) : IHostedService, IAsyncDisposable
{
    /// <summary>What connections to those that the node joined by are worth: they are never ended for being too many.</summary>
    private const int WorthOfJoined = 1_000;

    // With so many, those of the local network are not looked up any more.
    private const int EnoughPeers = 32;

    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<PeerId, bool> _meeting = new();
    private TlsSecurity? _tls;
    private IdentifyProtocol? _identify;
    private RelayService? _relay;
    private MdnsDiscovery? _mdns;
    private bool _isStopped;
    private Task _joining = Task.CompletedTask;

    /// <summary>The host; null while the node takes no part.</summary>
    public PeerHost? Host { get; private set; }

    /// <summary>Finds peers that this node does not know; null while it takes no part.</summary>
    public Kademlia? Directory { get; private set; }

    /// <summary>Whether loopback and private addresses are taken from others, and have no limits.</summary>
    public bool AllowsPrivateAddresses => options.TakesPrivateAddresses;

    /// <summary>Where others can reach this node, with its peer id; none while it takes no part.</summary>
    public IReadOnlyList<Multiaddr> Addresses => Host is { } host
        ? [.. host.Addresses.SelectMany(LocalAddresses.Expand).Distinct().Select(address => address.WithPeer(host.Id))]
        : [];

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            return;
        var host = new PeerHost(key, CreateTransports(), options.ToHost(PagesEndpoints.Version), time, random);
        Host = host;
        _identify = IdentifyProtocol.Serve(host);
        PingProtocol.Serve(host);
        if (options.ToRelay() is { } limits)
            _relay = RelayService.Serve(host, limits, meters);
        Directory = new Kademlia(host, new KademliaOptions { BootstrapPeers = options.JoinAddresses, AllowsPrivateAddresses = AllowsPrivateAddresses }, new MemoryRecordStore(new RecordStoreOptions(), time));
        foreach (var address in options.ListenAddresses)
            LogListening(await host.ListenAsync(address, cancellationToken));
        foreach (var address in options.RelayAddresses)
            await host.ListenAsync(address, cancellationToken);
        if (options.Mdns)
            Discover(host);
        _joining = Task.WhenAll(options.JoinAddresses.Select(peer => KeepAsync(host, peer, _stop.Token)));
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isStopped, true))
            return;
        await _stop.CancelAsync();
        await _joining.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_mdns is not null)
            await _mdns.DisposeAsync();
        if (Directory is { } directory)
            await directory.DisposeAsync();
        Directory = null;
        if (_relay is not null)
            await _relay.DisposeAsync();
        if (_identify is not null)
            await _identify.DisposeAsync();
        if (Host is { } host)
            await host.DisposeAsync();
        Host = null;
        _tls?.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        _stop.Dispose();
    }

    private IReadOnlyList<ITransport> CreateTransports()
    {
        _tls = new TlsSecurity(key, time);
        List<ISecurityProtocol> securities = [_tls];
        if (NoiseSecurity.TryCreate(key, out var noise, out var missing))
            securities.Add(noise);
        else
            LogWithoutNoise(missing);
        var names = options.ToNames();
        var yamux = new Yamux(new YamuxOptions(), time);
        var tcp = new TcpTransport(securities, [yamux], new TcpOptions { Names = names }, time);
        var circuits = new CircuitTransport(securities, [yamux], new CircuitOptions(), time);
        circuits.Changed += LogReservation;
        return [tcp, circuits, new DnsAddrTransport([tcp, circuits], new DnsTextRecords(), new DnsAddrOptions { Names = names }, time)];
    }

    private void LogReservation(ReservationChange change)
    {
        if (change.HeldUntil is { } until)
            LogReserved(change.Relay, until);
        else
            LogNotReserved(change.Relay, change.Why);
    }

    private void Discover(PeerHost host)
    {
        try
        {
            _mdns = MdnsDiscovery.Start(host, peer => _ = MeetAsync(host, peer));
        }
        catch (SocketException fault)
        {
            LogWithoutMdns(fault.Message);
        }
    }

    /// <summary>Connects to a peer of the local network, unless there are enough.</summary>
    private async Task MeetAsync(PeerHost host, PeerAddress peer)
    {
        // One peer is heard on each interface, and again and again.
        if (host.IsConnected(peer.Peer) || host.ConnectedPeers.Count >= EnoughPeers || !_meeting.TryAdd(peer.Peer, true))
            return;
        try
        {
            await host.ConnectAsync(peer, _stop.Token);
            LogMet(peer.Peer);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // It is found again when it is there again.
        }
        finally
        {
            _meeting.TryRemove(peer.Peer, out _);
        }
    }

    /// <summary>Connects to a peer, and again whenever the connection is lost.</summary>
    private async Task KeepAsync(PeerHost host, PeerAddress peer, CancellationToken cancellationToken)
    {
        if (peer.Peer == host.Id)
            return;
        host.Peers.Add(peer.Peer, peer.Addresses, AddressSource.Configured);
        host.Value(peer.Peer, "join", WorthOfJoined);
        var wait = s_firstWait;
        while (true)
        {
            try
            {
                var connection = await host.ConnectAsync(peer, cancellationToken);
                LogJoined(peer.Peer);
                wait = s_firstWait;
                await BootstrapAsync(cancellationToken);
                await connection.Completion.WaitAsync(cancellationToken);
                LogLost(peer.Peer, connection.EndedBecause ?? "");
            }
            catch (ConnectException fault)
            {
                LogUnreachable(peer.Peer, fault.Message);
            }

            await Task.Delay(wait, time, cancellationToken);
            wait = wait * 2 > s_longestWait ? s_longestWait : wait * 2;
        }
    }

    private async Task BootstrapAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Directory!.BootstrapAsync(cancellationToken);
        }
        catch (IOException fault)
        {
            // The one that was joined is there, but says nothing of others; the table is refreshed now and then.
            LogAlone(fault.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The network: {Why}")]
    private partial void LogAlone(string why);

    [LoggerMessage(LogLevel.Information, "The network: listening at {Address}.")]
    private partial void LogListening(Multiaddr address);

    [LoggerMessage(LogLevel.Information, "The network: Noise is not spoken, TLS is: {Missing}")]
    private partial void LogWithoutNoise(string missing);

    [LoggerMessage(LogLevel.Warning, "The network: peers of the local network are not looked for: {Why}")]
    private partial void LogWithoutMdns(string why);

    [LoggerMessage(LogLevel.Information, "The network: found {Peer} on the local network.")]
    private partial void LogMet(PeerId peer);

    [LoggerMessage(LogLevel.Information, "The network: connected to {Peer}.")]
    private partial void LogJoined(PeerId peer);

    [LoggerMessage(LogLevel.Information, "The network: reached through the relay {Relay} until {Until:O}, and longer when it renews that.")]
    private partial void LogReserved(PeerId relay, DateTimeOffset until);

    [LoggerMessage(LogLevel.Warning, "The network: not reached through the relay {Relay}, which is asked again: {Why}")]
    private partial void LogNotReserved(PeerId relay, string why);

    [LoggerMessage(LogLevel.Information, "The network: the connection to {Peer} has ended: {Why}")]
    private partial void LogLost(PeerId peer, string why);

    [LoggerMessage(LogLevel.Warning, "The network: {Peer} is not reached, and is tried again: {Why}")]
    private partial void LogUnreachable(PeerId peer, string why);
}
