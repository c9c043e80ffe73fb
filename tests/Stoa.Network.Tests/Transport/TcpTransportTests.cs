using System.Net;
using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Transport;

public sealed class TcpTransportTests : IDisposable
{
    private static readonly Multiaddr s_anyPort = Multiaddr.Parse("/ip4/127.0.0.1/tcp/0");

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly PrivateKey _otherKey = PrivateKey.Generate();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        _otherKey.Dispose();
    }

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/0", "ip4/127.0.0.1")]
    [InlineData("/ip4/127.0.0.1/tcp/0", "dns4/localhost")]
    [InlineData("/ip4/127.0.0.1/tcp/0", "dns/localhost")]
    [InlineData("/ip6/::1/tcp/0", "ip6/::1")]
    public async Task Peer_IsReached_ByAddressAndByName(string listen, string host)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6 || !listen.StartsWith("/ip6", StringComparison.Ordinal), "IPv6 is not on this machine.");
        await using var listener = await ListenAsync(new TcpOptions(), Multiaddr.Parse(listen));
        listener.Address.TryGetTcp(out var endPoint).ShouldBeTrue();
        endPoint!.Port.ShouldNotBe(0);
        var address = Multiaddr.Parse($"/{host}/tcp/{endPoint.Port}");
        var transport = Create(_key, new TcpOptions());

        transport.CanDial(address).ShouldBeTrue();
        await using var ours = await transport.DialAsync(address, _otherKey.PublicKey.PeerId, Stop);
        await using var theirs = (await listener.AcceptAsync(Stop)).ShouldNotBeNull();

        (ours.RemotePeer, theirs.RemotePeer).ShouldBe((_otherKey.PublicKey.PeerId, _key.PublicKey.PeerId));
        (ours.RemoteAddress, theirs.LocalAddress).ShouldBe((listener.Address, listener.Address));
        theirs.RemoteAddress.ShouldBe(ours.LocalAddress);
    }

    [Theory]
    [InlineData("dns4/localhost", true, false, true)]
    [InlineData("dns4/localhost", false, true, true)]
    [InlineData("dns4/localhost", false, false, false)]
    [InlineData("dns/localhost", false, false, false)]
    [InlineData("ip4/127.0.0.1", false, false, true)]
    public async Task Name_ThatLeadsIntoThisMachine_IsDialled_OnAPrivateNetworkOrWhenConfigured(string host, bool allowsPrivate, bool isConfigured, bool isDialled)
    {
        await using var listener = await ListenAsync(new TcpOptions());
        listener.Address.TryGetTcp(out var endPoint).ShouldBeTrue();
        var address = Multiaddr.Parse($"/{host}/tcp/{endPoint!.Port}");
        var transport = Create(_key, new TcpOptions { Names = new NameReach { AllowsPrivateAddresses = allowsPrivate, Configured = new HashSet<Multiaddr>(isConfigured ? [address] : []) } });

        if (!isDialled)
        {
            (await Should.ThrowAsync<ConnectException>(() => transport.DialAsync(address, null, Stop))).Fault.ShouldBe(ConnectFault.Refused);
            return;
        }

        await using var ours = await transport.DialAsync(address, null, Stop);
        ours.RemotePeer.ShouldBe(_otherKey.PublicKey.PeerId);
    }

    [Fact]
    public async Task Address_WhereNobodyListens_IsUnreachable()
    {
        Multiaddr address;
        await using (var listener = await ListenAsync(new TcpOptions()))
            address = listener.Address;

        (await Should.ThrowAsync<ConnectException>(() => Create(_key, new TcpOptions()).DialAsync(address, null, Stop))).Fault.ShouldBe(ConnectFault.Unreachable);
    }

    [Theory]
    [InlineData("/dns4/no-such-name.invalid/tcp/1", ConnectFault.Unreachable)]
    [InlineData("/ip4/127.0.0.1/udp/1", ConnectFault.NoAddress)]
    public async Task Address_ThatLeadsNowhere_IsRefused(string address, ConnectFault fault) =>
        (await Should.ThrowAsync<ConnectException>(() => Create(_key, new TcpOptions { ResolveTimeout = TimeSpan.FromSeconds(30) }).DialAsync(Multiaddr.Parse(address), null, Stop)))
            .Fault.ShouldBe(fault);

    [Fact]
    public async Task Address_ThatIsTaken_CannotBeListenedAt()
    {
        await using var listener = await ListenAsync(new TcpOptions());

        await Should.ThrowAsync<IOException>(() => ListenAsync(new TcpOptions(), listener.Address));
    }

    [Fact]
    public async Task Strangers_WhoSayNothing_AreDroppedAndLetOthersThrough()
    {
        await using var listener = await ListenAsync(new TcpOptions { HandshakesMax = 2, HandshakeTimeout = TimeSpan.FromMilliseconds(500) });
        using var first = await ConnectAsync(listener);
        using var second = await ConnectAsync(listener);

        await using var ours = await Create(_key, new TcpOptions()).DialAsync(listener.Address, null, Stop);
        await using var theirs = (await listener.AcceptAsync(Stop)).ShouldNotBeNull();

        theirs.RemotePeer.ShouldBe(_key.PublicKey.PeerId);
        // Both are hung up on. The place of the one lets the third in, whether the other has gone by then or not.
        (await IsOverAsync(first)).ShouldBeTrue();
        (await IsOverAsync(second)).ShouldBeTrue();
        await Eventually.IsSoAsync(() => ((TcpConnectionListener)listener).Dropped[ConnectFault.TimedOut] == 2);
    }

    [Fact]
    public async Task Strangers_OfOneAddress_DoNotTakeAllHandshakes()
    {
        await using var listener = await ListenAsync(new TcpOptions { HandshakesMax = 8, HandshakesOfOneAddressMax = 2 });
        using var first = await ConnectAsync(listener);
        using var second = await ConnectAsync(listener);
        using var third = await ConnectAsync(listener);

        (await IsOverAsync(third)).ShouldBeTrue();
        ((TcpConnectionListener)listener).Dropped[ConnectFault.Refused].ShouldBe(1);
    }

    [Fact]
    public async Task Strangers_WhoTalkNonsense_AreDroppedAndTheListenerGoesOn()
    {
        await using var listener = await ListenAsync(new TcpOptions());
        for (var count = 0; count < 30; count++)
        {
            using var stranger = await ConnectAsync(listener);
            await stranger.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: one that has come to the wrong door\r\n\r\n"u8.ToArray(), Stop);
            (await IsOverAsync(stranger)).ShouldBeTrue();
        }

        await using var ours = await Create(_key, new TcpOptions()).DialAsync(listener.Address, null, Stop);
        (await listener.AcceptAsync(Stop)).ShouldNotBeNull();
        await Eventually.IsSoAsync(() => ((TcpConnectionListener)listener).Dropped[ConnectFault.BrokenProtocol] == 30);
    }

    [Fact]
    public async Task Listener_ThatIsClosed_EndsItsHandshakesAndItsWaiters()
    {
        var listener = await ListenAsync(new TcpOptions());
        using var stranger = await ConnectAsync(listener);
        var accepting = listener.AcceptAsync(Stop);

        await listener.DisposeAsync();

        (await accepting).ShouldBeNull();
        (await listener.AcceptAsync(Stop)).ShouldBeNull();
        (await IsOverAsync(stranger)).ShouldBeTrue();
        ((TcpConnectionListener)listener).Dropped.Total.ShouldBe(0);
    }

    private static async Task<TcpClient> ConnectAsync(IListener listener)
    {
        listener.Address.TryGetTcp(out var endPoint).ShouldBeTrue();
        var client = new TcpClient();
        await client.ConnectAsync(new IPEndPoint(endPoint!.Address, endPoint.Port), Stop);
        return client;
    }

    private static async Task<bool> IsOverAsync(TcpClient client)
    {
        try
        {
            return await client.GetStream().ReadAsync(new byte[256], Stop) == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static TcpTransport Create(PrivateKey key, TcpOptions options) =>
        new([Securities.Create("tls", key)], [new Yamux(new YamuxOptions(), TimeProvider.System)], options, TimeProvider.System);

    private Task<IListener> ListenAsync(TcpOptions options, Multiaddr? address = null) => Create(_otherKey, options).ListenAsync(address ?? s_anyPort, Stop);
}
