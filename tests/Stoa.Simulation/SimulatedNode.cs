using System.Buffers.Binary;
using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>A node of a simulated network: where a host lives, reached at <c>/memory/N</c>.</summary>
/// <remarks>
/// As a transport it gives connections that carry streams already, without security or a multiplexer. <see cref="DialSocketAsync"/> and <see cref="ListenSocket"/>
/// give bytes only, over the same physics, for a whole stack to run on.
/// </remarks>
public sealed class SimulatedNode : ITransport
{
    private readonly SimulatedNetwork _network;
    private readonly ReadOnlyMemory<byte> _key;
    private SimulatedListener<IPeerConnection>? _listener;
    private SimulatedListener<Stream>? _socketListener;
    private bool _isSilent;

    internal SimulatedNode(SimulatedNetwork network, int number, PeerId peer, ReadOnlyMemory<byte> key)
    {
        (_network, Number, Peer, _key) = (network, number, peer, key);
        Address = Multiaddr.OfMemory((ulong)number);
    }

    /// <summary>The N of its address.</summary>
    public int Number { get; }

    /// <summary>Who it is.</summary>
    public PeerId Peer { get; }

    /// <summary>Its key, as libp2p's PublicKey message.</summary>
    public ReadOnlyMemory<byte> Key => _key;

    /// <summary>Where it is, without the peer.</summary>
    public Multiaddr Address { get; }

    /// <summary>Whether it lives.</summary>
    public bool IsUp { get; private set; } = true;

    internal int Side { get; set; }

    internal long SendingUntil { get; set; }

    internal Dictionary<long, Link> Links { get; } = [];

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Parts is [{ Protocol: AddressProtocol.Memory }];
    }

    /// <inheritdoc/>
    public async Task<IPeerConnection> DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken) =>
        await ConnectAsync(address, expected, static node => node._listener, static link => (link.Dialer, link.Listener), cancellationToken);

    /// <inheritdoc/>
    public Task<IListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        CheckOwn(address);
        if (_listener is { IsClosed: false })
            throw new IOException($"{Address} is taken.");
        _listener = new SimulatedListener<IPeerConnection>(_network.World, Address, static connection => connection.DisposeAsync());
        return Task.FromResult<IListener>(new ConnectionListener(_listener));
    }

    /// <summary>Connects to an address where sockets are taken: bytes both ways, and nothing else.</summary>
    /// <exception cref="ConnectException">There is nobody.</exception>
    public Task<Stream> DialSocketAsync(Multiaddr address, CancellationToken cancellationToken) =>
        ConnectAsync<Stream>(address, null, static node => node._socketListener, static link => link.ToSockets(), cancellationToken);

    /// <summary>Takes sockets.</summary>
    /// <exception cref="IOException">Somebody does so already.</exception>
    public SimulatedListener<Stream> ListenSocket()
    {
        CheckOwn(Address);
        if (_socketListener is { IsClosed: false })
            throw new IOException($"{Address} is taken.");
        return _socketListener = new SimulatedListener<Stream>(_network.World, Address, static socket => socket.DisposeAsync());
    }

    /// <summary>Dies: all that it has ends, here at once.</summary>
    /// <param name="isSilent">
    /// Whether nobody is told, as when the power fails: the others' bytes go nowhere until they give up, and attempts to connect time out. Otherwise as when a process
    /// ends: the others learn that connections have ended, and new ones are refused.
    /// </param>
    public void Die(bool isSilent)
    {
        if (!IsUp)
            return;
        _isSilent = isSilent;
        foreach (var link in Links.Values.ToList())
        {
            var end = link.Dialer.Node == this ? link.Dialer : link.Listener;
            end.End("The node is dead.", isOtherTold: !isSilent);
            if (isSilent)
                link.OnSilentDeath();
        }

        IsUp = false;
        _listener?.Close();
        _socketListener?.Close();
    }

    /// <summary>Lives again, without connections; it has to listen anew.</summary>
    public void Revive() => IsUp = true;

    /// <inheritdoc/>
    public override string ToString() => Address.ToString();

    private void CheckOwn(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!IsUp || !CanDial(address) || NumberOf(address) is var number && number != 0 && number != (ulong)Number)
            throw new IOException($"{address} is not an address of this node, which is {Address}.");
    }

    private static ulong NumberOf(Multiaddr address) => BinaryPrimitives.ReadUInt64BigEndian(address.Parts[0].Value.Span);

    private async Task<T> ConnectAsync<T>(
        Multiaddr address,
        PeerId? expected,
        Func<SimulatedNode, SimulatedListener<T>?> toListener,
        Func<Link, (T Dialed, T Accepted)> toEnds,
        CancellationToken cancellationToken) where T : class
    {
        if (!CanDial(address))
            throw new ConnectException(ConnectFault.NoAddress, $"The simulated network knows no {address}.");
        if (!IsUp)
            throw new ConnectException(ConnectFault.Unreachable, "The node is dead.");
        var number = NumberOf(address);
        if (number == 0 || number > (ulong)_network.Nodes.Count)
            throw new ConnectException(ConnectFault.Unreachable, $"There is no node at {address}.");

        var other = _network.Nodes[(int)number - 1];
        var isLost = _network.Random.NextDouble() < _network.Conditions.ConnectLoss;
        await _network.World.PassAsync(_network.DrawLatency(this, other), cancellationToken);
        if (isLost || Side != other.Side || !IsUp || (!other.IsUp && other._isSilent))
        {
            await _network.World.PassAsync(_network.Conditions.ConnectTimeout, cancellationToken);
            throw new ConnectException(ConnectFault.TimedOut, $"Nobody answers at {address}.");
        }

        var back = _network.DrawLatency(other, this);
        if (toListener(other) is not { IsClosed: false } listener || !other.IsUp)
        {
            await _network.World.PassAsync(back, cancellationToken);
            throw new ConnectException(ConnectFault.Unreachable, $"Nobody listens at {address}.");
        }

        if (expected is { } peer && peer != other.Peer)
        {
            await _network.World.PassAsync(back, cancellationToken);
            throw new ConnectException(ConnectFault.OtherPeer, $"{other.Peer} is at {address}, not {peer}.");
        }

        var link = _network.Connect(this, other);
        var (dialed, accepted) = toEnds(link);
        listener.Offer(accepted);
        try
        {
            await _network.World.PassAsync(back, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            link.Dialer.End("It was given up.", isOtherTold: true);
            throw;
        }

        return link.Dialer.EndedBecause is { } reason
            ? throw new ConnectException(ConnectFault.Unreachable, $"The connection to {address} ended as it began: {reason}")
            : dialed;
    }

    private sealed class ConnectionListener(SimulatedListener<IPeerConnection> inner) : IListener
    {
        public Multiaddr Address => inner.Address;

        public Task<IPeerConnection?> AcceptAsync(CancellationToken cancellationToken) => inner.AcceptAsync(cancellationToken).AsTask();

        public ValueTask DisposeAsync()
        {
            inner.Close();
            return ValueTask.CompletedTask;
        }
    }
}
