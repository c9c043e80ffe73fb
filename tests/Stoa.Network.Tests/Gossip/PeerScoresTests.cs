using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Gossip;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Gossip;

public sealed class PeerScoresTests
{
    private const string Topic = "topic";

    private static readonly PeerId s_ann = GossipMemoryTests.PeerOf(1);
    private static readonly PeerId s_bob = GossipMemoryTests.PeerOf(2);
    private static readonly TopicScoreOptions s_topic = new()
    {
        Weight = 2,
        TimeInMeshWeight = 0.5,
        TimeInMeshCap = 10,
        FirstDeliveriesWeight = 3,
        FirstDeliveriesCap = 4,
        MeshDeliveriesWeight = -1,
        MeshDeliveriesThreshold = 5,
        MeshDeliveriesActivation = TimeSpan.FromSeconds(5),
        MeshFailureWeight = -1,
        InvalidWeight = -7,
    };

    private readonly ManualTime _time = new();

    [Fact]
    public void TimeInMesh_Counts_UpToItsCap()
    {
        var scores = Create(s_topic with { MeshDeliveriesWeight = 0, MeshFailureWeight = 0 });
        scores.Graft(s_ann, Topic);
        Pass(scores, 4);
        scores.ScoreOf(s_ann).ShouldBe(2 * 0.5 * 4);
        Pass(scores, 20);
        scores.ScoreOf(s_ann).ShouldBe(2 * 0.5 * 10);
        scores.Prune(s_ann, Topic);
        scores.ScoreOf(s_ann).ShouldBe(0);
    }

    [Fact]
    public void FirstDeliveries_Count_UpToTheirCap_AndFade()
    {
        var scores = Create(s_topic);
        scores.FirstDelivery(s_ann, Topic);
        scores.ScoreOf(s_ann).ShouldBe(6);
        for (var count = 0; count < 10; count++)
            scores.FirstDelivery(s_ann, Topic);
        scores.ScoreOf(s_ann).ShouldBe(2 * 3 * 4);

        // After the time of the decay a hundredth is left.
        Pass(scores, (int)s_topic.FirstDeliveriesDecay.TotalSeconds);
        scores.ScoreOf(s_ann).ShouldBe(0.24, tolerance: 0.001);
        Pass(scores, (int)s_topic.FirstDeliveriesDecay.TotalSeconds);
        scores.ScoreOf(s_ann).ShouldBe(0);
    }

    [Fact]
    public void MeshDeliveries_ThatAreTooFew_Count_AndStickWhenItLeaves()
    {
        var scores = Create(s_topic with { TimeInMeshWeight = 0, MeshDeliveriesDecay = TimeSpan.FromDays(1_000) });
        scores.Graft(s_ann, Topic);
        Pass(scores, 4);
        scores.ScoreOf(s_ann).ShouldBe(0);
        Pass(scores, 3);
        scores.ScoreOf(s_ann).ShouldBe(2 * -25);

        scores.Duplicate(s_ann, Topic, judgedAt: null);
        scores.Duplicate(s_ann, Topic, _time.GetUtcNow());
        // Too late.
        scores.Duplicate(s_ann, Topic, _time.GetUtcNow() - TimeSpan.FromSeconds(1));
        scores.ScoreOf(s_ann).ShouldBe(2 * -9, tolerance: 0.01);
        scores.Prune(s_ann, Topic);
        scores.ScoreOf(s_ann).ShouldBe(2 * -9, tolerance: 0.01);
    }

    [Theory]
    [InlineData(1, -14)]
    [InlineData(2, -56)]
    [InlineData(3, -126)]
    public void Invalid_CountsByItsSquare(int count, double score)
    {
        var scores = Create(s_topic);
        for (var number = 0; number < count; number++)
            scores.Invalid(s_ann, Topic);
        scores.ScoreOf(s_ann).ShouldBe(score);
        scores.ScoreOf(s_bob).ShouldBe(0);
    }

    [Fact]
    public void Behaviour_IsForgivenUpToAThreshold()
    {
        var scores = Create(s_topic);
        scores.Misbehave(s_ann, 6);
        scores.ScoreOf(s_ann).ShouldBe(0);
        scores.Misbehave(s_ann, 3);
        scores.ScoreOf(s_ann).ShouldBe(-90);
    }

    [Fact]
    public void Application_HasItsSay()
    {
        var scores = Create(s_topic, new ScoreOptions { ApplicationScore = peer => peer == s_ann ? -4 : 0, ApplicationWeight = 2 });

        scores.ScoreOf(s_ann).ShouldBe(-8);
        scores.ScoreOf(s_bob).ShouldBe(0);
    }

    [Fact]
    public void Peers_OfOneNetwork_CountByTheSquareOfWhatIsTooMany_UntilTheyGo()
    {
        var scores = new PeerScores(new GossipOptions { Score = new ScoreOptions { ColocationThreshold = 3 } }, _time);
        var network = new AddressNetwork(AddressFamily.InterNetwork, 0x0102);
        var peers = Enumerable.Range(10, 5).Select(GossipMemoryTests.PeerOf).ToList();
        foreach (var peer in peers)
            scores.AddPeer(peer, network);
        scores.AddPeer(s_ann, null);

        peers.ShouldAllBe(peer => scores.ScoreOf(peer) == -40);
        scores.ScoreOf(s_ann).ShouldBe(0);
        scores.RemovePeer(peers[0]);
        scores.RemovePeer(peers[1]);
        scores.ScoreOf(peers[2]).ShouldBe(0);
    }

    [Fact]
    public void Score_ThatIsBad_OutlivesTheConnection_AndAGoodOneDoesNot()
    {
        var options = new ScoreOptions();
        var scores = Create(s_topic, options);
        scores.Invalid(s_ann, Topic);
        scores.FirstDelivery(s_bob, Topic);
        scores.RemovePeer(s_ann);
        scores.RemovePeer(s_bob);
        scores.Count.ShouldBe(1);
        Pass(scores, 60);
        scores.AddPeer(s_ann, null);
        scores.AddPeer(s_bob, null);

        scores.ScoreOf(s_ann).ShouldBe(-14);
        scores.ScoreOf(s_bob).ShouldBe(0);
        scores.RemovePeer(s_ann);
        scores.RemovePeer(s_bob);
        Pass(scores, (int)options.Retention.TotalSeconds);
        scores.Count.ShouldBe(0);
    }

    [Fact]
    public void Scores_OfThoseWhoHaveGone_HaveAnEnd()
    {
        var scores = Create(s_topic, new ScoreOptions { MaxRetained = 10 });
        for (var number = 100; number < 200; number++)
        {
            var peer = GossipMemoryTests.PeerOf(number);
            scores.AddPeer(peer, null);
            scores.Invalid(peer, Topic);
            scores.RemovePeer(peer);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        scores.Count.ShouldBe(12);
    }

    [Fact]
    public void Topic_ThatIsLeft_CountsNoMore()
    {
        var scores = Create(s_topic);
        scores.Invalid(s_ann, Topic);
        scores.RemoveTopic(Topic);
        scores.ScoreOf(s_ann).ShouldBe(0);
        scores.Invalid(s_ann, Topic);
        scores.ScoreOf(s_ann).ShouldBe(0);
    }

    private PeerScores Create(TopicScoreOptions topic, ScoreOptions? options = null)
    {
        var scores = new PeerScores(new GossipOptions { Score = options ?? new ScoreOptions() }, _time);
        scores.AddTopic(Topic, topic);
        scores.AddPeer(s_ann, null);
        scores.AddPeer(s_bob, null);
        return scores;
    }

    private void Pass(PeerScores scores, int seconds)
    {
        for (var second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            scores.Decay();
        }
    }
}
