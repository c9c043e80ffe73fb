using Google.Protobuf;
using Stoa.Network.Gossip;
using Stoa.Network.Gossip.Wire;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Gossip;

/// <summary>What is remembered, and what is forgotten: seen messages, the cache, backoffs, promises.</summary>
public sealed class GossipMemoryTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UnixEpoch;
    private static readonly PeerId s_ann = PeerOf(1);
    private static readonly PeerId s_bob = PeerOf(2);

    [Fact]
    public void Seen_IsForgottenAfterItsTime_AndTheOldestWhenThereAreTooMany()
    {
        var options = new GossipOptions { MaxSeen = 3 };
        var seen = new SeenMessages(options);
        for (var number = 0; number < 4; number++)
            seen.Add(Id(number), s_ann, s_now.AddSeconds(number)).ShouldNotBeNull();

        seen.Count.ShouldBe(3);
        seen.Find(Id(0)).ShouldBeNull();
        seen.Add(Id(3), s_ann, s_now.AddSeconds(4)).ShouldBeNull();
        seen.Expire(s_now + options.SeenLifetime + TimeSpan.FromSeconds(2));
        seen.Count.ShouldBe(1);
        seen.Find(Id(3)).ShouldNotBeNull();
    }

    [Fact]
    public void Carriers_CountOnce_AndHaveAnEnd()
    {
        var message = new SeenMessages(new GossipOptions()).Add(Id(1), s_ann, s_now)!;

        message.AddCarrier(s_ann).ShouldBeFalse();
        message.AddCarrier(s_bob).ShouldBeTrue();
        message.AddCarrier(s_bob).ShouldBeFalse();
        Enumerable.Range(10, 1_000).Count(number => message.AddCarrier(PeerOf(number))).ShouldBeLessThan(64);
    }

    [Fact]
    public void Cache_KeepsFiveHeartbeats_AndTellsOfThree()
    {
        var cache = new MessageCache(new GossipOptions());
        for (var beat = 0; beat < 7; beat++)
        {
            cache.Add(Id(beat), MessageOf("a"), 10);
            cache.Add(Id(100 + beat), MessageOf("b"), 10);
            cache.IdsOf("a").ShouldBe(Enumerable.Range(Math.Max(0, beat - 2), Math.Min(3, beat + 1)).Select(Id));
            if (beat < 6)
                cache.Shift();
        }

        cache.Count.ShouldBe(10);
        cache.TakeFor(s_ann, Id(1)).ShouldBeNull();
        cache.TakeFor(s_ann, Id(2)).ShouldNotBeNull();
    }

    [Fact]
    public void Cache_GivesAMessageToAPeerThreeTimes()
    {
        var cache = new MessageCache(new GossipOptions());
        cache.Add(Id(1), MessageOf("a"), 10);

        Enumerable.Range(0, 10).Count(_ => cache.TakeFor(s_ann, Id(1)) is not null).ShouldBe(3);
        cache.TakeFor(s_bob, Id(1)).ShouldNotBeNull();
    }

    [Fact]
    public void Cache_HasAnEndInBytes()
    {
        var cache = new MessageCache(new GossipOptions { MaxDataLength = 100, MaxCachedBytes = 1_000 });
        for (var number = 0; number < 100; number++)
        {
            cache.Add(Id(number), MessageOf("a"), 100);
            if (number % 30 == 0)
                cache.Shift();
            cache.Bytes.ShouldBeLessThanOrEqualTo(1_000);
        }

        cache.Count.ShouldBe(10);
        cache.TakeFor(s_ann, Id(99)).ShouldNotBeNull();
        cache.TakeFor(s_ann, Id(89)).ShouldBeNull();
        cache.IdsOf("a").Count.ShouldBe(10);
    }

    [Fact]
    public void Backoffs_AreNeverShortened_End_AndHaveAnEndInNumber()
    {
        var backoffs = new Backoffs(new GossipOptions { MaxBackoffs = 2 });
        backoffs.Add("a", s_ann, s_now.AddSeconds(60));
        backoffs.Add("a", s_ann, s_now.AddSeconds(1));
        backoffs.Find("a", s_ann, s_now.AddSeconds(59)).ShouldBe(s_now.AddSeconds(60));
        backoffs.Find("b", s_ann, s_now).ShouldBeNull();
        backoffs.Find("a", s_ann, s_now.AddSeconds(60)).ShouldBeNull();

        backoffs.Add("a", s_bob, s_now.AddSeconds(30));
        backoffs.Add("a", PeerOf(3), s_now.AddSeconds(40));
        backoffs.Find("a", s_bob, s_now).ShouldBeNull();
        backoffs.Find("a", s_ann, s_now).ShouldNotBeNull();
        backoffs.Expire(s_now.AddSeconds(60));
        backoffs.Find("a", s_ann, s_now).ShouldBeNull();
    }

    [Fact]
    public void Promises_ThatAreNotKept_AreBrokenOnce()
    {
        var options = new GossipOptions();
        var promises = new Promises(options);
        promises.Add(Id(1), s_ann, s_now);
        promises.Add(Id(1), s_bob, s_now);
        promises.Add(Id(2), s_ann, s_now);
        promises.Add(Id(3), s_ann, s_now);
        promises.Add(Id(4), PeerOf(3), s_now);
        promises.Keep(Id(3));
        promises.Forget(PeerOf(3));

        promises.TakeBroken(s_now + options.PromiseTimeout - TimeSpan.FromSeconds(1)).ShouldBeEmpty();
        promises.TakeBroken(s_now + options.PromiseTimeout).ShouldBe(new Dictionary<PeerId, int> { [s_ann] = 2, [s_bob] = 1 }, ignoreOrder: true);
        promises.TakeBroken(s_now + (options.PromiseTimeout * 2)).ShouldBeEmpty();
    }

    internal static PeerId PeerOf(int number) => PeerId.FromEncodedPublicKey([0x08, 0x01, 0x12, 0x20, .. new byte[28], .. BitConverter.GetBytes(number)]);

    private static MessageId Id(int number) => new(BitConverter.GetBytes(number));

    private static Message MessageOf(string topic) => new() { Topic = topic, Data = ByteString.CopyFrom(1) };
}
