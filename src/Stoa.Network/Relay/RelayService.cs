using System.Diagnostics.Metrics;
using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>Makes a host a relay: peers that nobody can dial reserve a place, and others reach them by way of it (specs/relay/circuit-v2 of libp2p).</summary>
/// <remarks>
/// A reservation ends with its peer's connection. The relay dials nobody: it joins a stream that came with one that it opens on a connection that stands.
/// What goes through is sealed between the two ends; the relay sees who they are, how much and when. Who breaks the protocol is told so, and it counts as an offence.
/// </remarks>
public sealed class RelayService : IAsyncDisposable
{
    // Of more use than a stranger, of less than a near neighbour.
    private const int WorthOfReservation = 4;
    private const int MaxAddresses = 8;

    private readonly Host _host;
    private readonly RelayOptions _options;
    private readonly Reservations _reservations;
    private readonly Circuits _circuits;
    private readonly RelayMetrics _metrics;
    private readonly CancellationTokenSource _stop;
    private bool _isDisposed;

    private RelayService(Host host, RelayOptions options, IMeterFactory? meters)
    {
        (_host, _options) = (host, options);
        _reservations = new Reservations(options, host.Time);
        _circuits = new Circuits(options);
        _metrics = new RelayMetrics(_reservations, _circuits, meters);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(host.Stopping);
    }

    /// <summary>How many peers have a reservation.</summary>
    public int ReservationCount => _reservations.Count;

    /// <summary>How many circuits there are.</summary>
    public int CircuitCount => _circuits.Count;

    /// <summary>Serves from now on.</summary>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    /// <exception cref="InvalidOperationException">The host is a relay already.</exception>
    public static RelayService Serve(Host host, RelayOptions options, IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var service = new RelayService(host, options, meters);
        // A circuit is its stream, so those are as many as there may be; and some more, so that who asks for one too many is told why not.
        host.Handle(RelayProtocol.Hop, service.AnswerAsync, new HandlerOptions(MaxStreams: options.MaxCircuits * 2, MaxStreamsPerPeer: options.MaxCircuitsPerPeer + 4));
        host.Changed += service.OnChanged;
        return service;
    }

    /// <summary>Serves no more: circuits are broken off.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return ValueTask.CompletedTask;
        _host.Changed -= OnChanged;
        _host.Unhandle(RelayProtocol.Hop);
        _stop.Cancel();
        _metrics.Dispose();
        _stop.Dispose();
        return ValueTask.CompletedTask;
    }

    private void OnChanged(PeerId peer, PeerChangeKind kind)
    {
        if (kind is PeerChangeKind.Disconnected && _reservations.Remove(peer))
            _host.Value(peer, RelayProtocol.Hop, 0);
    }

    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        using var timeout = new CancellationTokenSource(_options.ExchangeTimeout, _host.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop.Token);
        Wire.HopMessage? request;
        try
        {
            request = await stream.ReadMessageAsync(Wire.HopMessage.Parser, RelayProtocol.MaxMessageLength, both.Token);
        }
        catch (InvalidDataException)
        {
            await RefuseAsync(stream, "none", Wire.Status.MalformedMessage, both.Token);
            return;
        }

        switch (request)
        {
            case null:
                break;
            case { HasType: true, Type: Wire.HopMessage.Types.Type.Reserve }:
                await ReserveAsync(stream, both.Token);
                break;
            case { HasType: true, Type: Wire.HopMessage.Types.Type.Connect }:
                await ConnectAsync(stream, request, both.Token, stop.Token);
                break;
            case { HasType: true }:
                await RefuseAsync(stream, "none", Wire.Status.UnexpectedMessage, both.Token);
                break;
            default:
                await RefuseAsync(stream, "none", Wire.Status.MalformedMessage, both.Token);
                break;
        }
    }

    private async Task ReserveAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        const string what = "reserve";
        if (stream.Connection.RemoteAddress.IsCircuit)
        {
            // It would be reached through two relays, which nobody dials.
            await RefuseAsync(stream, what, Wire.Status.PermissionDenied, cancellationToken);
            return;
        }

        if (_reservations.Reserve(stream.Peer, stream.Connection.RemoteAddress) is not { } expires)
        {
            await RefuseAsync(stream, what, Wire.Status.ReservationRefused, cancellationToken);
            return;
        }

        _host.Value(stream.Peer, RelayProtocol.Hop, WorthOfReservation);
        // It may have gone between.
        if (!_host.IsConnected(stream.Peer))
            OnChanged(stream.Peer, PeerChangeKind.Disconnected);
        _metrics.Answer(what, Wire.Status.Ok);
        var reservation = new Wire.Reservation
        {
            Expire = (ulong)expires.ToUnixTimeSeconds(),
            Voucher = ByteString.CopyFrom(ReservationVoucher.Seal(_host.Key, stream.Peer, expires)),
        };
        foreach (var address in Reach.SeenFrom(stream.Connection.RemoteAddress, _host.Addresses.SelectMany(LocalAddresses.Expand)).Where(address => !address.IsCircuit).Distinct().Take(MaxAddresses))
            reservation.Addrs.Add(ByteString.CopyFrom(address.WithPeer(_host.Id).ToBytes().Span));
        var answer = new Wire.HopMessage { Type = Wire.HopMessage.Types.Type.Status, Status = Wire.Status.Ok, Reservation = reservation, Limit = ToLimit() };
        await stream.WriteMessageAsync(answer, cancellationToken);
        await stream.CompleteWritesAsync(cancellationToken);
    }

    private async Task ConnectAsync(PeerStream stream, Wire.HopMessage request, CancellationToken exchange, CancellationToken cancellationToken)
    {
        const string what = "connect";
        if (!TryReadPeer(request.Peer, out var dialled) || dialled == stream.Peer)
            await RefuseAsync(stream, what, Wire.Status.MalformedMessage, exchange);
        else if (stream.Connection.RemoteAddress.IsCircuit)
            await RefuseAsync(stream, what, Wire.Status.PermissionDenied, exchange);
        else if (!_reservations.Contains(dialled) || _host.DirectConnectionTo(dialled) is not { } connection)
            await RefuseAsync(stream, what, Wire.Status.NoReservation, exchange);
        else if (_circuits.Enter(stream.Peer, stream.Connection.RemoteAddress, dialled) is not { } place)
            await RefuseAsync(stream, what, Wire.Status.ResourceLimitExceeded, exchange);
        else
        {
            try
            {
                await JoinAsync(stream, connection, exchange, cancellationToken);
            }
            finally
            {
                _circuits.Leave(place);
            }
        }
    }

    private async Task JoinAsync(PeerStream dialler, IPeerConnection connection, CancellationToken exchange, CancellationToken cancellationToken)
    {
        if (await AskAsync(dialler.Peer, connection, exchange) is not { } dialled)
        {
            await RefuseAsync(dialler, "connect", Wire.Status.ConnectionFailed, exchange);
            return;
        }

        await using var owned = dialled;
        await dialler.WriteMessageAsync(new Wire.HopMessage { Type = Wire.HopMessage.Types.Type.Status, Status = Wire.Status.Ok, Limit = ToLimit() }, exchange);
        _metrics.Answer("connect", Wire.Status.Ok);
        _metrics.End(await new Circuit(_options, _host.Time, _metrics.Carry).RunAsync(dialler, dialled, cancellationToken));
    }

    /// <summary>Tells the one that is dialled by whom; null when it does not take it.</summary>
    private async Task<PeerStream?> AskAsync(PeerId dialler, IPeerConnection connection, CancellationToken cancellationToken)
    {
        PeerStream? stream = null;
        try
        {
            stream = await _host.OpenStreamAsync(connection, [RelayProtocol.Stop], cancellationToken);
            var request = new Wire.StopMessage
            {
                Type = Wire.StopMessage.Types.Type.Connect,
                Peer = new Wire.Peer { Id = ByteString.CopyFrom(dialler.ToBytes()) },
                Limit = ToLimit(),
            };
            await stream.WriteMessageAsync(request, cancellationToken);
            var answer = await stream.ReadMessageAsync(Wire.StopMessage.Parser, RelayProtocol.MaxMessageLength, cancellationToken);
            if (answer is { Type: Wire.StopMessage.Types.Type.Status, Status: Wire.Status.Ok })
                return Interlocked.Exchange(ref stream, null);
        }
        catch (InvalidDataException)
        {
            _host.Offend(connection.RemotePeer);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException && !_stop.IsCancellationRequested)
        {
            // It is as good as not there.
        }
        finally
        {
            if (stream is not null)
                await stream.DisposeAsync();
        }

        return null;
    }

    private async Task RefuseAsync(PeerStream stream, string what, Wire.Status status, CancellationToken cancellationToken)
    {
        _metrics.Answer(what, status);
        if (status is Wire.Status.MalformedMessage or Wire.Status.UnexpectedMessage)
            _host.Offend(stream.Peer);
        await stream.WriteMessageAsync(new Wire.HopMessage { Type = Wire.HopMessage.Types.Type.Status, Status = status }, cancellationToken);
        await stream.CompleteWritesAsync(cancellationToken);
    }

    // In whole seconds, and never as none.
    private Wire.Limit ToLimit() => new() { Duration = (uint)Math.Ceiling(_options.MaxCircuitDuration.TotalSeconds), Data = (ulong)_options.MaxCircuitBytes };

    internal static bool TryReadPeer(Wire.Peer? peer, out PeerId id)
    {
        id = default;
        if (peer is not { HasId: true })
            return false;
        try
        {
            id = PeerId.FromBytes(peer.Id.Span);
            return !id.IsEmpty;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
