using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Network;

/// <summary>Nodes of several operators on one machine: each with a storage and a key of its own.</summary>
[Trait("speed", "slow")]
public sealed class NetworkEndpointsTests
{
    private static readonly string[] s_listen = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_ThatTakesNoPart_SaysSo()
    {
        await using var node = await RunningNode.StartAsync();

        var network = await RunningNode.ReadAsync<NetworkResponse>(await node.Anonymous.GetAsync("/api/v1/network", Stop));

        (network.IsOn, network.Addresses.Count, network.Peers).ShouldBe((false, 0, 0));
        await ShouldBeProblemAsync(await node.Admin.GetAsync("/api/v1/network/peers", Stop), HttpStatusCode.Conflict, "networkOff");
        await ShouldBeProblemAsync(
            await node.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest("/ip4/127.0.0.1/tcp/1"), Stop), HttpStatusCode.Conflict, "networkOff");
    }

    [Fact]
    public async Task Nodes_ThatJoinByOne_KnowPingAndFindEachOther()
    {
        await using var first = await RunningNode.StartAsync(s_listen);
        var address = first.Started.NetworkAddresses.ShouldHaveSingleItem();
        await using var second = await RunningNode.StartAsync([.. s_listen, "--network:join:0", address]);
        await using var third = await RunningNode.StartAsync([.. s_listen, "--network:join:0", address]);
        var (firstId, secondId) = (await PeerIdAsync(first), await PeerIdAsync(second));

        var seen = await WaitForPeersAsync(first, 2);

        seen.Select(peer => peer.PeerId).Order(StringComparer.Ordinal).ShouldBe(new[] { secondId, await PeerIdAsync(third) }.Order(StringComparer.Ordinal));
        seen.ShouldAllBe(peer => peer.Direction == "in" && peer.Security == "/tls/1.0.0" && peer.AgentVersion!.StartsWith("stoa/", StringComparison.Ordinal)
            && peer.Protocols!.Contains("/ipfs/ping/1.0.0"));
        var ping = await RunningNode.ReadAsync<PingResponse>(await third.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest(address, 2), Stop));
        (ping.PeerId, ping.TimesMs.Count).ShouldBe((firstId, 2));
        // The third was told of the first alone.
        var found = await RunningNode.ReadAsync<FoundPeerResponse>(await third.Admin.GetAsync($"/api/v1/network/peers/{secondId}", Stop));
        found.Addresses.ShouldBe(second.Started.NetworkAddresses.Select(place => place[..place.IndexOf("/p2p/", StringComparison.Ordinal)]));
        var byId = await RunningNode.ReadAsync<PingResponse>(await third.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest(secondId), Stop));
        byId.PeerId.ShouldBe(secondId);
    }

    [Fact]
    public async Task Program_OfOneNode_IsFoundWithWhoHasIt()
    {
        await using var first = await TestNode.StartAsync(folder: null, s_listen);
        await using var second = await TestNode.StartAsync(folder: null, [.. s_listen, "--network:join:0", first.PeerAddress]);
        using var ada = await first.JoinAsync("ada");
        var program = (await ada.GetAgentAsync(AgentReference.Parse(await TestNode.PublishAsync(ada, "echo", GuestPrograms.Echo)), Stop)).ProgramDigest;

        IReadOnlyList<FoundPeerResponse> found = [];
        await Eventually.IsSoAsync(async () => (found = (await second.Client.ListProvidersAsync(program, cancellationToken: Stop)).Items).Count > 0);

        found.ShouldHaveSingleItem().PeerId.ShouldBe((await first.Client.GetNetworkAsync(Stop)).PeerId);
        found[0].Addresses.ShouldNotBeEmpty();
        (await second.Client.ListProvidersAsync($"sha256:{new string('a', 64)}", cancellationToken: Stop)).Items.ShouldBeEmpty();
        (await Should.ThrowAsync<StoaException>(() => second.Client.ListProvidersAsync("echo", cancellationToken: Stop))).Code.ShouldBe("addressInvalid");
        (await Should.ThrowAsync<StoaException>(() => second.Client.ListProvidersAsync(program, 101, Stop))).Code.ShouldBe("addressInvalid");
    }

    [Fact]
    public async Task Node_OfTheWorld_GoesToNoPrivateAddressThatOthersTellOf()
    {
        await using var first = await RunningNode.StartAsync(s_listen);
        var address = first.Started.NetworkAddresses.ShouldHaveSingleItem();
        await using var second = await RunningNode.StartAsync([.. s_listen, "--network:join:0", address]);
        await using var third = await RunningNode.StartAsync([.. s_listen, "--network:join:0", address, "--network:announce:0", "/ip4/192.0.2.1/tcp/1"]);
        await WaitForPeersAsync(first, 2);
        await WaitForPeersAsync(third, 1);

        // The second one is known to the first, at an address of this machine.
        await ShouldBeProblemAsync(await third.Admin.GetAsync($"/api/v1/network/peers/{await PeerIdAsync(second)}", Stop), HttpStatusCode.NotFound, "peerUnknown");
        var at = second.Started.NetworkAddresses.ShouldHaveSingleItem();
        var name = at[..at.IndexOf("/p2p/", StringComparison.Ordinal)].Replace("/ip4/127.0.0.1/", "/dns4/localhost/", StringComparison.Ordinal);
        await ShouldBeProblemAsync(await third.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest(name), Stop), HttpStatusCode.BadGateway, "peerUnreachable");
        (await RunningNode.ReadAsync<PingResponse>(await first.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest(name), Stop))).PeerId.ShouldBe(await PeerIdAsync(second));
    }

    [Fact]
    public async Task Node_WhoseFriendIsAway_JoinsWhenItIsBack_AndAgainWhenItWasLost()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;
        string address;
        await using (var before = await RunningNode.StartInAsync(folder, s_listen))
            address = before.Started.NetworkAddresses.ShouldHaveSingleItem();
        await using var node = await RunningNode.StartAsync([.. s_listen, "--network:join:0", address]);
        (await RunningNode.ReadAsync<NetworkResponse>(await node.Anonymous.GetAsync("/api/v1/network", Stop))).Peers.ShouldBe(0);

        // It goes and comes again: who has lost it joins anew, each time.
        for (var time = 0; time < 2; time++)
        {
            await using (await RunningNode.StartInAsync(folder, "--network:listen:0", address[..address.IndexOf("/p2p/", StringComparison.Ordinal)], "--network:mdns", "false"))
                await WaitForPeersAsync(node, 1);
            await Eventually.IsSoAsync(async () => (await NetworkOfAsync(node)).Peers == 0);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Node_ThatNobodyCanDial_IsReachedThroughItsRelay()
    {
        await using var relay = await RunningNode.StartAsync(s_listen);
        var at = relay.Started.NetworkAddresses.ShouldHaveSingleItem();
        // What it tells of itself is a port at which nobody is, as behind a router.
        await using var hidden = await RunningNode.StartAsync([.. s_listen, "--network:announce:0", "/ip4/127.0.0.1/tcp/1", "--network:relays:0", at]);
        await using var caller = await RunningNode.StartAsync([.. s_listen, "--network:join:0", at]);
        var (hiddenId, circuit) = (await PeerIdAsync(hidden), "");
        await Eventually.IsSoAsync(async () => (circuit = (await NetworkOfAsync(hidden)).Addresses.FirstOrDefault(address => address.Contains("/p2p-circuit/", StringComparison.Ordinal)) ?? "").Length > 0);

        circuit.ShouldBe($"{at}/p2p-circuit/p2p/{hiddenId}");
        (await NetworkOfAsync(relay)).Protocols.ShouldContain("/libp2p/circuit/relay/0.2.0/hop");
        (await NetworkOfAsync(hidden)).Protocols.ShouldNotContain("/libp2p/circuit/relay/0.2.0/hop");
        // By its id alone: the relay tells where it is.
        await Eventually.IsSoAsync(async () =>
        {
            var answer = await caller.Admin.GetAsync($"/api/v1/network/peers/{hiddenId}", Stop);
            return answer.IsSuccessStatusCode && (await RunningNode.ReadAsync<FoundPeerResponse>(answer)).Addresses.Any(address => address.EndsWith("/p2p-circuit", StringComparison.Ordinal));
        });
        var ping = await RunningNode.ReadAsync<PingResponse>(await caller.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest(circuit, 2), Stop));
        (ping.PeerId, ping.Address, ping.TimesMs.Count).ShouldBe((hiddenId, $"{at}/p2p-circuit", 2));
    }

    [Fact]
    public async Task Node_ThatIsToBeNoRelay_IsNone()
    {
        await using var node = await RunningNode.StartAsync([.. s_listen, "--network:isRelay", "false"]);

        (await NetworkOfAsync(node)).Protocols.ShouldNotContain("/libp2p/circuit/relay/0.2.0/hop");
    }

    [Theory]
    [InlineData("nonsense", HttpStatusCode.UnprocessableEntity, "addressInvalid")]
    [InlineData("/ip4/127.0.0.1/udp/1", HttpStatusCode.BadGateway, "peerUnreachable")]
    [InlineData("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", HttpStatusCode.BadGateway, "peerUnreachable")]
    public async Task Ping_OfNobody_IsRefused(string peer, HttpStatusCode status, string code)
    {
        await using var node = await RunningNode.StartAsync(s_listen);

        await ShouldBeProblemAsync(await node.Admin.PostAsJsonAsync("/api/v1/network/pings", new PingRequest(peer), Stop), status, code);
    }

    [Fact]
    public async Task Find_OfNobody_IsRefused()
    {
        await using var node = await RunningNode.StartAsync(s_listen);

        await ShouldBeProblemAsync(await node.Admin.GetAsync("/api/v1/network/peers/nonsense", Stop), HttpStatusCode.UnprocessableEntity, "addressInvalid");
        await ShouldBeProblemAsync(
            await node.Admin.GetAsync("/api/v1/network/peers/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", Stop), HttpStatusCode.NotFound, "peerUnknown");
    }

    [Fact]
    public async Task Strangers_WhoSendGarbage_DisturbNobody()
    {
        await using var node = await RunningNode.StartAsync(s_listen);
        var port = int.Parse(node.Started.NetworkAddresses[0].Split('/')[4], System.Globalization.CultureInfo.InvariantCulture);
        var random = new Random(3);
        var strangers = new List<TcpClient>();
        for (var number = 0; number < 40; number++)
        {
            var stranger = new TcpClient();
            await stranger.ConnectAsync(IPAddress.Loopback, port, Stop);
            var garbage = new byte[random.Next(1, 4_000)];
            random.NextBytes(garbage);
            // One in four says nothing at all.
            if (number % 4 > 0)
                await stranger.GetStream().WriteAsync(garbage, Stop);
            strangers.Add(stranger);
        }

        await using var friend = await RunningNode.StartAsync([.. s_listen, "--network:join:0", node.Started.NetworkAddresses[0]]);

        (await WaitForPeersAsync(node, 1)).ShouldHaveSingleItem().PeerId.ShouldBe(await PeerIdAsync(friend));
        foreach (var stranger in strangers)
            stranger.Dispose();
    }

    [Theory]
    [InlineData("--network:listen:0", "127.0.0.1:80", "Network:Listen")]
    [InlineData("--network:join:0", "/ip4/127.0.0.1/tcp/80", "Network:Join")]
    [InlineData("--network:relays:0", "/ip4/127.0.0.1/tcp/80", "Network:Relays")]
    [InlineData("--network:relays:0", "/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/p2p-circuit/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "Network:Relays")]
    [InlineData("--network:maxRelayReservations", "0", "Network:MaxRelayReservations")]
    [InlineData("--network:maxRelayBytes", "1", "Network:MaxRelayBytes")]
    [InlineData("--network:maxConnections", "3", "Network:MaxConnections")]
    public async Task Options_ThatMakeNoSense_StopTheStart(string option, string value, string named) =>
        (await Should.ThrowAsync<BadOptionsException>(() => RunningNode.StartAsync(option, value))).Reasons.ShouldHaveSingleItem().ShouldContain(named);

    private static async Task ShouldBeProblemAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        var problem = await RunningNode.ReadProblemAsync(response);
        (response.StatusCode, problem.Code).ShouldBe((status, code));
    }

    private static async Task<NetworkResponse> NetworkOfAsync(RunningNode node) => await RunningNode.ReadAsync<NetworkResponse>(await node.Anonymous.GetAsync("/api/v1/network", Stop));

    private static async Task<string> PeerIdAsync(RunningNode node) => (await NetworkOfAsync(node)).PeerId;

    /// <summary>The peers of a node, when there are so many and each has said who it is.</summary>
    private static Task<IReadOnlyList<PeerResponse>> WaitForPeersAsync(RunningNode node, int count) => Eventually.FoundAsync(async () =>
    {
        var peers = (await RunningNode.ReadAsync<ListResponse<PeerResponse>>(await node.Admin.GetAsync("/api/v1/network/peers", Stop))).Items;
        return peers.Count >= count && peers.All(peer => peer.AgentVersion is not null) ? peers : null;
    });
}
