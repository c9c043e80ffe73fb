using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Tests.Relay;

namespace Stoa.Network.Tests.Hosting;

public sealed class DialledNameTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Peer_DialledByName_IsCountedByItsAddress_AndTheNameIsKept(bool namesItsPeer)
    {
        await using var there = await RelayHost.ListenAsync();
        await using var here = RelayHost.Hide();
        there.Address!.WithoutPeer.TryGetTcp(out var endPoint).ShouldBeTrue();
        var name = Multiaddr.Parse($"/dns4/localhost/tcp/{endPoint!.Port}");
        here.Host.Peers.Add(there.Id, [name], AddressSource.Configured);

        var connection = namesItsPeer ? await here.Host.ConnectAsync(new PeerAddress(there.Id, []), Stop) : await here.Host.ConnectAsync(name, Stop);

        connection.RemoteAddress.ShouldBe(there.Address.WithoutPeer);
        AddressNetwork.Of(connection.RemoteAddress, exemptsPrivate: false).ShouldNotBeNull();
        here.Host.Peers.AddressesOf(there.Id)[0].ShouldBe(name);
        here.Host.Peers.AddressesOf(there.Id).ShouldContain(there.Address.WithoutPeer);
    }
}
