using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;

namespace Stoa.Simulation;

/// <summary>The real protocols over simulated sockets: what they do is in the history, and comes again by its seed.</summary>
public sealed class StackTests
{
    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    public void Yamux_OverSockets_HasOneHistoryForOneSeed()
    {
        HistoryOf(3).ShouldBe(HistoryOf(3));
        HistoryOf(3).ShouldNotBe(HistoryOf(4));

        static (ulong, long) HistoryOf(int seed)
        {
            var world = new World(seed);
            world.Run(() => ExchangeAsync(new SimulatedNetwork(world, new NetworkConditions { BytesPerSecond = 1e6 }), streams: 20, length: 50_000));
            return (world.History, world.Happenings);
        }
    }

    [Fact]
    public void Yamux_OnALongWay_WidensItsWindow()
    {
        var world = new World(1);
        var network = new SimulatedNetwork(world, new NetworkConditions
        {
            MinLatency = TimeSpan.FromMilliseconds(100),
            MaxLatency = TimeSpan.FromMilliseconds(100),
            WindowBytes = 16 * 1024 * 1024,
        });
        world.Run(async () =>
        {
            var start = world.Time.GetUtcNow();
            await ExchangeAsync(network, streams: 1, length: 20_000_000);
            // A window of 256 KiB in a round trip of 200 ms would take a quarter of a minute.
            (world.Time.GetUtcNow() - start).TotalSeconds.ShouldBeLessThan(5);
        });
    }

    [Fact]
    public void Yamux_WhosePeerDiesSilently_IsEndedByItsKeepAlive()
    {
        var world = new World(1);
        var network = new SimulatedNetwork(world, new NetworkConditions { StallTimeout = TimeSpan.FromHours(1) });
        world.Run(async () =>
        {
            var (dialer, listener) = await ConnectAsync(network, LeavePlainAsync);
            await Task.Delay(TimeSpan.FromMinutes(10), world.Time);
            dialer.EndedBecause.ShouldBeNull();
            network.Nodes[1].Die(isSilent: true);
            var start = world.Time.GetUtcNow();
            await dialer.Completion;
            dialer.EndedBecause.ShouldBe("Nothing was heard for 20 s after a ping.");
            (world.Time.GetUtcNow() - start).TotalSeconds.ShouldBeInRange(20, 51);
            await listener.Completion;
        });
    }

    /// <summary>TLS draws keys of its own, so its bytes are others each time; but all of it happens in the world.</summary>
    [Fact]
    public void Yamux_OverTheFrameworksTls_StaysInTheWorld()
    {
        var world = new World(1);
        world.Run(() => ExchangeAsync(new SimulatedNetwork(world, new NetworkConditions()), streams: 10, length: 100_000, SecureAsync));
    }

    private static async Task<Stream> SecureAsync(Stream socket, bool isInitiator)
    {
        var tls = new SslStream(socket);
        if (isInitiator)
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "peer", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=peer" }, s_never);
            return tls;
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var certificate = new CertificateRequest("CN=peer", key, HashAlgorithmName.SHA256).CreateSelfSigned(VirtualTime.Start, VirtualTime.Start.AddYears(100));
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, s_never);
        return tls;
    }

    private static Task<Stream> LeavePlainAsync(Stream socket, bool isInitiator) => Task.FromResult(socket);

    private static async Task<(IMuxedConnection Dialer, IMuxedConnection Listener)> ConnectAsync(SimulatedNetwork network, Func<Stream, bool, Task<Stream>> secureAsync)
    {
        var (one, other) = (network.AddNode(), network.AddNode());
        var yamux = new Yamux(new YamuxOptions(), network.World.Time);
        var listener = other.ListenSocket();
        var answering = AnswerAsync();
        var socket = await secureAsync(await one.DialSocketAsync(other.Address, s_never), true);
        await MultistreamSelect.ProposeAsync(socket, [yamux.Protocol], s_never);
        return (yamux.Start(socket, isInitiator: true), await answering);

        async Task<IMuxedConnection> AnswerAsync()
        {
            var socket = await secureAsync((await listener.AcceptAsync(s_never))!, false);
            await MultistreamSelect.AnswerAsync(socket, protocol => protocol == yamux.Protocol, s_never);
            return yamux.Start(socket, isInitiator: false);
        }
    }

    private static async Task ExchangeAsync(SimulatedNetwork network, int streams, int length, Func<Stream, bool, Task<Stream>>? secureAsync = null)
    {
        var (dialer, listener) = await ConnectAsync(network, secureAsync ?? LeavePlainAsync);
        var serving = ServeAsync();
        await Task.WhenAll(Enumerable.Range(0, streams).Select(AskAsync));
        await dialer.DisposeAsync();
        await serving;
        await listener.Completion;

        async Task AskAsync(int index)
        {
            await using var stream = await dialer.OpenStreamAsync(s_never);
            await MultistreamSelect.ProposeAsync(stream, ["/echo/1"], s_never);
            var sent = new byte[length];
            Array.Fill(sent, (byte)index);
            var writing = WriteAsync(stream, sent);
            var buffer = new byte[10_000];
            var total = 0;
            int read;
            while ((read = await stream.ReadAsync(buffer, s_never)) > 0)
            {
                buffer.AsSpan(0, read).IndexOfAnyExcept((byte)index).ShouldBe(-1);
                total += read;
            }

            total.ShouldBe(length);
            await writing;
        }

        static async Task WriteAsync(MuxedStream stream, byte[] bytes)
        {
            await stream.WriteAsync(bytes, s_never);
            await stream.CompleteWritesAsync(s_never);
        }

        async Task ServeAsync()
        {
            var echoes = new List<Task>();
            while (await listener.AcceptStreamAsync(s_never) is { } stream)
                echoes.Add(EchoAsync(stream));
            await Task.WhenAll(echoes);
        }

        static async Task EchoAsync(MuxedStream stream)
        {
            await MultistreamSelect.AnswerAsync(stream, protocol => protocol == "/echo/1", s_never);
            var buffer = new byte[7_000];
            int read;
            while ((read = await stream.ReadAsync(buffer, s_never)) > 0)
                await stream.WriteAsync(buffer.AsMemory(0, read), s_never);
            await stream.CompleteWritesAsync(s_never);
        }
    }
}
