using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Muxing;
using Stoa.Network.Relay;
using Stoa.Network.Relay.Wire;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Relay;

/// <summary>A host on TCP that knows of relays; it listens, or is reached through a relay, or is one.</summary>
internal sealed class RelayHost : IAsyncDisposable
{
    public const string Echo = "/stoa-test/echo/1.0.0";

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly IdentifyProtocol _identify;
    private bool _isDisposed;

    private RelayHost(string security)
    {
        var (securities, yamux) = (new[] { Securities.Create(security, _key) }, new Yamux(new YamuxOptions(), TimeProvider.System));
        Circuits = new CircuitTransport(securities, [yamux], new CircuitOptions { FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(1) }, TimeProvider.System);
        Circuits.Changed += change => Last = change;
        Host = new Host(_key, [new TcpTransport(securities, [yamux], new TcpOptions(), TimeProvider.System), Circuits], new HostOptions(), TimeProvider.System, new Random(5));
        _identify = IdentifyProtocol.Serve(Host);
        PingProtocol.Serve(Host);
        Host.Handle(Echo, AnswerEchoAsync);
    }

    public Host Host { get; }

    public PeerId Id => Host.Id;

    public CircuitTransport Circuits { get; }

    public RelayService? Service { get; private set; }

    /// <summary>What its reservation came to last.</summary>
    public ReservationChange? Last { get; private set; }

    /// <summary>Where it listens, with its id behind; null when it does not.</summary>
    public Multiaddr? Address { get; private set; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts one that others can dial.</summary>
    public static async Task<RelayHost> ListenAsync(RelayOptions? relay = null, string security = "tls")
    {
        var host = new RelayHost(security);
        host.Address = (await host.Host.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), Stop)).WithPeer(host.Id);
        if (relay is not null)
            host.Service = RelayService.Serve(host.Host, relay);
        return host;
    }

    /// <summary>Starts one that nobody can dial.</summary>
    public static RelayHost Hide(string security = "tls") => new(security);

    /// <summary>Reserves at a relay, and waits until there is a place.</summary>
    /// <returns>Where it is reached through that relay, with its id behind.</returns>
    public async Task<Multiaddr> ReserveAsync(Multiaddr relay)
    {
        await Host.ListenAsync(relay.WithoutPeer.ThroughRelay(relay.Peer!.Value), Stop);
        await Eventually.IsSoAsync(() => Host.Addresses.Any(address => address.IsCircuit), $"There is no place at the relay: {Last?.Why}");
        return Host.Addresses.First(address => address.IsCircuit).WithPeer(Id);
    }

    /// <summary>Says something to a relay, and takes its answer; null when it ends the stream without one.</summary>
    public async Task<Status?> AskRelayAsync(RelayHost relay, byte[] said)
    {
        await using var stream = await Host.OpenStreamAsync(relay.Id, [RelayProtocol.Hop], Stop);
        await stream.WriteMessageAsync(said, Stop);
        await stream.CompleteWritesAsync(Stop);
        return (await stream.ReadMessageAsync(HopMessage.Parser, 10_000, Stop))?.Status;
    }

    public static byte[] Connect(PeerId peer) => new HopMessage { Type = HopMessage.Types.Type.Connect, Peer = new Peer { Id = ByteString.CopyFrom(peer.ToBytes()) } }.ToByteArray();

    public static byte[] Reserve() => new HopMessage { Type = HopMessage.Types.Type.Reserve }.ToByteArray();

    /// <summary>Has bytes echoed.</summary>
    /// <returns>How many came back until the end.</returns>
    public async Task<int> EchoAsync(PeerId peer, int length)
    {
        await using var stream = await Host.OpenStreamAsync(peer, [Echo], Stop);
        // The first alone: js-libp2p misses the end of a stream that comes while it still agrees on the protocol.
        var (buffer, total) = (new byte[8_192], 0);
        await stream.WriteAsync(buffer.AsMemory(0, 1), Stop);
        total += await stream.ReadAsync(buffer, Stop);
        var sending = SendAsync();
        while (await stream.ReadAsync(buffer, Stop) is var read and > 0)
            total += read;
        await sending;
        return total;

        async Task SendAsync()
        {
            var piece = new byte[1_000];
            for (var left = length - 1; left > 0; left -= piece.Length)
                await stream.WriteAsync(piece.AsMemory(0, Math.Min(left, piece.Length)), Stop);
            await stream.CompleteWritesAsync(Stop);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        if (Service is not null)
            await Service.DisposeAsync();
        await _identify.DisposeAsync();
        await Host.DisposeAsync();
        _key.Dispose();
    }

    private static async Task AnswerEchoAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[8_192];
        while (await stream.ReadAsync(buffer, cancellationToken) is var read and > 0)
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        await stream.CompleteWritesAsync(cancellationToken);
    }
}
