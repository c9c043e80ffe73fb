using Stoa.Network.Addressing;
using Stoa.Node.Network;

namespace Stoa.Node.Tests.Network;

public sealed class NetworkOptionsTests
{
    private const string Peer = "/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1", null, null, null, true)]
    [InlineData("/ip4/192.168.1.2/tcp/1", "/ip4/10.0.0.1/tcp/1", null, null, true)]
    [InlineData(null, "/ip4/127.0.0.1/tcp/1", null, null, true)]
    [InlineData("/ip4/0.0.0.0/tcp/1", "/ip4/127.0.0.1/tcp/1", null, null, true)]
    [InlineData("/ip4/127.0.0.1/tcp/1", null, null, "/ip4/10.0.0.1/tcp/1", true)]
    [InlineData("/ip4/0.0.0.0/tcp/1", null, null, null, false)]
    [InlineData("/ip6/::/tcp/1", null, null, null, false)]
    [InlineData("/ip4/127.0.0.1/tcp/1", "/ip4/1.2.3.4/tcp/1", null, null, false)]
    [InlineData("/ip4/127.0.0.1/tcp/1", "/dns4/node.example/tcp/1", null, null, false)]
    [InlineData("/ip4/10.0.0.1/tcp/1", null, "/ip4/1.2.3.4/tcp/1", null, false)]
    [InlineData("/ip4/10.0.0.1/tcp/1", null, null, "/ip4/1.2.3.4/tcp/1", false)]
    [InlineData(null, null, null, null, false)]
    public void PrivateAddresses_AreTaken_WhereTheNodeHasNoOthers_OrItIsSaid(string? listen, string? join, string? announce, string? relay, bool taken)
    {
        var options = new NetworkOptions { Listen = ToList(listen), Join = ToList(join, Peer), Announce = ToList(announce), Relays = ToList(relay, Peer) };

        options.TakesPrivateAddresses.ShouldBe(taken);
        options.ToNames().AllowsPrivateAddresses.ShouldBe(taken);
        (options with { AllowPrivateAddresses = true }).TakesPrivateAddresses.ShouldBeTrue();
    }

    [Fact]
    public void Names_OfTheOperator_MayLeadAnywhere_ThoseOfOthersMayNot()
    {
        var names = new NetworkOptions { Join = ["/dns4/seed.example/tcp/1" + Peer], Relays = ["/dns4/relay.example/tcp/1" + Peer] }.ToNames();

        names.MayLead(Multiaddr.Parse("/dns4/seed.example/tcp/1"), AddressReach.Machine).ShouldBeTrue();
        names.MayLead(Multiaddr.Parse("/dns4/relay.example/tcp/1"), AddressReach.Network).ShouldBeTrue();
        names.MayLead(Multiaddr.Parse("/dns4/stranger.example/tcp/1"), AddressReach.Network).ShouldBeFalse();
        names.MayLead(Multiaddr.Parse("/dns4/stranger.example/tcp/1"), AddressReach.World).ShouldBeTrue();
    }

    private static string[] ToList(string? address, string behind = "") => address is null ? [] : [address + behind];
}
