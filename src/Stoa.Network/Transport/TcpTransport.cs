using System.Net;
using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Primitives;

namespace Stoa.Network.Transport;

/// <summary>Peers by TCP: <c>/ip4</c>, <c>/ip6</c>, <c>/dns</c>, <c>/dns4</c> and <c>/dns6</c> with <c>/tcp</c>.</summary>
public sealed class TcpTransport : ITransport
{
    private readonly TcpOptions _options;
    private readonly TimeProvider _time;
    private readonly Upgrader _upgrader;

    /// <summary>Speaks TCP.</summary>
    /// <param name="securities">What may protect a connection, the best first.</param>
    /// <param name="muxers">What may multiplex it, the best first.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">What they are measured by.</param>
    public TcpTransport(IReadOnlyList<ISecurityProtocol> securities, IReadOnlyList<IMuxer> muxers, TcpOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time) = (options, time);
        _upgrader = new Upgrader(securities, muxers, options.HandshakeTimeout, time);
    }

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.TryGetTcp(out _) || address.TryGetDnsTcp(out _, out _, out _);
    }

    /// <inheritdoc/>
    public async Task<IPeerConnection> DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
    {
        var (socket, reached) = await ConnectAsync(address, cancellationToken);
        // What is counted by addresses goes by where the other side is, not by what it is called.
        var (local, remote) = (Multiaddr.OfTcp((IPEndPoint)socket.LocalEndPoint!), Multiaddr.OfTcp(reached));
        return await _upgrader.UpgradeAsync(new NetworkStream(socket, ownsSocket: true), true, expected, local, remote, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.TryGetTcp(out var endPoint))
            throw new IOException($"TCP listens at /ip4/…/tcp/… and /ip6/…/tcp/…, not at {address}.");
        return Task.FromResult<IListener>(TcpConnectionListener.Start(endPoint, _upgrader, _options, _time));
    }

    private async Task<(Socket Socket, IPEndPoint Reached)> ConnectAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ConnectException? last = null;
        foreach (var endPoint in await ResolveAsync(address, cancellationToken))
        {
            try
            {
                return (await ConnectAsync(endPoint, cancellationToken), endPoint);
            }
            catch (ConnectException e)
            {
                last = e;
            }
        }

        throw last ?? new ConnectException(ConnectFault.Unreachable, $"The name of {address} has no address.");
    }

    private async Task<Socket> ConnectAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_options.AttemptTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Handshakes and most messages are short, and each waits for an answer.
            socket.NoDelay = true;
            await socket.ConnectAsync(endPoint, either.Token);
            return socket;
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw new ConnectException(ConnectFault.TimedOut, $"{endPoint} did not answer within {_options.AttemptTimeout.TotalSeconds:0.#} seconds.", e);
            if (e is SocketException)
                throw new ConnectException(ConnectFault.Unreachable, $"{endPoint} cannot be reached: {e.Message}", e);
            throw;
        }
    }

    private async Task<IEnumerable<IPEndPoint>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        if (address.TryGetTcp(out var endPoint))
            return [endPoint];
        if (!address.TryGetDnsTcp(out var host, out var port, out var family))
            throw new ConnectException(ConnectFault.NoAddress, $"TCP does not reach {address}.");
        using var deadline = new CancellationTokenSource(_options.ResolveTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            // The system's resolver cannot be stopped everywhere, only be left alone.
            var found = await Dns.GetHostAddressesAsync(host, family, either.Token).WaitAsync(either.Token);
            var allowed = found.Where(one => _options.Names.MayLead(address, Reach.Of(one))).ToList();
            if (allowed.Count == 0 && found.Length > 0)
                throw new ConnectException(ConnectFault.Refused, $"The name {host} leads into this machine or a private network, where nobody is dialled whom others tell of.");
            return allowed.Take(_options.AddressesMax).Select(one => new IPEndPoint(one, port));
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ConnectException(ConnectFault.TimedOut, $"The name {host} was not resolved within {_options.ResolveTimeout.TotalSeconds:0.#} seconds.", e);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new ConnectException(ConnectFault.Unreachable, $"The name {host} has no address: {e.Message}", e);
        }
    }
}
