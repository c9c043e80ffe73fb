using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;

namespace Stoa.Network.Transport;

/// <summary>Takes connections by TCP. Handshakes run beside each other; none of them, whatever the stranger does, keeps the others or the listener from going on.</summary>
public sealed class TcpConnectionListener : IListener
{
    private const int Backlog = 512;

    // Connections that are ready and not taken yet; beyond these, handshakes wait with their last step, and so in the end do strangers.
    private const int ReadyMax = 16;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly Upgrader _upgrader;
    private readonly TcpOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _free;
    private readonly Channel<IPeerConnection> _ready = Channel.CreateBounded<IPeerConnection>(ReadyMax);
    private readonly Dictionary<IPAddress, int> _shaking = [];
    private readonly Task _accepting;

    private TcpConnectionListener(Socket socket, Upgrader upgrader, TcpOptions options, TimeProvider time)
    {
        (_socket, _upgrader, _options, _time) = (socket, upgrader, options, time);
        _free = new SemaphoreSlim(options.HandshakesMax);
        Address = Multiaddr.OfTcp((IPEndPoint)socket.LocalEndPoint!);
        _accepting = TakeAsync();
    }

    /// <inheritdoc/>
    public Multiaddr Address { get; }

    /// <summary>The strangers that were dropped.</summary>
    public ConnectFaultCounts Dropped { get; } = new();

    internal static TcpConnectionListener Start(IPEndPoint endPoint, Upgrader upgrader, TcpOptions options, TimeProvider time)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endPoint);
            socket.Listen(Backlog);
            return new TcpConnectionListener(socket, upgrader, options, time);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"Nobody can listen at {endPoint}: {e.Message}", e);
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
        await _closing.CancelAsync();
        _socket.Dispose();
        await _accepting;
        // All slots together are free when the last handshake has ended.
        for (var taken = 0; taken < _options.HandshakesMax; taken++)
            await _free.WaitAsync(CancellationToken.None);
        _ready.Writer.TryComplete();
        while (_ready.Reader.TryRead(out var connection))
            await connection.DisposeAsync();
        _closing.Dispose();
        _free.Dispose();
    }

    private async Task TakeAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                await _free.WaitAsync(_closing.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (await TakeOneAsync() is { } stranger)
                _ = ShakeAsync(stranger);
            else
                _free.Release();
        }
    }

    /// <summary>Takes the next call; null when there is none to go on with.</summary>
    private async Task<Socket?> TakeOneAsync()
    {
        try
        {
            var socket = await _socket.AcceptAsync(_closing.Token);
            if (TryEnter(AddressOf(socket)))
                return socket;
            Dropped.Add(ConnectFault.Refused);
            socket.Dispose();
            return null;
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            return null;
        }
        catch (SocketException e)
        {
            Dropped.Add(ConnectFault.Unreachable);
            // Either the caller has hung up before it was taken, or this process has no handle left: then the next would fail as fast.
            if (e.SocketErrorCode is not (SocketError.ConnectionReset or SocketError.ConnectionAborted))
                await PauseAsync();
            return null;
        }
    }

    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(s_pause, _time, _closing.Token);
        }
        catch (OperationCanceledException)
        {
            // Closed meanwhile.
        }
    }

    private async Task ShakeAsync(Socket stranger)
    {
        var address = AddressOf(stranger);
        try
        {
            stranger.NoDelay = true;
            var (local, remote) = (Multiaddr.OfTcp((IPEndPoint)stranger.LocalEndPoint!), Multiaddr.OfTcp((IPEndPoint)stranger.RemoteEndPoint!));
            var connection = await _upgrader.UpgradeAsync(new NetworkStream(stranger, ownsSocket: true), false, null, local, remote, _closing.Token);
            await OfferAsync(connection);
        }
        catch (Exception e)
        {
            stranger.Dispose();
            // Whatever a stranger has made fail here, it is that stranger's connection and no other. Where the listener is closed, nobody is to blame.
            if (!_closing.IsCancellationRequested)
                Dropped.Add((e as ConnectException)?.Fault ?? ConnectFault.BrokenProtocol);
        }
        finally
        {
            Leave(address);
            _free.Release();
        }
    }

    private async Task OfferAsync(IPeerConnection connection)
    {
        try
        {
            await _ready.Writer.WriteAsync(connection, _closing.Token);
        }
        catch (OperationCanceledException)
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private bool TryEnter(IPAddress address)
    {
        lock (_shaking)
        {
            var count = _shaking.GetValueOrDefault(address);
            if (count >= _options.HandshakesOfOneAddressMax)
                return false;
            _shaking[address] = count + 1;
            return true;
        }
    }

    private void Leave(IPAddress address)
    {
        lock (_shaking)
        {
            if (--_shaking[address] == 0)
                _shaking.Remove(address);
        }
    }

    private static IPAddress AddressOf(Socket socket) => AddressBlock.Of(((IPEndPoint)socket.RemoteEndPoint!).Address);
}
