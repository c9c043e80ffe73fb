using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

public sealed class FairSpaceTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UnixEpoch;

    private readonly Random _random = new(4);
    private readonly FairSpace<int> _space = new(max: 1_000, maxPerPeer: 100, maxPerNetwork: 600, TimeSpan.FromHours(1));

    [Fact]
    public void Flood_OfOneNetwork_ThrowsOutNobody()
    {
        for (var honest = 0; honest < 40; honest++)
            _space.TryTake(honest, 10, Of(honest), s_now, out _).ShouldBeTrue();
        for (var sybil = 0; sybil < 1_000; sybil++)
        {
            _space.TryTake(1_000 + sybil, 10, Of(99), s_now, out var dropped);
            dropped.ShouldNotContain(key => key < 1_000);
        }

        _space.Used.ShouldBe(1_000);
        // Another comes, and the flood makes room.
        _space.TryTake(41, 10, Of(41), s_now, out var lost).ShouldBeTrue();
        lost.ShouldHaveSingleItem().ShouldBeGreaterThanOrEqualTo(1_000);
    }

    [Fact]
    public void Flood_OfManyNetworks_LeavesEachItsShare()
    {
        for (var network = 0; network < 50; network++)
        {
            for (var number = 0; number < 10; number++)
                _space.TryTake((network * 100) + number, 10, Of(network), s_now, out _);
        }

        _space.Used.ShouldBe(1_000);
        for (var network = 0; network < 50; network++)
            Enumerable.Range(0, 10).Count(number => _space.TryGetOrigin((network * 100) + number, out _)).ShouldBe(2);
    }

    [Fact]
    public void Peer_HasALimit_WhateverRoomThereIs()
    {
        var origin = Of(1);
        _space.TryTake(1, 60, origin, s_now, out _).ShouldBeTrue();
        _space.TryTake(2, 60, origin, s_now, out _).ShouldBeFalse();
        // The same record again, larger.
        _space.TryTake(1, 100, origin, s_now, out _).ShouldBeTrue();
        _space.Used.ShouldBe(100);
    }

    [Fact]
    public void Records_GoWhenTheyAreOld_UnlessSentAgain()
    {
        _space.TryTake(1, 10, Of(1), s_now, out _);
        _space.TryTake(2, 10, Of(2), s_now, out _);
        _space.TryTake(1, 10, Of(1), s_now + TimeSpan.FromMinutes(30), out _);
        _space.Expire(s_now + TimeSpan.FromMinutes(61)).ShouldBe([2]);
        _space.Expire(s_now + TimeSpan.FromMinutes(91)).ShouldBe([1]);
        _space.Used.ShouldBe(0);
    }

    private RecordOrigin Of(int network) => new(Peers.Any(_random), new AddressNetwork(AddressFamily.InterNetwork, (uint)network));
}
