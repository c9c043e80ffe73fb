using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

public sealed class CandidatesTests
{
    private static readonly Multiaddr s_here = Multiaddr.Parse("/ip4/127.0.0.1/tcp/4001");

    [Theory]
    [InlineData(false, 20)]
    [InlineData(true, 21)]
    public void FarPeer_IsAsked_OnlyWhenItAlwaysIs(bool isAlwaysAsked, int asked)
    {
        var target = KademliaKey.Of("a key"u8);
        var peers = Enumerable.Range(1, 40).Select(NewPeer).OrderBy(peer => target.DistanceTo(KademliaKey.Of(peer.Peer))).ToList();
        var candidates = new Candidates(target, NewPeer(0).Peer, 20, new KademliaOptions());
        foreach (var peer in peers[..^1])
            candidates.Start(peer, isAlwaysAsked: false);
        candidates.Start(peers[^1], isAlwaysAsked);

        var heard = new List<PeerId>();
        while (candidates.Next() is { } next)
        {
            heard.Add(next.Peer.Peer);
            candidates.Ask(next);
            candidates.Answer(next, s_here).ShouldBeTrue();
        }

        heard.Count.ShouldBe(asked);
        heard.Distinct().Count().ShouldBe(asked);
        heard.Contains(peers[^1].Peer).ShouldBe(isAlwaysAsked);
        // It is asked, but is none of the nearest.
        candidates.Answered.Select(candidate => candidate.Peer.Peer).ShouldBe(peers[..20].Select(peer => peer.Peer));
    }

    /// <summary>Of the three that a lookup begins with, one tells of nobody but peers that are not there, each nearer than any that is: on one path there is room for no others, on disjoint ones it fills its own.</summary>
    [Theory]
    [InlineData(3, true)]
    [InlineData(1, false)]
    public void Liar_WhoTellsOfPeersThatAreNot_KeepsOtherPathsFromNothing(int paths, bool isFound)
    {
        var random = new Random(12);
        var target = KademliaKey.Of("a key"u8);
        var options = new KademliaOptions { DisjointPaths = paths };
        var begin = Enumerable.Range(0, 3).Select(_ => At(Peers.Near(target, 0, random))).OrderBy(peer => target.DistanceTo(KademliaKey.Of(peer.Peer))).ToList();
        var honest = Enumerable.Range(0, 20).Select(number => At(Peers.Near(target, 3 + (number % 3), random))).ToList();
        var invented = Enumerable.Range(0, 200).Select(_ => At(Peers.Near(target, 8, random, orNearer: true))).ToList();
        var candidates = new Candidates(target, NewPeer(0).Peer, options.BucketSize, options);
        foreach (var peer in begin)
            candidates.Start(peer, isAlwaysAsked: false);
        var (real, unreal) = (honest.Select(peer => peer.Peer).ToHashSet(), invented.Select(peer => peer.Peer).ToHashSet());

        // Whoever is not there is given up only when nobody else is left to be asked.
        var (asked, silent, isGivenUp, foundBefore) = (new List<PeerId>(), new Queue<Candidate>(), false, 0);
        while (true)
        {
            while (candidates.Active < options.Concurrency && candidates.Next() is { } next)
            {
                asked.Add(next.Peer.Peer);
                candidates.Ask(next);
                if (unreal.Contains(next.Peer.Peer))
                {
                    silent.Enqueue(next);
                    continue;
                }

                candidates.Answer(next, s_here).ShouldBeTrue();
                if (begin.FindIndex(peer => peer.Peer == next.Peer.Peer) is var place && place >= 0)
                    candidates.Hear(next, place == 0 ? invented : honest);
                foundBefore += !isGivenUp && real.Contains(next.Peer.Peer) ? 1 : 0;
            }

            if (!silent.TryDequeue(out var gone))
                break;
            candidates.Fail(gone);
            isGivenUp = true;
        }

        asked.Count.ShouldBe(asked.Distinct().Count());
        asked.Count(unreal.Contains).ShouldBeLessThanOrEqualTo(64);
        asked.Count(real.Contains).ShouldBe(isFound ? 20 : 0);
        // Some of them before the first of the others is given up: nobody waits for the liar's.
        foundBefore.ShouldBe(isFound ? 3 : 0);

        static PeerAddress At(PeerId peer) => new(peer, [s_here]);
    }

    private static PeerAddress NewPeer(int number) => new(PeerId.FromEncodedPublicKey([0x08, 0x01, 0x12, 0x20, .. BitConverter.GetBytes(number), .. new byte[28]]), [s_here]);
}
