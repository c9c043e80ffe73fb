using System.Net;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Addressing;

public sealed class MultiaddrTests
{
    private const string Peer = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1234", "047f0000010604d2")]
    [InlineData("/ip4/127.0.0.1/udp/1234", "047f000001910204d2")]
    [InlineData("/ip6/::1/tcp/80", "290000000000000000000000000000000106" + "0050")]
    [InlineData("/dns4/example.org/tcp/443", "360b6578616d706c652e6f72670601bb")]
    [InlineData("/memory/7", "8906" + "0000000000000007")]
    [InlineData("/ip4/1.2.3.4/tcp/4001/tls/ws", "0401020304060fa1c003dd03")]
    public void Text_AndBytes_StandForEachOther(string text, string hex)
    {
        var address = Multiaddr.Parse(text);

        Convert.ToHexStringLower(address.ToBytes().Span).ShouldBe(hex);
        Multiaddr.FromBytes(Convert.FromHexString(hex)).ShouldBe(address);
        address.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("ip4/127.0.0.1/tcp/1")]
    [InlineData("/ip4/127.0.0.1/tcp")]
    [InlineData("/ip4/127.0.0.1/tcp/65536")]
    [InlineData("/ip4/127.0.0.1/tcp/-1")]
    [InlineData("/ip4/127.1/tcp/1")]
    [InlineData("/ip4/0127.0.0.1/tcp/1")]
    [InlineData("/ip4/::1/tcp/1")]
    [InlineData("/ip6/127.0.0.1/tcp/1")]
    [InlineData("/ip6/fe80::1%eth0/tcp/1")]
    [InlineData("/dns4/two words/tcp/1")]
    [InlineData("/p2p/nobody")]
    [InlineData("/carrier-pigeon/1")]
    [InlineData("//ip4/127.0.0.1")]
    public void Text_OfNoAddress_IsRefused(string text)
    {
        Multiaddr.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => Multiaddr.Parse(text));
    }

    [Fact]
    public void Bytes_OfEveryLength_AreReadOrRefused()
    {
        var whole = Multiaddr.Parse($"/dns4/example.org/tcp/443/p2p/{Peer}").ToBytes();
        for (var length = 0; length < whole.Length; length++)
            (Multiaddr.TryRead(whole.Span[..length], out var cut) && cut.Peer is not null).ShouldBeFalse();
        var random = new Random(7);
        var bytes = new byte[64];
        for (var round = 0; round < 20_000; round++)
        {
            random.NextBytes(bytes);
            bytes[0] = (byte)AddressProtocol.Ip4;
            if (Multiaddr.TryRead(bytes.AsSpan(0, random.Next(64)), out var read))
                Multiaddr.Parse(read.ToString()).ShouldBe(read);
        }
    }

    [Theory]
    [InlineData($"/ip4/1.2.3.4/tcp/4001/p2p/{Peer}/p2p-circuit", "/ip4/1.2.3.4/tcp/4001")]
    [InlineData($"/ip4/1.2.3.4/tcp/4001/p2p/{Peer}/p2p-circuit/p2p/{Peer}", "/ip4/1.2.3.4/tcp/4001")]
    [InlineData($"/p2p/{Peer}/p2p-circuit", null)]
    [InlineData($"/dnsaddr/relay.example/p2p/{Peer}/p2p-circuit", "/dnsaddr/relay.example")]
    public void Relay_IsNamedInACircuit(string text, string? at)
    {
        var address = Multiaddr.Parse(text);

        address.IsCircuit.ShouldBeTrue();
        address.TryGetRelay(out var relay).ShouldBeTrue();
        relay!.Peer.ToString().ShouldBe(Peer);
        relay.Addresses.Select(one => one.ToString()).ShouldBe(at is null ? [] : [at]);
        if (at is not null)
            Multiaddr.Parse(at).ThroughRelay(PeerId.Parse(Peer)).ShouldBe(address.WithoutPeer);
    }

    [Theory]
    [InlineData("/ip4/1.2.3.4/tcp/4001/p2p-circuit")]
    [InlineData("/p2p-circuit")]
    [InlineData($"/ip4/1.2.3.4/tcp/4001/p2p/{Peer}")]
    [InlineData($"/p2p/{Peer}/p2p-circuit/p2p/{Peer}/p2p-circuit")]
    [InlineData($"/p2p/{Peer}/p2p/{Peer}/p2p-circuit")]
    [InlineData($"/p2p/{Peer}/p2p-circuit/ip4/1.2.3.4/tcp/1")]
    public void Address_ThatLeadsThroughNoRelayOrSeveral_NamesNone(string text) => Multiaddr.Parse(text).TryGetRelay(out _).ShouldBeFalse();

    [Fact]
    public void Address_ThatIsTooLong_IsRefused()
    {
        Multiaddr.TryParse(string.Concat(Enumerable.Repeat("/tcp/1", Multiaddr.MaxParts + 1)), out _).ShouldBeFalse();
        Multiaddr.TryParse("/dns4/" + new string('a', 254), out _).ShouldBeFalse();
        Multiaddr.TryRead(new byte[Multiaddr.MaxLength + 1], out _).ShouldBeFalse();
    }

    [Fact]
    public void Peer_IsTheLastPart_AndComesOff()
    {
        var bare = Multiaddr.Parse("/ip4/192.0.2.1/tcp/8421");

        var named = bare.WithPeer(PeerId.Parse(Peer));

        named.ToString().ShouldBe($"/ip4/192.0.2.1/tcp/8421/p2p/{Peer}");
        (named.Peer, named.WithoutPeer, bare.Peer).ShouldBe((PeerId.Parse(Peer), bare, null));
        named.WithPeer(PeerId.Parse(Peer)).ShouldBe(named);
        Multiaddr.Parse($"/ip4/192.0.2.1/tcp/8421/ipfs/{Peer}").ShouldBe(named);
        Should.Throw<FormatException>(() => PeerAddress.Of(bare));
        // Of a relayed address the peer is the one behind the relay.
        Multiaddr.Parse($"/ip4/192.0.2.1/tcp/8421/p2p/{Peer}/p2p-circuit").Peer.ShouldBeNull();
    }

    [Fact]
    public void EndPoint_OfTcp_ComesAndGoes()
    {
        Multiaddr.OfTcp(new IPEndPoint(IPAddress.Parse("::ffff:192.0.2.1"), 80)).ToString().ShouldBe("/ip4/192.0.2.1/tcp/80");
        Multiaddr.Parse("/ip6/::1/tcp/80").TryGetTcp(out var endPoint).ShouldBeTrue();
        endPoint.ShouldBe(new IPEndPoint(IPAddress.IPv6Loopback, 80));
        Multiaddr.Parse("/ip4/192.0.2.1/udp/80").TryGetTcp(out _).ShouldBeFalse();
        Multiaddr.Parse("/dns6/example.org/tcp/80").TryGetDnsTcp(out var host, out var port, out var family).ShouldBeTrue();
        (host, port, family).ShouldBe(("example.org", 80, System.Net.Sockets.AddressFamily.InterNetworkV6));
    }

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1", AddressReach.Machine)]
    [InlineData("/ip6/::1/tcp/1", AddressReach.Machine)]
    [InlineData("/ip6/::ffff:127.0.0.1/tcp/1", AddressReach.Machine)]
    [InlineData("/ip4/10.1.2.3/tcp/1", AddressReach.Network)]
    [InlineData("/ip4/192.168.1.1/tcp/1", AddressReach.Network)]
    [InlineData("/ip4/169.254.169.254/tcp/1", AddressReach.Network)]
    [InlineData("/ip6/fe80::1/tcp/1", AddressReach.Network)]
    [InlineData("/ip4/203.0.113.1/tcp/1", AddressReach.World)]
    [InlineData("/dns4/example.org/tcp/1", AddressReach.World)]
    public void Reach_OfAnAddress(string address, AddressReach reach) => Reach.Of(Multiaddr.Parse(address)).ShouldBe(reach);

    [Fact]
    public void Addresses_ThatSomebodyFarAwayTells_AreNotOfThisMachineOrNetwork()
    {
        Multiaddr[] told = [.. new[] { "/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/203.0.113.7/tcp/1", "/ip4/0.0.0.0/tcp/1" }.Select(text => Multiaddr.Parse(text))];

        Reach.SeenFrom(Multiaddr.Parse("/ip4/203.0.113.1/tcp/9"), told).ShouldBe([told[2]]);
        Reach.SeenFrom(Multiaddr.Parse("/ip4/10.0.0.9/tcp/9"), told).ShouldBe(told[1..3]);
        Reach.SeenFrom(Multiaddr.Parse("/ip4/127.0.0.1/tcp/9"), told).ShouldBe(told[..3]);
    }
}
