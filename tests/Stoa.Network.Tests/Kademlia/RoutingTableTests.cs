using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

public sealed class RoutingTableTests
{
    private static readonly KademliaOptions s_options = new() { AllowsPrivateAddresses = false, BucketSize = 4, ReplacementCacheSize = 2, DisjointPaths = 2 };

    private readonly Random _random = new(3);
    private readonly ManualTime _time = new();
    private readonly PeerId _self;
    private readonly RoutingTable _table;
    private int _network;

    public RoutingTableTests()
    {
        _self = Peers.Any(_random);
        _table = new RoutingTable(_self, s_options, _time);
    }

    [Fact]
    public void Bucket_ThatIsFull_KeepsWhoWasThere()
    {
        var old = Fill(0);
        var newcomer = Peers.Near(_table.Key, 0, _random);
        _table.Add(newcomer, Elsewhere()).ShouldBe(Admission.Waiting);
        _table.Contains(newcomer).ShouldBeFalse();
        old.ShouldAllBe(peer => _table.Contains(peer));
        _table.ToPing(newcomer).ShouldBeNull();
        _time.Advance(s_options.PingAfter);
        _table.Seen(old[0]);
        _table.ToPing(newcomer)!.Peer.ShouldBe(old[1]);
    }

    [Fact]
    public void Peer_ThatFailsTwice_GivesItsPlaceToTheNewestThatWaits()
    {
        var old = Fill(0);
        var waiting = Enumerable.Range(0, 3).Select(_ => Peers.Near(_table.Key, 0, _random)).ToList();
        foreach (var peer in waiting)
            _table.Add(peer, Elsewhere()).ShouldBe(Admission.Waiting);
        _table.Fail(old[2]).ShouldBeTrue();
        _table.Closest(KademliaKey.Of(old[2]), 4, withSuspects: false).ShouldNotContain(peer => peer.Peer == old[2]);
        _table.Closest(KademliaKey.Of(old[2]), 4, withSuspects: true)[0].Peer.ShouldBe(old[2]);
        _table.Fail(old[2]).ShouldBeFalse();
        _table.Contains(waiting[2]).ShouldBeTrue();
        _table.Count.ShouldBe(4);
    }

    [Fact]
    public void Peer_ThatAnswersAgain_IsTrustedAgain()
    {
        var old = Fill(0);
        _table.Fail(old[0]);
        _table.Fail(old[0]);
        _table.Contains(old[0]).ShouldBeTrue();
        _table.Seen(old[0]);
        _table.Closest(KademliaKey.Of(old[0]), 1, withSuspects: false)[0].Peer.ShouldBe(old[0]);
        _time.Advance(s_options.MaxAbsence + TimeSpan.FromMinutes(1));
        _table.Fail(old[1]);
        _table.Fail(old[1]);
        _table.Expire();
        _table.Contains(old[0]).ShouldBeTrue();
        _table.Contains(old[1]).ShouldBeFalse();
    }

    [Fact]
    public void Network_HasFewPlaces_InABucketAndInTheTable()
    {
        for (var index = 0; index < 6; index++)
        {
            for (var host = 0; host < 6; host++)
                _table.Add(Peers.Near(_table.Key, index, _random), Peers.At(50, 1, (index * 10) + host));
        }

        _table.Peers.Count.ShouldBe(s_options.MaxPerNetworkInTable);
        _table.Peers.GroupBy(peer => peer.Key.CommonPrefixLength(_table.Key)).ShouldAllBe(bucket => bucket.Count() <= s_options.MaxPerNetworkInBucket);
        // Others have room still, and nobody of that network waits in their way.
        Fill(0, 2).ShouldAllBe(peer => _table.Contains(peer));
    }

    [Fact]
    public void PrivateAddresses_HaveNoLimit_WhereAllowed()
    {
        var table = new RoutingTable(_self, s_options with { AllowsPrivateAddresses = true }, _time);
        for (var host = 0; host < 4; host++)
            table.Add(Peers.Near(table.Key, 0, _random), Peers.At(10, 0, host)).ShouldBe(Admission.Entered);
        var counted = new RoutingTable(_self, s_options, _time);
        for (var host = 0; host < 4; host++)
            counted.Add(Peers.Near(table.Key, 0, _random), Peers.At(10, 0, host)).ShouldBe(host < 2 ? Admission.Entered : Admission.Refused);
    }

    [Fact]
    public void Self_IsNotTaken()
    {
        _table.Add(_self, Elsewhere()).ShouldBe(Admission.Refused);
        _table.Wants(_self).ShouldBeFalse();
    }

    [Fact]
    public void Closest_AreTheNearestOfAll_InOrder()
    {
        var table = new RoutingTable(_self, new KademliaOptions(), _time);
        for (var number = 0; number < 400; number++)
            table.Add(Peers.Any(_random), Peers.At(1 + (number / 200), number % 200));
        for (var round = 0; round < 200; round++)
        {
            var target = round % 3 == 0 ? table.Key.Flip(round) : KademliaKey.Of(Peers.Any(_random));
            table.Closest(target, 20, withSuspects: false).Select(peer => peer.Peer)
                .ShouldBe(table.Peers.OrderBy(peer => peer.Key.DistanceTo(target)).Take(20).Select(peer => peer.Peer));
        }
    }

    [Fact]
    public void StaleBuckets_AreThoseWithoutTraffic()
    {
        _table.Add(Peers.Near(_table.Key, 3, _random), Elsewhere());
        _time.Advance(TimeSpan.FromMinutes(1));
        _table.Touch(_table.Key.Flip(1));
        _table.StaleBuckets(TimeSpan.FromMinutes(10)).ShouldBe([0, 2, 3]);
        _time.Advance(TimeSpan.FromMinutes(10));
        _table.StaleBuckets(TimeSpan.FromMinutes(10)).ShouldBe([0, 1, 2, 3]);
    }

    [Fact]
    public void Table_UnderChurn_KeepsItsLimits()
    {
        var known = new List<PeerId>();
        for (var step = 0; step < 20_000; step++)
        {
            var peer = known.Count == 0 || _random.Next(3) == 0 ? Peers.Any(_random) : known[_random.Next(known.Count)];
            switch (_random.Next(10))
            {
                case < 5:
                    _table.Add(peer, Peers.At(60, _random.Next(12), step & 0xffff));
                    known.Add(peer);
                    break;
                case < 8:
                    _table.Fail(peer);
                    break;
                case 8:
                    _table.Seen(peer);
                    break;
                default:
                    _table.Remove(peer);
                    break;
            }

            if (known.Count > 300)
                known.RemoveRange(0, 100);
            if (step % 100 != 0)
                continue;
            var peers = _table.Peers;
            peers.Count.ShouldBe(_table.Count);
            peers.Select(entry => entry.Peer).ShouldBeUnique();
            peers.GroupBy(entry => entry.Network).ShouldAllBe(network => network.Count() <= s_options.MaxPerNetworkInTable);
            peers.GroupBy(entry => entry.Key.CommonPrefixLength(_table.Key)).ShouldAllBe(bucket => bucket.Count() <= s_options.BucketSize
                && bucket.GroupBy(entry => entry.Network).All(network => network.Count() <= s_options.MaxPerNetworkInBucket));
        }

        foreach (var entry in _table.Peers)
            _table.Remove(entry.Peer);
        // Those that waited come in place of who left, and go as well.
        while (_table.Count > 0)
            _table.Remove(_table.Peers[0].Peer);
        _table.Peers.ShouldBeEmpty();
    }

    private List<PeerId> Fill(int index, int count = 4)
    {
        var peers = new List<PeerId>();
        for (var number = 0; number < count; number++)
        {
            peers.Add(Peers.Near(_table.Key, index, _random));
            _table.Add(peers[^1], Elsewhere()).ShouldBe(Admission.Entered);
        }

        return peers;
    }

    private Multiaddr Elsewhere() => Peers.At(90 + (++_network / 200), _network % 200);
}
