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

    private static PeerAddress NewPeer(int number) => new(PeerId.FromEncodedPublicKey([0x08, 0x01, 0x12, 0x20, .. BitConverter.GetBytes(number), .. new byte[28]]), [s_here]);
}
