using Stoa.Network.Addressing;
using Stoa.Network.Relay;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Relay;

public sealed class ReservationsTests
{
    private readonly ManualTime _time = new();
    private int _last;

    [Fact]
    public void Reservation_Holds_UntilItsTimeIsOver_OrItIsTakenBack()
    {
        var reservations = new Reservations(new RelayOptions(), _time);
        var (one, other) = (NewPeer(), NewPeer());

        reservations.Reserve(one, At("1.2.3.4")).ShouldBe(_time.GetUtcNow() + TimeSpan.FromHours(1));
        reservations.Reserve(other, At("1.2.3.4"));
        reservations.Remove(other).ShouldBeTrue();
        reservations.Remove(other).ShouldBeFalse();
        _time.Advance(TimeSpan.FromMinutes(59));

        reservations.Contains(one).ShouldBeTrue();
        reservations.Contains(other).ShouldBeFalse();
        _time.Advance(TimeSpan.FromMinutes(1));
        reservations.Contains(one).ShouldBeFalse();
        reservations.Count.ShouldBe(0);
    }

    [Fact]
    public void Renewal_TakesNoSecondPlace_AndHoldsAnew()
    {
        var reservations = new Reservations(new RelayOptions { MaxReservations = 1, MaxReservationsPerAddress = 1, MaxReservationsPerNetwork = 1 }, _time);
        var peer = NewPeer();
        reservations.Reserve(peer, At("1.2.3.4"));
        _time.Advance(TimeSpan.FromMinutes(50));

        reservations.Reserve(peer, At("1.2.3.4")).ShouldNotBeNull();
        _time.Advance(TimeSpan.FromMinutes(50));

        reservations.Contains(peer).ShouldBeTrue();
        reservations.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(3, 9, 9, "1.2.3.4", "5.6.7.8", "9.9.9.9", "8.8.8.8")]
    [InlineData(9, 2, 9, "1.2.3.4", "1.2.3.4", "1.2.3.4")]
    [InlineData(9, 2, 9, "2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:aaaa::1")]
    [InlineData(9, 9, 2, "1.2.3.4", "1.2.4.5", "1.2.200.1")]
    [InlineData(9, 9, 2, "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1")]
    public void Peer_BeyondALimit_IsRefused_UntilAnotherLeaves(int all, int perAddress, int perNetwork, params string[] addresses)
    {
        var reservations = new Reservations(new RelayOptions { MaxReservations = all, MaxReservationsPerAddress = perAddress, MaxReservationsPerNetwork = perNetwork }, _time);
        var first = NewPeer();
        reservations.Reserve(first, At(addresses[0])).ShouldNotBeNull();
        foreach (var address in addresses[1..^1])
            reservations.Reserve(NewPeer(), At(address)).ShouldNotBeNull();

        reservations.Reserve(NewPeer(), At(addresses[^1])).ShouldBeNull();
        reservations.Remove(first);
        reservations.Reserve(NewPeer(), At(addresses[^1])).ShouldNotBeNull();
    }

    [Fact]
    public void Peers_OfThisMachine_AreBoundedInAllOnly()
    {
        var reservations = new Reservations(new RelayOptions { MaxReservations = 5, MaxReservationsPerAddress = 1, MaxReservationsPerNetwork = 1 }, _time);

        for (var count = 0; count < 5; count++)
            reservations.Reserve(NewPeer(), At("127.0.0.1")).ShouldNotBeNull();
        reservations.Reserve(NewPeer(), At("127.0.0.1")).ShouldBeNull();
    }

    [Fact]
    public void Circuits_AreCounted_ForBothTheirPeers()
    {
        var circuits = new Circuits(new RelayOptions { MaxCircuits = 3, MaxCircuitsPerPeer = 2 });
        var (one, other, third) = (NewPeer(), NewPeer(), NewPeer());

        var first = circuits.Enter(one, At("127.0.0.1"), other).ShouldNotBeNull();
        circuits.Enter(third, At("127.0.0.1"), one).ShouldNotBeNull();
        circuits.Enter(one, At("127.0.0.1"), NewPeer()).ShouldBeNull();
        circuits.Enter(NewPeer(), At("127.0.0.1"), one).ShouldBeNull();
        circuits.Enter(third, At("127.0.0.1"), other).ShouldNotBeNull();
        circuits.Enter(NewPeer(), At("127.0.0.1"), NewPeer()).ShouldBeNull();
        circuits.Leave(first);

        circuits.Enter(one, At("127.0.0.1"), NewPeer()).ShouldNotBeNull();
        circuits.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData(2, 9, "1.2.3.4", "1.2.3.4", "1.2.3.4")]
    [InlineData(2, 9, "2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:aaaa::1")]
    [InlineData(9, 2, "1.2.3.4", "1.2.4.5", "1.2.200.1")]
    [InlineData(9, 2, "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1")]
    public void Circuits_OfManyKeysAtFewAddresses_AreBounded_UntilOneEnds(int perAddress, int perNetwork, params string[] addresses)
    {
        var circuits = new Circuits(new RelayOptions { MaxCircuitsPerAddress = perAddress, MaxCircuitsPerNetwork = perNetwork });
        var first = circuits.Enter(NewPeer(), At(addresses[0]), NewPeer()).ShouldNotBeNull();
        foreach (var address in addresses[1..^1])
            circuits.Enter(NewPeer(), At(address), NewPeer()).ShouldNotBeNull();

        circuits.Enter(NewPeer(), At(addresses[^1]), NewPeer()).ShouldBeNull();
        circuits.Enter(NewPeer(), At("9.9.9.9"), NewPeer()).ShouldNotBeNull();
        circuits.Leave(first);
        circuits.Enter(NewPeer(), At(addresses[^1]), NewPeer()).ShouldNotBeNull();
    }

    [Fact]
    public void Dialler_HasAQuarter_OfTheCircuitsToOnePeer_WithOneKeyOrMany()
    {
        var circuits = new Circuits(new RelayOptions { MaxCircuitsPerPeer = 8 });
        var (dialler, dialled) = (NewPeer(), NewPeer());

        circuits.Enter(dialler, At("1.2.3.4"), dialled).ShouldNotBeNull();
        circuits.Enter(dialler, At("1.2.3.4"), dialled).ShouldNotBeNull();
        // Neither from elsewhere nor under another key.
        circuits.Enter(dialler, At("5.6.7.8"), dialled).ShouldBeNull();
        circuits.Enter(NewPeer(), At("1.2.3.4"), dialled).ShouldBeNull();

        circuits.Enter(dialler, At("1.2.3.4"), NewPeer()).ShouldNotBeNull();
        circuits.Enter(NewPeer(), At("5.6.7.8"), dialled).ShouldNotBeNull();
    }

    private static Multiaddr At(string ip) => Multiaddr.Parse($"/ip{(ip.Contains(':') ? 6 : 4)}/{ip}/tcp/4001");

    // An Ed25519 key as libp2p's PublicKey message; nobody has its other half.
    private PeerId NewPeer() => PeerId.FromEncodedPublicKey([0x08, 0x01, 0x12, 0x20, .. BitConverter.GetBytes(++_last), .. new byte[28]]);
}
