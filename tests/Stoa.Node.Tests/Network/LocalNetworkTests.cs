using System.Net;
using System.Net.Sockets;
using Stoa.Client.Contracts;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Network;

/// <summary>Nodes of one local network, which nobody has told of each other.</summary>
[Trait("speed", "slow")]
public sealed class LocalNetworkTests
{
    private static readonly IPAddress s_group = IPAddress.Parse("224.0.0.251");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_ThatAreToldOfNobody_FindEachOther()
    {
        Assert.SkipUnless(await IsMulticastHeardAsync(), "Multicast is not heard on this machine.");
        string[] listen = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0"];
        await using var first = await RunningNode.StartAsync(listen);
        await using var second = await RunningNode.StartAsync(listen);
        // One that does not want to be found is left alone.
        await using var third = await RunningNode.StartAsync([.. listen, "--network:mdns", "false"]);

        // Others may be on the network, too.
        await Eventually.IsSoAsync(async () => (await PeersAsync(first)).Contains(await PeerIdAsync(second)) && (await PeersAsync(second)).Contains(await PeerIdAsync(first)));

        (await PeersAsync(third)).ShouldBeEmpty();
        (await PeersAsync(first)).ShouldNotContain(await PeerIdAsync(third));
    }

    /// <summary>Whether what this machine sends to a group comes back to it: in some containers it does not.</summary>
    private static async Task<bool> IsMulticastHeardAsync()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, 0));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(s_group, IPAddress.Loopback));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.Loopback.GetAddressBytes());
            await socket.SendToAsync(new byte[] { 1 }, new IPEndPoint(s_group, ((IPEndPoint)socket.LocalEndPoint!).Port), patience.Token);
            return await socket.ReceiveAsync(new byte[1], patience.Token) == 1;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !Stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async Task<string> PeerIdAsync(RunningNode node) =>
        (await RunningNode.ReadAsync<NetworkResponse>(await node.Anonymous.GetAsync("/api/v1/network", Stop))).PeerId;

    private static async Task<List<string>> PeersAsync(RunningNode node) =>
        [.. (await RunningNode.ReadAsync<ListResponse<PeerResponse>>(await node.Admin.GetAsync("/api/v1/network/peers", Stop))).Items.Select(peer => peer.PeerId)];
}
