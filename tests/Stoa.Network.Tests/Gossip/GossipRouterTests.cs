using System.Collections.Concurrent;
using System.Text;
using Stoa.Network.Gossip;

namespace Stoa.Network.Tests.Gossip;

/// <summary>Routers on real connections, among them peers that send what they like.</summary>
public sealed class GossipRouterTests
{
    private const string Topic = GossipHost.Topic;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_GoBothWays_AlsoInBatches()
    {
        await using var ann = await GossipHost.StartAsync();
        await using var bob = await GossipHost.StartAsync();
        await MeetAsync(ann, bob);

        (await ann.PublishAsync("from ann")).Peers.ShouldBe(1);
        var texts = Enumerable.Range(0, 50).Select(number => $"{number} of bob").ToList();
        var reports = await bob.Router.PublishAsync(Topic, [.. texts.Select(text => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text))], Stop);

        reports.Count.ShouldBe(50);
        reports.Select(report => report.Id).Distinct().Count().ShouldBe(50);
        await Eventually.IsSoAsync(() => ann.Heard.Count >= 50 && !bob.Heard.IsEmpty, "What was published does not come.");
        ann.Heard.ShouldBe(texts);
        bob.Heard.ShouldBe(["from ann"]);
        (ann.Count("accepted"), ann.Count("published")).ShouldBe((50, 1));
        ann.Router.GetPeers(Topic).Single().IsInMesh.ShouldBeTrue();
        ann.Router.GetScores()[bob.Host.Id].ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Publishing_WithoutPeers_SaysSo_AndWhatIsNoMessageIsRefused()
    {
        await using var ann = await GossipHost.StartAsync();

        (await ann.PublishAsync("to nobody")).Peers.ShouldBe(0);
        await Should.ThrowAsync<ArgumentException>(() => ann.Router.PublishAsync(Topic, new byte[new GossipOptions().MaxDataLength + 1], Stop));
        await Should.ThrowAsync<ArgumentException>(() => ann.Router.PublishAsync("", new byte[1], Stop));
        await Should.ThrowAsync<ArgumentException>(() => ann.Router.PublishAsync(new string('a', 129), new byte[1], Stop));
    }

    [Fact]
    public async Task Subscriptions_AreOneATopic_AndHaveAnEnd()
    {
        await using var ann = await GossipHost.StartAsync(options: new GossipOptions { MaxTopics = 2 }, subscribes: false);
        var subscription = ann.Router.Subscribe("a", new TopicOptions());
        ann.Router.Subscribe("b", new TopicOptions());

        Should.Throw<InvalidOperationException>(() => ann.Router.Subscribe("a", new TopicOptions()));
        Should.Throw<InvalidOperationException>(() => ann.Router.Subscribe("c", new TopicOptions()));
        await subscription.DisposeAsync();
        ann.Router.Topics.ShouldBe(["b"]);
        ann.Router.Subscribe("a", new TopicOptions());
        // An old subscription ends no new one.
        await subscription.DisposeAsync();
        ann.Router.Topics.ShouldBe(["a", "b"], ignoreOrder: true);
    }

    [Fact]
    public async Task Garbage_IsAnOffence_AndTheNinthShutsOut()
    {
        await using var ann = await GossipHost.StartAsync();
        await using var bob = await GossipHost.StartAsync(subscribes: false);
        await MeetAsync(ann, bob, isSubscribed: false);

        for (var count = 0; count < 50 && bob.Host.IsConnected(ann.Host.Id); count++)
            await SendAsync(bob, ann, [0x0a, 0x05, 0x00]);
        await Eventually.IsSoAsync(() => !ann.Host.IsConnected(bob.Host.Id), "Who sends garbage is still connected.");
    }

    [Fact]
    public async Task Exchange_ThatIsTooLong_OrHasAMillionTopics_IsNotRead()
    {
        await using var ann = await GossipHost.StartAsync();
        await using var bob = await GossipHost.StartAsync(subscribes: false);
        await MeetAsync(ann, bob, isSubscribed: false);
        byte[] topics = [.. Enumerable.Repeat((byte[])[0x0a, 0x00], 500_000).SelectMany(bytes => bytes)];
        topics.Length.ShouldBeLessThan(new GossipOptions().MaxRpcLength);

        for (var count = 0; count < 50 && bob.Host.IsConnected(ann.Host.Id); count++)
            await SendAsync(bob, ann, count % 2 == 0 ? topics : new byte[new GossipOptions().MaxRpcLength + 1]);
        await Eventually.IsSoAsync(() => !ann.Host.IsConnected(bob.Host.Id), "Who sends too much is still connected.");
        ann.Router.GetPeers("").ShouldBeEmpty();
    }

    [Fact]
    public async Task Forged_AndChanged_AreRefused_AndCounted()
    {
        await using var ann = await GossipHost.StartAsync();
        await using var bob = await GossipHost.StartAsync();
        await MeetAsync(ann, bob);
        var good = MessageSignature.Sign(bob.Host.Key, Topic, 1, "good"u8.ToArray());
        var changed = good.Clone();
        changed.Data = Google.Protobuf.ByteString.CopyFromUtf8("changed");
        var unsigned = good.Clone();
        unsigned.ClearSignature();
        var tooLong = MessageSignature.Sign(bob.Host.Key, Topic, 2, new byte[new GossipOptions().MaxDataLength + 1]);

        await SendAsync(bob, ann, new Network.Gossip.Wire.Rpc { Publish = { changed, good, good, unsigned, tooLong } });

        await Eventually.IsSoAsync(() => ann.Count("refused TooLong") == 1, "The last was not refused.");
        ann.Heard.ShouldBe(["good"]);
        (ann.Count("refused BadSignature"), ann.Count("refused Malformed"), ann.Count("refused Duplicate")).ShouldBe((1, 1, 1));
        // Three offences: 20 for each, squared; and some for the good one.
        ann.Router.GetScores()[bob.Host.Id].ShouldBeLessThan(-150);
        // Nothing is heard from it any more.
        await SendAsync(bob, ann, new Network.Gossip.Wire.Rpc { Publish = { MessageSignature.Sign(bob.Host.Key, Topic, 3, "too late"u8.ToArray()) } });
        await Eventually.IsSoAsync(() => ann.Count("refused Graylisted") > 0, "It is still heard.");
        ann.Heard.ShouldBe(["good"]);
    }

    [Fact]
    public async Task Validator_ThatIsSlow_HoldsUpWhoSends_AndLosesNothing()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new ConcurrentQueue<int>();
        var options = new GossipOptions { MaxJudgedPerPeer = 8 };
        await using var ann = await GossipHost.StartAsync(options: options, validator: async (messages, token) =>
        {
            asked.Enqueue(messages.Count);
            await gate.Task.WaitAsync(token);
            return [.. messages.Select(_ => GossipVerdict.Accept)];
        });
        await using var bob = await GossipHost.StartAsync();
        await MeetAsync(ann, bob);

        for (var number = 0; number < 200; number++)
            await bob.PublishAsync($"message {number}");
        await Eventually.IsSoAsync(() => ann.Router.Overlay.Sizes.Seen == 8 && !asked.IsEmpty, "Not as many are judged as may be.");
        asked.Sum().ShouldBeLessThanOrEqualTo(8);
        bob.Count("published").ShouldBe(200);
        ann.Router.Overlay.Sizes.Seen.ShouldBe(8);

        gate.SetResult();
        await Eventually.IsSoAsync(() => ann.Heard.Count == 200, "Not all were judged.");
        asked.ShouldAllBe(count => count <= 8);
        ann.Heard.Distinct().Count().ShouldBe(200);
    }

    [Fact]
    public async Task Verdicts_DecideWhatIsDelivered_AndPassedOn()
    {
        await using var ann = await GossipHost.StartAsync();
        await using var bob = await GossipHost.StartAsync(validator: (messages, _) => new ValueTask<IReadOnlyList<GossipVerdict>>(
            [.. messages.Select(message => message.Data.Span[0] switch { (byte)'a' => GossipVerdict.Accept, (byte)'i' => GossipVerdict.Ignore, _ => GossipVerdict.Reject })]));
        await using var cid = await GossipHost.StartAsync();
        await MeetAsync(ann, bob);
        await MeetAsync(bob, cid);

        foreach (var text in new[] { "i 1", "a 1", "r 1", "a 2" })
            await ann.PublishAsync(text);

        await Eventually.IsSoAsync(() => cid.Heard.Count == 2, "What was accepted does not come.");
        bob.Heard.ShouldBe(["a 1", "a 2"]);
        cid.Heard.ShouldBe(["a 1", "a 2"]);
        (bob.Count("refused Ignored"), bob.Count("refused Rejected"), bob.Count("accepted")).ShouldBe((1, 1, 2));
    }

    [Fact]
    public async Task Peer_ThatDoesNotRead_CostsABoundedQueue_AndPublishersWait()
    {
        var options = new GossipOptions { SendTimeout = TimeSpan.FromMinutes(10) };
        await using var ann = await GossipHost.StartAsync(options: options);
        await using var bob = await GossipHost.StartAsync(subscribes: false);
        // In place of its router.
        await bob.Router.DisposeAsync();
        bob.Host.Handle(GossipOptions.Protocol, (_, token) => Task.Delay(Timeout.Infinite, token));
        await bob.Host.ConnectAsync(ann.Address, Stop);
        await SendAsync(bob, ann, new Network.Gossip.Wire.Rpc { Subscriptions = { new Network.Gossip.Wire.Subscription { Topic = Topic, Subscribe = true } } });
        await Eventually.IsSoAsync(() => ann.Router.GetPeers(Topic).Count == 1, "It has not subscribed.");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var published = 0;
        var publishing = Task.Run(
            async () =>
            {
                for (; published < 400; published++)
                    await ann.Router.PublishAsync(Topic, new byte[options.MaxDataLength], stop.Token);
            },
            Stop);
        await Eventually.IsSoAsync(() => ann.Count("dropped Own") > 1, "There is always room.");

        publishing.IsCompleted.ShouldBeFalse();
        ann.Router.Overlay.Meet(bob.Host.Id, false, null).Queue.Bytes.ShouldBeLessThanOrEqualTo(options.MaxQueuedBytes);
        stop.Cancel();
        await Should.ThrowAsync<OperationCanceledException>(() => publishing);
        published.ShouldBeLessThan(400);
    }

    private static async Task MeetAsync(GossipHost one, GossipHost other, bool isSubscribed = true)
    {
        await one.Host.ConnectAsync(other.Address, Stop);
        await Eventually.IsSoAsync(
            () => isSubscribed
                ? one.Router.GetPeers(Topic).Any(peer => peer.Peer == other.Host.Id && peer.IsInMesh) && other.Router.GetPeers(Topic).Any(peer => peer.Peer == one.Host.Id && peer.IsInMesh)
                : other.Router.GetPeers(Topic).Any(peer => peer.Peer == one.Host.Id),
            "They do not find to each other.");
    }

    private static Task SendAsync(GossipHost from, GossipHost to, Network.Gossip.Wire.Rpc rpc) => SendAsync(from, to, Google.Protobuf.MessageExtensions.ToByteArray(rpc));

    /// <summary>Sends an exchange on a stream of its own, and waits until it was read or refused.</summary>
    private static async Task SendAsync(GossipHost from, GossipHost to, byte[] exchange)
    {
        try
        {
            await using var stream = await from.Host.OpenStreamAsync(to.Host.Id, [GossipOptions.Protocol], Stop);
            await stream.WriteMessageAsync(exchange, Stop);
            await stream.CompleteWritesAsync(Stop);
            await stream.ReadAsync(new byte[1], Stop);
        }
        catch (IOException)
        {
            // Refused.
        }
    }
}
