using Stoa.Network.Addressing;
using Stoa.Network.Identify;
using Stoa.Network.Negotiation;
using Stoa.Network.Relay;
using Stoa.Network.Relay.Wire;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Relay;

/// <summary>Peers that are reached through a relay, over TCP on this machine.</summary>
public sealed class RelayTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tls")]
    [InlineData("noise")]
    public async Task Peer_ThatNobodyCanDial_IsReachedThroughItsRelay(string security)
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions(), security);
        await using var hidden = RelayHost.Hide(security);
        await using var caller = await RelayHost.ListenAsync(security: security);
        var address = await hidden.ReserveAsync(relay.Address!);
        hidden.Last!.HeldUntil.ShouldNotBeNull();
        relay.Service!.ReservationCount.ShouldBe(1);

        var connection = await caller.Host.ConnectAsync(address, Stop);

        connection.RemotePeer.ShouldBe(hidden.Id);
        connection.RemoteAddress.ShouldBe(address.WithoutPeer);
        connection.Security.ShouldNotBeEmpty();
        (await caller.EchoAsync(hidden.Id, 50_000)).ShouldBe(50_000);
        (await PingProtocol.PingAsync(hidden.Host, caller.Id, Stop)).ShouldBeGreaterThan(TimeSpan.Zero);
        hidden.Host.Connections.Single(one => one.RemotePeer == caller.Id).RemoteAddress.ShouldBe(address.WithoutPeer);
        relay.Service.CircuitCount.ShouldBe(1);
        // Where it is reached it tells everybody.
        await Eventually.IsSoAsync(() => caller.Host.Peers.DescriptionOf(hidden.Id) is { } said && said.Addresses.Contains(address.WithoutPeer), "It does not tell of its relay.");
        await connection.DisposeAsync();
        await Eventually.IsSoAsync(() => relay.Service.CircuitCount == 0, "The circuit does not end.");
    }

    [Fact]
    public async Task Peer_ThatCanBeDialled_IsNotReachedThroughARelay()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var open = await RelayHost.ListenAsync();
        await using var caller = await RelayHost.ListenAsync();
        var address = await open.ReserveAsync(relay.Address!);

        var connection = await caller.Host.ConnectAsync(new PeerAddress(open.Id, [address.WithoutPeer, open.Address!.WithoutPeer]), Stop);

        connection.RemoteAddress.ShouldBe(open.Address.WithoutPeer);
        relay.Service!.CircuitCount.ShouldBe(0);
    }

    [Fact]
    public async Task Reservation_EndsWithItsConnection_AndIsMadeAgain()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var hidden = RelayHost.Hide();
        await using var caller = await RelayHost.ListenAsync();
        var address = await hidden.ReserveAsync(relay.Address!);

        relay.Host.Disconnect(hidden.Id);
        await Eventually.IsSoAsync(() => hidden.Last is { HeldUntil: null }, "It does not notice that its relay has gone.");
        await Eventually.IsSoAsync(() => hidden.Last is { HeldUntil: not null }, "It does not come back to its relay.");

        (await caller.Host.ConnectAsync(address, Stop)).RemotePeer.ShouldBe(hidden.Id);
    }

    [Fact]
    public async Task Host_ThatIsNoRelay_GivesNoPlace_AndNoCircuit()
    {
        await using var plain = await RelayHost.ListenAsync();
        await using var hidden = RelayHost.Hide();
        await hidden.Host.ListenAsync(plain.Address!.WithoutPeer.ThroughRelay(plain.Id), Stop);
        await Eventually.IsSoAsync(() => hidden.Last is not null, "Nothing is told of the reservation.");

        hidden.Last!.HeldUntil.ShouldBeNull();
        hidden.Host.Addresses.ShouldBeEmpty();
        using var other = PrivateKey.Generate();
        var address = plain.Address.WithoutPeer.ThroughRelay(plain.Id).WithPeer(other.PublicKey.PeerId);
        (await Should.ThrowAsync<ConnectException>(() => hidden.Host.ConnectAsync(address, Stop))).Fault.ShouldBe(ConnectFault.NothingInCommon);
    }

    [Fact]
    public async Task Address_ThatLeadsThroughNothing_IsNotDialled()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var caller = await RelayHost.ListenAsync();
        var way = relay.Address!.WithoutPeer.ThroughRelay(relay.Id);

        foreach (var address in new[] { way, way.WithPeer(relay.Id), caller.Address!.WithoutPeer.ThroughRelay(caller.Id).WithPeer(relay.Id) })
            (await Should.ThrowAsync<ConnectException>(() => new ValueTask(caller.Circuits.DialAsync(address.WithoutPeer, address.Peer, Stop)).AsTask())).Fault.ShouldBe(ConnectFault.NoAddress);
    }

    [Fact]
    public async Task Places_AreBounded()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions { MaxReservations = 1 });
        await using var one = RelayHost.Hide();
        await using var other = RelayHost.Hide();
        await one.ReserveAsync(relay.Address!);

        await other.Host.ConnectAsync(relay.Address!, Stop);
        (await other.AskRelayAsync(relay, RelayHost.Reserve())).ShouldBe(Status.ReservationRefused);
        (await one.AskRelayAsync(relay, RelayHost.Reserve())).ShouldBe(Status.Ok);

        // With the first its place is free.
        var waiting = other.ReserveAsync(relay.Address!);
        await one.DisposeAsync();
        (await waiting).Peer.ShouldBe(other.Id);
    }

    [Fact]
    public async Task Circuits_OfOnePeer_AreBounded()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions { MaxCircuitsPerPeer = 1 });
        await using var hidden = RelayHost.Hide();
        await using var one = RelayHost.Hide();
        await using var other = RelayHost.Hide();
        var address = await hidden.ReserveAsync(relay.Address!);
        var connection = await one.Host.ConnectAsync(address, Stop);

        (await Should.ThrowAsync<ConnectException>(() => other.Host.ConnectAsync(address, Stop))).Message.ShouldContain(nameof(Status.ResourceLimitExceeded));
        await connection.DisposeAsync();
        await Eventually.IsSoAsync(() => relay.Service!.CircuitCount == 0, "The circuit does not end.");
        (await other.Host.ConnectAsync(address, Stop)).RemotePeer.ShouldBe(hidden.Id);
    }

    [Fact]
    public async Task Circuit_ThatCarriesTooMuch_IsBrokenOff()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions { MaxCircuitBytes = 30_000 });
        await using var hidden = RelayHost.Hide();
        await using var caller = RelayHost.Hide();
        var connection = await caller.Host.ConnectAsync(await hidden.ReserveAsync(relay.Address!), Stop);
        (await caller.EchoAsync(hidden.Id, 1_000)).ShouldBe(1_000);

        await Should.ThrowAsync<IOException>(() => caller.EchoAsync(hidden.Id, int.MaxValue));

        await connection.Completion.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        await Eventually.IsSoAsync(() => relay.Service!.CircuitCount == 0 && !hidden.Host.IsConnected(caller.Id), "The circuit does not end.");
        // It is the circuit that has ended; another may begin.
        hidden.Host.IsConnected(relay.Id).ShouldBeTrue();
        (await caller.EchoAsync(hidden.Id, 1_000)).ShouldBe(1_000);
    }

    [Fact]
    public async Task Relay_ThatStops_BreaksItsCircuitsOff()
    {
        await using var relay = await RelayHost.ListenAsync(new RelayOptions());
        await using var hidden = RelayHost.Hide();
        await using var caller = RelayHost.Hide();
        var connection = await caller.Host.ConnectAsync(await hidden.ReserveAsync(relay.Address!), Stop);

        await relay.Service!.DisposeAsync();

        await connection.Completion.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        relay.Host.Protocols.ShouldNotContain(RelayProtocol.Hop);
    }

    [Fact]
    public async Task Relay_IsNotReservedAt_ThroughAnotherRelay()
    {
        await using var first = await RelayHost.ListenAsync(new RelayOptions());
        await using var second = RelayHost.Hide();
        await using var service = RelayService.Serve(second.Host, new RelayOptions());
        await using var caller = RelayHost.Hide();
        await caller.Host.ConnectAsync(await second.ReserveAsync(first.Address!), Stop);

        (await caller.AskRelayAsync(second, RelayHost.Reserve())).ShouldBe(Status.PermissionDenied);
        (await caller.AskRelayAsync(second, RelayHost.Connect(first.Id))).ShouldBe(Status.PermissionDenied);
        service.ReservationCount.ShouldBe(0);
    }
}
