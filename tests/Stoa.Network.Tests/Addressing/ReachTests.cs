using Stoa.Network.Addressing;

namespace Stoa.Network.Tests.Addressing;

public sealed class ReachTests
{
    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1", AddressReach.Machine)]
    [InlineData("/ip4/0.0.0.0/tcp/1", AddressReach.Machine)]
    [InlineData("/ip6/::1/tcp/1", AddressReach.Machine)]
    [InlineData("/ip4/10.1.2.3/tcp/1", AddressReach.Network)]
    [InlineData("/ip4/169.254.169.254/tcp/80", AddressReach.Network)]
    [InlineData("/ip4/192.0.0.192/tcp/80", AddressReach.Network)]
    [InlineData("/ip4/100.100.100.200/tcp/80", AddressReach.Network)]
    [InlineData("/ip6/fd00:ec2::254/tcp/80", AddressReach.Network)]
    [InlineData("/ip4/1.2.3.4/tcp/1", AddressReach.World)]
    [InlineData("/ip6/2001:4860::8/tcp/1", AddressReach.World)]
    [InlineData("/dns4/localhost/tcp/1", AddressReach.World)]
    // An IPv4 address in an IPv6 one: mapped, NAT64, 6to4.
    [InlineData("/ip6/::ffff:7f00:1/tcp/1", AddressReach.Machine)]
    [InlineData("/ip6/::ffff:a9fe:a9fe/tcp/80", AddressReach.Network)]
    [InlineData("/ip6/64:ff9b::a00:1/tcp/1", AddressReach.Network)]
    [InlineData("/ip6/2002:a00:1::1/tcp/1", AddressReach.Network)]
    [InlineData("/ip6/64:ff9b::102:304/tcp/1", AddressReach.World)]
    public void Address_IsReached_FromWhereItsRangeIs(string address, AddressReach reach) => Reach.Of(Multiaddr.Parse(address)).ShouldBe(reach);
}
