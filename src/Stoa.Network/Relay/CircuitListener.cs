using System.Threading.Channels;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>Keeps a place at a relay, and takes the connections that come through it.</summary>
internal sealed class CircuitListener : IListener
{
    // As what the node joined by: without the connection nobody reaches it.
    private const int WorthOfRelay = 1_000;
    private const int ReadyMax = 16;
    private const int MaxAddresses = 8;

    // A relay that gives shorter ones is asked no more often.
    private static readonly TimeSpan s_shortestTerm = TimeSpan.FromSeconds(30);

    // One that promises centuries is asked every day all the same: it may forget, and a timer takes no more than 49 days.
    private static readonly TimeSpan s_longestTerm = TimeSpan.FromDays(1);

    private readonly Host _host;
    private readonly PeerAddress _relay;
    private readonly CircuitOptions _options;
    private readonly Action<ReservationChange> _tell;
    private readonly Action<PeerId> _forget;
    private readonly Channel<IPeerConnection> _ready = Channel.CreateBounded<IPeerConnection>(ReadyMax);
    private readonly CancellationTokenSource _closing;
    private IReadOnlyList<Multiaddr>? _held;
    private Task _keeping = Task.CompletedTask;

    public CircuitListener(Host host, Multiaddr address, PeerAddress relay, CircuitOptions options, Action<ReservationChange> tell, Action<PeerId> forget)
    {
        (_host, Address, _relay, _options, _tell, _forget) = (host, address, relay, options, tell, forget);
        _closing = CancellationTokenSource.CreateLinkedTokenSource(host.Stopping);
    }

    /// <inheritdoc/>
    public Multiaddr Address { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Multiaddr> Addresses => Volatile.Read(ref _held) ?? [];

    /// <summary>Whether there is a reservation now.</summary>
    public bool IsHeld => Volatile.Read(ref _held) is not null;

    /// <summary>Reserves from now on.</summary>
    public void Start() => _keeping = KeepAsync();

    /// <summary>Gives a connection to whoever accepts, or ends it.</summary>
    public async Task OfferAsync(IPeerConnection connection, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        try
        {
            await _ready.Writer.WriteAsync(connection, either.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            await connection.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    public async Task<IPeerConnection?> AcceptAsync(CancellationToken cancellationToken)
    {
        while (await _ready.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_ready.Reader.TryRead(out var connection))
                return connection;
        }

        return null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _forget(_relay.Peer);
        _closing.Cancel();
        try
        {
            await _keeping;
        }
        finally
        {
            _ready.Writer.TryComplete();
            while (_ready.Reader.TryRead(out var connection))
                await connection.DisposeAsync();
            _closing.Dispose();
        }
    }

    private async Task KeepAsync()
    {
        // Not under what the caller is doing.
        await Task.Yield();
        _host.Value(_relay.Peer, RelayProtocol.Stop, WorthOfRelay);
        var pause = _options.FirstPause;
        try
        {
            while (true)
            {
                try
                {
                    var connection = await _host.ConnectDirectlyAsync(_relay, _closing.Token);
                    while (true)
                    {
                        var (expires, addresses) = await ReserveAsync(connection);
                        pause = _options.FirstPause;
                        Hold(addresses);
                        _tell(new ReservationChange(_relay.Peer, expires, ""));
                        if (await EndsWithinAsync(connection, TermOf(expires)))
                            throw new IOException($"The connection has ended: {connection.EndedBecause}");
                    }
                }
                catch (Exception e) when (ToReason(e) is { } why)
                {
                    Hold(null);
                    _tell(new ReservationChange(_relay.Peer, null, why));
                }

                await Task.Delay(pause, _host.Time, _closing.Token);
                pause = pause * 2 < _options.LongestPause ? pause * 2 : _options.LongestPause;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            Hold(null);
            _host.Value(_relay.Peer, RelayProtocol.Stop, 0);
        }
    }

    private string? ToReason(Exception e)
    {
        switch (e)
        {
            case OperationCanceledException when !_closing.IsCancellationRequested:
                return $"It did not answer within {_options.ExchangeTimeout.TotalSeconds:0.#} seconds.";
            case NegotiationException { IsNothingInCommon: true }:
                return "It is no relay.";
            case InvalidDataException:
                _host.Offend(_relay.Peer);
                return e.Message;
            case IOException when !_closing.IsCancellationRequested:
                return e.Message;
            default:
                return null;
        }
    }

    private void Hold(IReadOnlyList<Multiaddr>? addresses)
    {
        var isMoved = !Addresses.SequenceEqual(addresses ?? []);
        Volatile.Write(ref _held, addresses);
        if (isMoved)
            _host.Move();
    }

    /// <summary>How long the reservation is left alone.</summary>
    private TimeSpan TermOf(DateTimeOffset expires)
    {
        var left = expires - _host.Time.GetUtcNow();
        var term = left / 2 < _options.RenewBefore ? left / 2 : left - _options.RenewBefore;
        return term < s_shortestTerm ? s_shortestTerm : term > s_longestTerm ? s_longestTerm : term;
    }

    private async Task<(DateTimeOffset Expires, IReadOnlyList<Multiaddr> Addresses)> ReserveAsync(IPeerConnection connection)
    {
        using var timeout = new CancellationTokenSource(_options.ExchangeTimeout, _host.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _closing.Token);
        await using var stream = await _host.OpenStreamAsync(connection, [RelayProtocol.Hop], both.Token);
        await stream.WriteMessageAsync(new Wire.HopMessage { Type = Wire.HopMessage.Types.Type.Reserve }, both.Token);
        await stream.CompleteWritesAsync(both.Token);
        var answer = await stream.ReadMessageAsync(Wire.HopMessage.Parser, RelayProtocol.MaxMessageLength, both.Token);
        if (answer is not { HasType: true, Type: Wire.HopMessage.Types.Type.Status })
            throw new InvalidDataException("It did not say whether it has room.");
        if (!answer.HasStatus || answer.Status is not Wire.Status.Ok || answer.Reservation is not { } reservation)
            throw new IOException($"It has no room for this host: {answer.Status}.");
        CheckVoucher(reservation);
        // Where it was reached from here, and where it says that it is. The port that it has dialled from is none that it listens at.
        var said = reservation.Addrs.Take(MaxAddresses)
            .Select(bytes => Multiaddr.TryRead(bytes.Span, out var address) && (address.Peer ?? _relay.Peer) == _relay.Peer ? address.WithoutPeer : null)
            .OfType<Multiaddr>()
            // With room for the relay and the peer behind.
            .Where(address => address.Parts.Count <= Multiaddr.MaxParts - 3 && address.ToBytes().Length <= Multiaddr.MaxLength / 2);
        // A name that it is known by here may lead to where it moves.
        IEnumerable<Multiaddr> reached = connection.IsInitiator ? _relay.Addresses.Where(address => !address.TryGetIp(out _)).Prepend(connection.RemoteAddress) : _relay.Addresses;
        var addresses = Reach.SeenFrom(connection.RemoteAddress, reached.Concat(said)).Where(address => !address.IsCircuit).Distinct();
        return (UnixTime.FromSeconds(reservation.Expire), [.. addresses.Select(address => address.ThroughRelay(_relay.Peer))]);
    }

    private void CheckVoucher(Wire.Reservation reservation)
    {
        if (!reservation.HasVoucher)
            return;
        try
        {
            var voucher = ReservationVoucher.Open(reservation.Voucher.Span);
            if (voucher.Relay != _relay.Peer || voucher.Peer != _host.Id)
                throw new InvalidDataException("The voucher that it gave is of another relay, or for another peer.");
        }
        catch (FormatException e)
        {
            throw new InvalidDataException("The voucher that it gave does not hold.", e);
        }
    }

    /// <summary>Waits for the end of a connection, but not for longer than is said. Not by Task.WaitAsync, which may go on in a thread of the pool.</summary>
    private async Task<bool> EndsWithinAsync(IPeerConnection connection, TimeSpan time)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var timer = _host.Time.CreateTimer(static done => ((TaskCompletionSource<bool>)done!).TrySetResult(false), done, time, Timeout.InfiniteTimeSpan);
        await using var closing = _closing.Token.UnsafeRegister(static (done, token) => ((TaskCompletionSource<bool>)done!).TrySetCanceled(token), done);
        _ = WatchAsync();
        return await done.Task;

        async Task WatchAsync()
        {
            await connection.Completion;
            done.TrySetResult(true);
        }
    }
}
