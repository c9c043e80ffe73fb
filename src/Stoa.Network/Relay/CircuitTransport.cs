using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>Peers through relays: <c>…/p2p/RELAY/p2p-circuit</c> (specs/relay/circuit-v2 of libp2p).</summary>
/// <remarks>
/// To dial asks the relay for a circuit to the peer; to listen reserves a place at the relay and renews it. What then stands is a connection like others, secured and
/// multiplexed from end to end, but it ends when the relay's limits are reached. It goes over the host's own connections, so it is of use to one host only: the one that it is given to.
/// </remarks>
public sealed class CircuitTransport : IHostedTransport
{
    private readonly CircuitOptions _options;
    private readonly TimeProvider _time;
    private readonly Upgrader _upgrader;
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, CircuitListener> _listeners = [];
    private Host? _host;

    /// <summary>Speaks by way of relays.</summary>
    /// <param name="securities">What may protect a connection, the best first.</param>
    /// <param name="muxers">What may multiplex it, the best first.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">What they are measured by.</param>
    public CircuitTransport(IReadOnlyList<ISecurityProtocol> securities, IReadOnlyList<IMuxer> muxers, CircuitOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time) = (options, time);
        _upgrader = new Upgrader(securities, muxers, options.HandshakeTimeout, time);
    }

    /// <summary>Tells what became of the reservation at a relay: until when it holds, or why there is none. It must not wait.</summary>
    public event Action<ReservationChange>? Changed;

    private Host Host => _host ?? throw new InvalidOperationException("No host was made with this transport.");

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.TryGetRelay(out _);
    }

    /// <inheritdoc/>
    public async Task<IPeerConnection> DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.TryGetRelay(out var relay) || expected is not { } peer)
            throw new ConnectException(ConnectFault.NoAddress, $"A relay that is named, and the peer behind it, are expected: …/p2p/Qm…/p2p-circuit/p2p/Qm…, not {address}.");
        if (relay.Peer == Host.Id || relay.Peer == peer)
            throw new ConnectException(ConnectFault.NoAddress, $"{address} leads nowhere: neither this host nor the peer itself can be the relay.");
        var connection = await Host.ConnectDirectlyAsync(relay, cancellationToken);
        var stream = await AskAsync(connection, peer, cancellationToken);
        return await _upgrader.UpgradeAsync(
            new CircuitStream(stream, _time), true, peer, connection.LocalAddress.ThroughRelay(relay.Peer), connection.RemoteAddress.ThroughRelay(relay.Peer), cancellationToken);
    }

    /// <summary>Reserves a place at a relay, and keeps it. It comes back at once: the relay may not be there yet, and may have no room now and some later.</summary>
    /// <exception cref="IOException">There is a reservation at the relay already.</exception>
    public Task<IListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.TryGetRelay(out var relay) || relay.Peer == Host.Id)
            throw new IOException($"A relay is expected: /ip4/…/tcp/…/p2p/Qm…/p2p-circuit, not {address}.");
        CircuitListener listener;
        lock (_lock)
        {
            if (_listeners.ContainsKey(relay.Peer))
                throw new IOException($"There is a reservation at {relay.Peer} already.");
            if (_listeners.Count == 0)
                Host.Handle(RelayProtocol.Stop, TakeAsync, new HandlerOptions(_options.MaxIncoming, _options.MaxIncomingPerRelay));
            _listeners.Add(relay.Peer, listener = new CircuitListener(Host, address, relay, _options, change => Changed?.Invoke(change), Forget));
        }

        listener.Start();
        return Task.FromResult<IListener>(listener);
    }

    /// <inheritdoc/>
    public void Attach(Host host)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (_host is not null)
            throw new InvalidOperationException("A transport by way of relays is of one host only.");
        _host = host;
    }

    private void Forget(PeerId relay)
    {
        lock (_lock)
        {
            if (_listeners.Remove(relay) && _listeners.Count == 0)
                Host.Unhandle(RelayProtocol.Stop);
        }
    }

    /// <summary>Asks a relay for a circuit.</summary>
    private async Task<PeerStream> AskAsync(IPeerConnection relay, PeerId peer, CancellationToken cancellationToken)
    {
        PeerStream? stream = null;
        try
        {
            using var timeout = new CancellationTokenSource(_options.ExchangeTimeout, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            stream = await Host.OpenStreamAsync(relay, [RelayProtocol.Hop], both.Token);
            var request = new Wire.HopMessage { Type = Wire.HopMessage.Types.Type.Connect, Peer = new Wire.Peer { Id = ByteString.CopyFrom(peer.ToBytes()) } };
            await stream.WriteMessageAsync(request, both.Token);
            var answer = await stream.ReadMessageAsync(Wire.HopMessage.Parser, RelayProtocol.MaxMessageLength, both.Token);
            if (answer is not { Type: Wire.HopMessage.Types.Type.Status, Status: Wire.Status.Ok })
                throw new ConnectException(ConnectFault.Unreachable, $"The relay {relay.RemotePeer} makes no circuit to {peer}: {answer?.Status.ToString() ?? "no answer"}.");
            return stream;
        }
        catch (Exception e)
        {
            if (stream is not null)
                await stream.DisposeAsync();
            throw e switch
            {
                ConnectException or OperationCanceledException when e is ConnectException || cancellationToken.IsCancellationRequested => e,
                OperationCanceledException => new ConnectException(ConnectFault.TimedOut, $"The relay {relay.RemotePeer} did not answer within {_options.ExchangeTimeout.TotalSeconds:0.#} seconds.", e),
                NegotiationException { IsNothingInCommon: true } => new ConnectException(ConnectFault.NothingInCommon, $"{relay.RemotePeer} is no relay.", e),
                InvalidDataException => Broken(relay.RemotePeer, e),
                IOException or ObjectDisposedException => new ConnectException(ConnectFault.Unreachable, $"The relay {relay.RemotePeer} was lost: {e.Message}", e),
                _ => e,
            };
        }
    }

    private ConnectException Broken(PeerId relay, Exception e)
    {
        Host.Offend(relay);
        return new ConnectException(ConnectFault.BrokenProtocol, $"What the relay {relay} answers is none: {e.Message}", e);
    }

    /// <summary>Takes a circuit that a relay brings, until it ends.</summary>
    private async Task TakeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.ExchangeTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var request = await stream.ReadMessageAsync(Wire.StopMessage.Parser, RelayProtocol.MaxMessageLength, both.Token);
        if (request is not { HasType: true, Type: Wire.StopMessage.Types.Type.Connect } || !RelayService.TryReadPeer(request.Peer, out var dialler) || dialler == Host.Id)
        {
            await AnswerAsync(stream, request is { HasType: true, Type: not Wire.StopMessage.Types.Type.Connect } ? Wire.Status.UnexpectedMessage : Wire.Status.MalformedMessage, both.Token);
            Host.Offend(stream.Peer);
            return;
        }

        CircuitListener? listener;
        lock (_lock)
            listener = _listeners.GetValueOrDefault(stream.Peer);
        // Whoever is no relay of this host's, or would be the second of a chain, brings nobody.
        if (listener is not { IsHeld: true } || stream.Connection.RemoteAddress.IsCircuit)
        {
            await AnswerAsync(stream, Wire.Status.PermissionDenied, both.Token);
            return;
        }

        await stream.WriteMessageAsync(ToAnswer(Wire.Status.Ok), both.Token);
        var (local, remote) = (stream.Connection.LocalAddress.ThroughRelay(stream.Peer), stream.Connection.RemoteAddress.ThroughRelay(stream.Peer));
        // The relay has said who it is: somebody else would be an attack by it.
        var connection = await _upgrader.UpgradeAsync(new CircuitStream(stream, _time), false, dialler, local, remote, cancellationToken);
        await listener.OfferAsync(connection, cancellationToken);
        // The stream is the connection's, and is disposed when this returns.
        await connection.Completion;
    }

    private static async Task AnswerAsync(PeerStream stream, Wire.Status status, CancellationToken cancellationToken)
    {
        await stream.WriteMessageAsync(ToAnswer(status), cancellationToken);
        await stream.CompleteWritesAsync(cancellationToken);
    }

    private static Wire.StopMessage ToAnswer(Wire.Status status) => new() { Type = Wire.StopMessage.Types.Type.Status, Status = status };
}

/// <summary>What became of the reservation at a relay.</summary>
/// <param name="Relay">Which.</param>
/// <param name="HeldUntil">Until when it holds, unless it is renewed; null when there is none.</param>
/// <param name="Why">Why there is none.</param>
public sealed record ReservationChange(PeerId Relay, DateTimeOffset? HeldUntil, string Why);
