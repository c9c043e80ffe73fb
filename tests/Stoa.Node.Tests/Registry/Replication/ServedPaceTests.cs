using Stoa.Node.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Replication;

/// <summary>How often a peer may have statements compared.</summary>
public sealed class ServedPaceTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);

    [Fact]
    public void TryTake_GivesSoManyAtOnce_AndThenOneAfterAnother()
    {
        var pace = new ServedPace(3, TimeSpan.FromSeconds(10));
        var peer = Peer();

        Take(pace, peer, s_now, 5).ShouldBe([true, true, true, false, false]);
        Take(pace, peer, s_now.AddSeconds(9), 1).ShouldBe([false]);
        Take(pace, peer, s_now.AddSeconds(10), 2).ShouldBe([true, false]);
        Take(pace, peer, s_now.AddSeconds(31), 3).ShouldBe([true, true, false]);
        Take(pace, peer, s_now.AddHours(1), 4).ShouldBe([true, true, true, false]);
    }

    [Fact]
    public void TryTake_OfOnePeer_LeavesTheOthersTheirs()
    {
        var pace = new ServedPace(1, TimeSpan.FromSeconds(10));
        var first = Peer();

        Take(pace, first, s_now, 2).ShouldBe([true, false]);
        Take(pace, Peer(), s_now, 2).ShouldBe([true, false]);
    }

    [Fact]
    public void TryTake_OfManyPeers_ForgetsThoseWhoAskForNothing()
    {
        var pace = new ServedPace(1, TimeSpan.FromSeconds(10));
        foreach (var peer in Enumerable.Range(0, 5_000).Select(_ => Peer()))
            pace.TryTake(peer, s_now).ShouldBeTrue();
        var late = Peer();

        Take(pace, late, s_now.AddSeconds(11), 2).ShouldBe([true, false]);
    }

    private static List<bool> Take(ServedPace pace, PeerId peer, DateTimeOffset now, int times) => [.. Enumerable.Range(0, times).Select(_ => pace.TryTake(peer, now))];

    private static PeerId Peer()
    {
        using var key = PrivateKey.Generate();
        return key.PublicKey.PeerId;
    }
}
