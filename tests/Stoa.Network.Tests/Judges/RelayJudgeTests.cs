using System.Text.Json.Nodes;
using Stoa.Network.Addressing;
using Stoa.Network.Relay;
using Stoa.Network.Tests.Relay;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Judges;

/// <summary>Circuits between this library and js-libp2p: each is the relay, the one behind it, and the one that dials.</summary>
[Trait("needs", "node")]
public sealed class RelayJudgeTests
{
    private const int Bytes = 12_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tls", true, true, false)]
    [InlineData("noise", true, true, false)]
    [InlineData("tls", true, false, true)]
    [InlineData("tls", true, false, false)]
    [InlineData("tls", false, true, true)]
    [InlineData("noise", false, true, false)]
    [InlineData("tls", false, true, false)]
    [InlineData("tls", false, false, true)]
    [InlineData("noise", false, false, true)]
    public async Task Peer_BehindARelay_IsDialledThroughIt(string security, bool isRelayJs, bool isHiddenJs, bool isCallerJs)
    {
        await using var relay = await StartAsync(security, isRelayJs, null, isRelay: true);
        await using var hidden = await StartAsync(security, isHiddenJs, relay.Address, isRelay: false);
        await using var caller = await StartAsync(security, isCallerJs, null, isRelay: false);
        hidden.Address.TryGetRelay(out var way).ShouldBeTrue();
        way!.Peer.ShouldBe(relay.Address.Peer!.Value);

        await caller.DialAsync(hidden.Address);

        await caller.EchoAsync(hidden.Address.Peer!.Value);
        await hidden.EchoAsync(caller.Id);
    }

    [Fact]
    public async Task Js_WithoutAPlace_IsRefusedByName()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions { MaxReservations = 1 });
        await using var first = RelayHost.Hide();
        await first.ReserveAsync(relay.Address!);

        await Should.ThrowAsync<InvalidOperationException>(() => JsPeer.StartWithRelaysAsync("tls", relay.Address, Stop, "identify"));
        relay.Service!.ReservationCount.ShouldBe(1);
    }

    private static async Task<Member> StartAsync(string security, bool isJs, Multiaddr? relay, bool isRelay)
    {
        if (isJs)
            return new Member(null, await JsPeer.StartWithRelaysAsync(security, relay, Stop, isRelay ? ["identify", "relay"] : ["identify"]));
        if (relay is null)
            return new Member(await RelayHost.ListenAsync(isRelay ? new RelayOptions() : null, security), null);
        var host = RelayHost.Hide(security);
        return new Member(host, null) { Address = await host.ReserveAsync(relay) };
    }

    /// <summary>A peer of either library.</summary>
    private sealed class Member(RelayHost? host, JsPeer? js) : IAsyncDisposable
    {
        public Multiaddr Address { get; init; } = js?.Address ?? host?.Address!;

        public PeerId Id => js?.Peer ?? host!.Id;

        public async Task DialAsync(Multiaddr address)
        {
            if (host is not null)
                (await host.Host.ConnectAsync(address, Stop)).RemoteAddress.IsCircuit.ShouldBeTrue();
            else
                ((string?)(await js!.AskAsync(new JsonObject { ["do"] = "dial", ["address"] = address.ToString() }, Stop))["peer"]).ShouldBe(address.Peer.ToString());
        }

        public async Task EchoAsync(PeerId peer)
        {
            if (host is not null)
            {
                (await host.EchoAsync(peer, Bytes)).ShouldBe(Bytes);
                return;
            }

            var answer = await js!.AskAsync(new JsonObject { ["do"] = "echo", ["peer"] = peer.ToString(), ["bytes"] = Bytes, ["seed"] = 3 }, Stop);
            ((int)answer["bytes"]!).ShouldBe(Bytes);
            ((bool)answer["isSame"]!).ShouldBeTrue();
        }

        public async ValueTask DisposeAsync()
        {
            if (js is not null)
                await js.DisposeAsync();
            if (host is not null)
                await host.DisposeAsync();
        }
    }
}
