using Google.Protobuf;
using Stoa.Network.Gossip;
using Stoa.Network.Gossip.Wire;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Gossip;

/// <summary>One node among peers that are nothing but queues: what it does is what it wants to send.</summary>
public sealed class OverlayTests : IDisposable
{
    private const string Topic = "topic";

    private static readonly PeerId s_self = GossipMemoryTests.PeerOf(1);

    private readonly ManualTime _time = new();
    private readonly Random _random = new(5);
    private readonly GossipMetrics _metrics = new();
    private readonly Dictionary<PeerId, int> _values = [];
    private GossipOptions _options = new();
    private Overlay? _overlay;
    private int _lastMessage;

    private Overlay Overlay => _overlay ??= new Overlay(s_self, _options, _time, _random.Next, (peer, meshes) => _values[peer] = meshes, _metrics);

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public void Peer_IsTold_WhatIsWanted()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        Overlay.Join("other", new TopicScoreOptions());
        var peer = Meet(10);
        Sent(peer).Subscriptions.Select(subscription => (subscription.Topic, subscription.Subscribe)).ShouldBe([(Topic, true), ("other", true)]);

        Overlay.Join("third", new TopicScoreOptions());
        Overlay.Part("other");
        Sent(peer).Subscriptions.Select(subscription => (subscription.Topic, subscription.Subscribe)).ShouldBe([("third", true), ("other", false)]);
    }

    [Fact]
    public void Mesh_IsFilledUpToD_AndToldSo()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peers = MeetMany(20);
        Beat();

        var grafted = peers.Where(peer => Sent(peer).Control?.Graft.Any(graft => graft.Topic == Topic) ?? false).ToList();
        grafted.Count.ShouldBe(6);
        Mesh().ShouldBe(grafted.Select(peer => peer.Id), ignoreOrder: true);
        _values.Where(pair => pair.Value == 1).Select(pair => pair.Key).ShouldBe(grafted.Select(peer => peer.Id), ignoreOrder: true);
    }

    [Fact]
    public void Mesh_ThatIsTooLarge_KeepsTheBest_AndThoseThatWereDialled()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var inbound = MeetMany(12);
        foreach (var peer in inbound)
            Graft(peer);
        var best = inbound[7];
        Deliver(best);
        // Those are taken though there is no room.
        var outbound = MeetMany(2, from: 200, isOutbound: true);
        foreach (var peer in outbound)
            Graft(peer);
        Mesh().Count.ShouldBe(14);
        inbound.ForEach(peer => Sent(peer));

        Beat();

        Mesh().Count.ShouldBe(6);
        Mesh().ShouldContain(best.Id);
        outbound.ShouldAllBe(peer => Mesh().Contains(peer.Id));
        var pruned = inbound.Where(peer => !Mesh().Contains(peer.Id)).ToList();
        pruned.ShouldAllBe(peer => Sent(peer).Control.Prune.Single().Backoff == 60);
    }

    [Fact]
    public void Mesh_WithoutThoseThatWereDialled_GetsSome()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        MeetMany(8).ForEach(Graft);
        var outbound = MeetMany(5, from: 200, isOutbound: true);

        Beat();

        outbound.Count(peer => Mesh().Contains(peer.Id)).ShouldBe(2);
    }

    [Fact]
    public void Graft_BeyondWhatFits_IsPruned()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peers = MeetMany(13);
        peers.ForEach(Graft);

        Mesh().Count.ShouldBe(12);
        Sent(peers[12]).Control.Prune.Single().Topic.ShouldBe(Topic);
    }

    [Fact]
    public void Graft_OfATopicThatIsNotWantedHere_HasNoAnswer()
    {
        var peer = Meet(10);
        Sent(peer);
        Hear(peer, Enumerable.Range(0, 1_000).Select(number => new Graft { Topic = $"topic {number}" }));

        Sent(peer).Control.ShouldBeNull();
    }

    [Fact]
    public void Graft_OfWhoHasNotSubscribed_IsPruned()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = Meet(10);
        Sent(peer);
        Graft(peer);

        Mesh().ShouldBeEmpty();
        Sent(peer).Control.Prune.ShouldHaveSingleItem();
    }

    [Fact]
    public void Graft_WithinTheBackoff_IsPruned_AndCounts_AndFloodsCountTwice()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        Graft(peer);
        Prune(peer, null);
        Sent(peer);

        Graft(peer);
        Mesh().ShouldBeEmpty();
        Sent(peer).Control.Prune.ShouldHaveSingleItem();
        for (var count = 0; count < 3; count++)
            Graft(peer);
        // Four floods of two are two above what is forgiven.
        Score(peer).ShouldBe(-40);

        Beat(61);
        Score(peer).ShouldBeGreaterThan(-40);
    }

    [Fact]
    public void Prune_IsObeyed_ForAsLongAsItSays_ButNotForEver()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        Beat();
        Mesh().ShouldContain(peer.Id);
        Prune(peer, 20);
        Beat(19);
        Mesh().ShouldBeEmpty();
        Beat(2);
        Mesh().ShouldContain(peer.Id);

        Prune(peer, ulong.MaxValue);
        Beat((int)_options.MaxBackoff.TotalSeconds - 1);
        Mesh().ShouldBeEmpty();
        Beat(2);
        Mesh().ShouldContain(peer.Id);
    }

    [Fact]
    public void Subscription_ThatEnds_PrunesTheMesh_WithAShorterBackoff()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        Beat();
        Sent(peer);

        Overlay.Part(Topic);

        var sent = Sent(peer);
        sent.Control.Prune.Single().Backoff.ShouldBe(10UL);
        sent.Subscriptions.Single().Subscribe.ShouldBeFalse();
        Overlay.Join(Topic, new TopicScoreOptions());
        Mesh().ShouldBeEmpty();
        Beat(11);
        Mesh().ShouldContain(peer.Id);
    }

    [Fact]
    public void Peer_OfTheOldProtocol_IsToldNoBackoff()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = Overlay.Meet(GossipMemoryTests.PeerOf(10), false, null);
        Overlay.Open(peer, hasBackoffs: false);
        Subscribe(peer, Topic);
        Beat();
        Overlay.Part(Topic);

        Sent(peer).Control.Prune.Single().HasBackoff.ShouldBeFalse();
    }

    [Fact]
    public void Message_GoesToTheMesh_ButNotToWhoBroughtIt()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peers = MeetMany(4);
        peers.ForEach(Graft);
        peers.ForEach(peer => Sent(peer));
        var author = GossipMemoryTests.PeerOf(99);
        var (message, wire) = MessageOf(author, peers[0]);

        Overlay.Screen(peers[0], message).ShouldBeNull();
        Overlay.Begin(peers[0], message).ShouldBeTrue();
        // Another brings it while it is judged.
        Overlay.Screen(peers[1], message with { Via = peers[1].Id }).ShouldBe(GossipRefusal.Duplicate);
        Overlay.Conclude(message, wire, GossipVerdict.Accept);

        peers.Select(peer => Sent(peer).Publish.Count).ShouldBe([0, 0, 1, 1]);
        Score(peers[0]).ShouldBe(0.5);
        Score(peers[1]).ShouldBe(0);
    }

    [Theory]
    [InlineData(true, 20)]
    [InlineData(false, 6)]
    public void OwnMessage_GoesToAllNeighboursOfTheTopic_WhereItIsFlooded_AndElseToTheMesh(bool floods, int told)
    {
        _options = new GossipOptions { FloodPublish = floods };
        Overlay.Join(Topic, new TopicScoreOptions());
        var (peers, stranger) = (MeetMany(20), Meet(300));
        Beat();
        Mesh().Count.ShouldBe(6);
        peers.ForEach(peer => Sent(peer));
        Sent(stranger);

        Publish();

        peers.Count(peer => Sent(peer).Publish.Count == 1).ShouldBe(told);
        Sent(stranger).Publish.ShouldBeEmpty();
    }

    [Fact]
    public void Message_ThatWasRejected_CountsAgainstAllWhoBroughtIt_AndGoesNoFurther()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peers = MeetMany(4);
        peers.ForEach(Graft);
        peers.ForEach(peer => Sent(peer));
        var (message, wire) = MessageOf(GossipMemoryTests.PeerOf(99), peers[0]);
        Overlay.Begin(peers[0], message).ShouldBeTrue();
        Overlay.Screen(peers[1], message with { Via = peers[1].Id }).ShouldBe(GossipRefusal.Duplicate);
        Overlay.Conclude(message, wire, GossipVerdict.Reject);
        Overlay.Screen(peers[2], message with { Via = peers[2].Id }).ShouldBe(GossipRefusal.Duplicate);

        peers.Select(Score).ShouldBe([-20, -20, -20, 0]);
        Beat();
        Mesh().ShouldBe([peers[3].Id]);
        peers.ShouldAllBe(peer => Sent(peer).Publish.Count == 0);
    }

    [Fact]
    public void Message_ThatWasIgnored_CountsForNobody()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        var (message, wire) = MessageOf(GossipMemoryTests.PeerOf(99), peer);
        Overlay.Begin(peer, message);
        Overlay.Conclude(message, wire, GossipVerdict.Ignore);
        Overlay.Screen(peer, message).ShouldBe(GossipRefusal.Duplicate);

        Score(peer).ShouldBe(0);
    }

    [Fact]
    public void Message_IsScreened()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = Meet(10);

        Overlay.Screen(peer, MessageOf(s_self, peer).Message).ShouldBe(GossipRefusal.Own);
        Overlay.Screen(peer, MessageOf(peer.Id, peer).Message with { Topic = "other" }).ShouldBe(GossipRefusal.NotSubscribed);
    }

    [Fact]
    public void Replay_IsADuplicate_AsLongAsItIsRemembered()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        var (message, wire) = MessageOf(GossipMemoryTests.PeerOf(99), peer);
        Overlay.Begin(peer, message).ShouldBeTrue();
        Overlay.Conclude(message, wire, GossipVerdict.Accept);

        Beat((int)_options.SeenLifetime.TotalSeconds - 1);
        Overlay.Begin(peer, message).ShouldBeFalse();
        Beat(2);
        Overlay.Begin(peer, message).ShouldBeTrue();
    }

    [Fact]
    public void Gossip_GoesToThoseOutsideOfTheMesh_WhoGetWhatTheyWant_ThreeTimes()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peers = MeetMany(30);
        Beat();
        var message = Publish();
        peers.ForEach(peer => Sent(peer));
        Beat();

        var told = peers.Where(peer => Sent(peer).Control?.Ihave.Any(have => have.MessageIds.Single().Span.SequenceEqual(message.Id.Bytes.Span)) ?? false).ToList();
        told.Count.ShouldBe(8);
        told.ShouldAllBe(peer => !Mesh().Contains(peer.Id));
        for (var count = 0; count < 6; count++)
            Hear(told[0], new Rpc { Control = new Control { Iwant = { new IWant { MessageIds = { ByteString.CopyFrom(message.Id.Bytes.Span) } } } } });
        Sent(told[0]).Publish.Count.ShouldBe(3);
    }

    [Fact]
    public void IHave_IsAnsweredForWhatIsNotKnown_AndIsAPromise()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var (peer, known) = (MeetMany(1)[0], Publish());
        Sent(peer);

        Hear(peer, new Rpc { Control = new Control { Ihave = { new IHave { Topic = Topic, MessageIds = { ByteString.CopyFrom(known.Id.Bytes.Span), ByteString.CopyFrom(1, 2, 3), ByteString.CopyFrom(new byte[1_000]) } } } } });

        Sent(peer).Control.Iwant.Single().MessageIds.Single().Span.SequenceEqual((byte[])[1, 2, 3]).ShouldBeTrue();
        Score(peer).ShouldBe(0);
        // Seven that were not kept are one above what is forgiven.
        for (byte number = 10; number < 16; number++)
            Hear(peer, new Rpc { Control = new Control { Ihave = { new IHave { Topic = Topic, MessageIds = { ByteString.CopyFrom(number) } } } } });
        Beat(4);
        // Some of it has faded.
        Score(peer).ShouldBeInRange(-10, -9);
    }

    [Fact]
    public void IHaves_InAFlood_AreReadUpToALimit()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        Sent(peer);

        for (var count = 0; count < 200; count++)
            Hear(peer, IHaveOf(count, 1_000));

        var asked = 0;
        while (peer.Queue.Take()?.Rpc is { } rpc)
            asked += rpc.Control?.Iwant.Sum(want => want.MessageIds.Count) ?? 0;
        asked.ShouldBe(_options.MaxIdsPerHeartbeat);
        for (var count = 0; count < 20; count++)
            Hear(peer, IHaveOf(1_000 + count, 1));
        peer.Queue.Take().ShouldBeNull();
        Beat();
        Hear(peer, IHaveOf(2_000, 1));
        Sent(peer).Control.Iwant.Count.ShouldBe(1);

        static Rpc IHaveOf(int seed, int count) => new()
        {
            Control = new Control { Ihave = { new IHave { Topic = Topic, MessageIds = { Enumerable.Range(0, count).Select(number => ByteString.CopyFrom(BitConverter.GetBytes((seed * 100_000) + number))) } } } },
        };
    }

    [Fact]
    public void IWants_InAFlood_AreAnsweredUpToALimitOfBytes()
    {
        _options = new GossipOptions { MaxWantedBytes = 10_000, MaxDataLength = 2_000 };
        Overlay.Join(Topic, new TopicScoreOptions());
        var peer = MeetMany(1)[0];
        var ids = Enumerable.Range(0, 100).Select(_ => ByteString.CopyFrom(Publish(1_000).Id.Bytes.Span)).ToList();
        while (peer.Queue.Take() is not null)
        {
            // Not what was published.
        }

        Hear(peer, new Rpc { Control = new Control { Iwant = { new IWant { MessageIds = { ids } } } } });

        Sent(peer).Publish.Count.ShouldBeInRange(9, 11);
    }

    [Fact]
    public void Topics_OfAPeer_HaveAnEnd_AndAMillionCostItsScore()
    {
        var peer = Meet(10);
        for (var count = 0; count < 200; count++)
        {
            Hear(peer, new Rpc { Subscriptions = { Enumerable.Range(0, 5_000).Select(number => new Subscription { Topic = $"{(count * 5_000) + number}", Subscribe = true }) } });
            peer.Topics.Count.ShouldBe(_options.MaxTopicsPerPeer);
        }

        Score(peer).ShouldBeLessThan(new ScoreOptions().GraylistThreshold);
        Overlay.IsGraylisted(peer).ShouldBeTrue();
        // One that goes makes room for another.
        Hear(peer, new Rpc { Subscriptions = { new Subscription { Topic = "5", Subscribe = false } } });
        Subscribe(peer, "new");
        peer.Topics.ShouldContain("new");
    }

    [Fact]
    public void Names_OfTopics_HaveAnEnd()
    {
        var peer = Meet(10);
        Subscribe(peer, new string('a', 129));
        Subscribe(peer, "");
        peer.Topics.ShouldBeEmpty();
    }

    [Fact]
    public void Peer_BelowAThreshold_IsSentNothing()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        var (good, bad) = (MeetMany(1)[0], MeetMany(1, from: 300)[0]);
        Sent(good);
        Sent(bad);
        Overlay.Invalid(bad.Id, Topic);
        Overlay.Invalid(bad.Id, Topic);
        Score(bad).ShouldBe(-80);

        Publish();
        Beat();

        Sent(good).Publish.ShouldHaveSingleItem();
        bad.Queue.Take().ShouldBeNull();
        Graft(bad);
        Mesh().ShouldNotContain(bad.Id);
    }

    [Fact]
    public void Mesh_OfLittleWorth_GetsBetterPeers()
    {
        Overlay.Join(Topic, new TopicScoreOptions { TimeInMeshWeight = 0 });
        var poor = MeetMany(6, isOutbound: true);
        poor.ForEach(Graft);
        var rich = MeetMany(5, from: 300);
        foreach (var peer in rich)
        {
            for (var count = 0; count < 10; count++)
                Deliver(peer);
        }

        Beat(59);
        rich.Count(peer => Mesh().Contains(peer.Id)).ShouldBe(0);
        Beat();
        rich.Count(peer => Mesh().Contains(peer.Id)).ShouldBe(2);
    }

    [Fact]
    public void Fanout_IsKeptAMinute_AndBecomesTheMesh()
    {
        _options = new GossipOptions { FloodPublish = false };
        var peers = MeetMany(20);
        peers.ForEach(peer => Sent(peer));
        Publish();
        var first = peers.Where(peer => Sent(peer).Publish.Count > 0).ToList();
        first.Count.ShouldBe(6);
        Beat(30);
        peers.ForEach(peer => Sent(peer));
        Publish();
        peers.Where(peer => Sent(peer).Publish.Count > 0).ShouldBe(first);

        Overlay.Join(Topic, new TopicScoreOptions());
        Mesh().ShouldBe(first.Select(peer => peer.Id), ignoreOrder: true);
    }

    [Fact]
    public void Fanouts_HaveAnEnd()
    {
        _options = new GossipOptions { FloodPublish = false, MaxFanoutTopics = 4 };
        var peer = Meet(10);
        for (var number = 0; number < 100; number++)
        {
            Subscribe(peer, "t" + (number % 100));
            var (message, wire) = MessageOf(s_self, peer, topic: "t" + number);
            Overlay.Publish(message, wire).Taken.ShouldBe(1);
            Sent(peer);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Overlay.Heartbeat();
    }

    [Fact]
    public void Peer_ThatGoes_IsForgotten_EverywhereButForWhatIsBad()
    {
        Overlay.Join(Topic, new TopicScoreOptions());
        for (var number = 100; number < 1_100; number++)
        {
            var peer = Meet(number);
            Subscribe(peer, Topic);
            Graft(peer);
            Overlay.Leave(peer.Id);
        }

        Overlay.Sizes.Peers.ShouldBe(0);
        Overlay.Sizes.Tallies.ShouldBe(0);
        Mesh().ShouldBeEmpty();
        _values.Values.ShouldAllBe(value => value == 0);
    }

    private GossipPeer Meet(int number, bool isOutbound = false)
    {
        var peer = Overlay.Meet(GossipMemoryTests.PeerOf(number), isOutbound, null);
        Overlay.Open(peer, hasBackoffs: true);
        return peer;
    }

    private List<GossipPeer> MeetMany(int count, int from = 100, bool isOutbound = false)
    {
        var peers = Enumerable.Range(from, count).Select(number => Meet(number, isOutbound)).ToList();
        peers.ForEach(peer => Subscribe(peer, Topic));
        return peers;
    }

    private void Subscribe(GossipPeer peer, string topic) => Hear(peer, new Rpc { Subscriptions = { new Subscription { Topic = topic, Subscribe = true } } });

    private void Graft(GossipPeer peer) => Hear(peer, [new Graft { Topic = Topic }]);

    private void Hear(GossipPeer peer, IEnumerable<Graft> grafts) => Hear(peer, new Rpc { Control = new Control { Graft = { grafts } } });

    private void Prune(GossipPeer peer, ulong? backoff)
    {
        var prune = new Prune { Topic = Topic };
        if (backoff is { } seconds)
            prune.Backoff = seconds;
        Hear(peer, new Rpc { Control = new Control { Prune = { prune } } });
    }

    private void Hear(GossipPeer peer, Rpc rpc) => Overlay.Hear(peer, rpc);

    private void Deliver(GossipPeer peer)
    {
        var (message, wire) = MessageOf(GossipMemoryTests.PeerOf(99), peer);
        Overlay.Begin(peer, message).ShouldBeTrue();
        Overlay.Conclude(message, wire, GossipVerdict.Accept);
    }

    private GossipMessage Publish(int length = 1)
    {
        var (message, wire) = MessageOf(s_self, null, length);
        Overlay.Publish(message, wire);
        return message;
    }

    private (GossipMessage Message, Message Wire) MessageOf(PeerId from, GossipPeer? via, int length = 1, string topic = Topic)
    {
        var wire = new Message { Topic = topic, Data = ByteString.CopyFrom(new byte[length]) };
        var number = ++_lastMessage;
        return (new GossipMessage(topic, from, (ulong)number, wire.Data.Memory, via?.Id ?? s_self) { Id = new MessageId(BitConverter.GetBytes(number)) }, wire);
    }

    private void Beat(int times = 1)
    {
        for (var count = 0; count < times; count++)
        {
            _time.Advance(_options.HeartbeatInterval);
            Overlay.Heartbeat();
        }
    }

    private HashSet<PeerId> Mesh() => [.. Overlay.PeersOf(Topic).Where(peer => peer.IsInMesh).Select(peer => peer.Peer)];

    private double Score(GossipPeer peer) => Overlay.Scores()[peer.Id];

    /// <summary>All that is to be sent to a peer, as one.</summary>
    private static Rpc Sent(GossipPeer peer)
    {
        var sent = new Rpc();
        while (peer.Queue.Take()?.Rpc is { } rpc)
            sent.MergeFrom(rpc);
        return sent;
    }
}
