using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Tells the network of many keys that this node provides, region by region of the key space.</summary>
/// <remarks>
/// A lookup shows all peers of the subtree around its target that is full of nearer ones than the farthest found. Keys in that subtree need no lookup of
/// their own, and a peer gets all of its keys on one stream. So a million keys take as many lookups as the network has regions.
/// </remarks>
internal sealed class ProviderSweep(
    PeerId self,
    KademliaOptions options,
    Func<ReadOnlyMemory<byte>, CancellationToken, Task<IReadOnlyList<PeerAddress>>> findClosest,
    Func<int, int> choose,
    Func<PeerAddress, IReadOnlyList<Wire.Message>, CancellationToken, Task<bool>> tell)
{
    // A key with as many leading bits as a point is found by trial, in 2^bits tries.
    private const int MaxTrialBits = 16;

    /// <summary>Tells of keys.</summary>
    /// <returns>How many provider records were taken, all keys and peers together.</returns>
    public async Task<int> RunAsync(IEnumerable<ReadOnlyMemory<byte>> keys, IReadOnlyList<Multiaddr> addresses, CancellationToken cancellationToken)
    {
        var sorted = keys.Select(key => (Key: KademliaKey.Of(key.Span), Bytes: key)).OrderBy(key => key.Key).ToList();
        var told = 0;
        for (var index = 0; index < sorted.Count;)
        {
            var (peers, depth) = await ExploreAsync(sorted[index].Key, sorted[index].Bytes, index + 1 < sorted.Count ? sorted[index + 1].Key : null, cancellationToken);
            // In the order of the space, all keys of a subtree follow each other.
            var first = sorted[index].Key;
            var region = sorted.Skip(index).TakeWhile(key => key.Key == first || key.Key.CommonPrefixLength(first) >= depth).ToList();
            told += await TellAsync(peers, region, addresses, cancellationToken);
            index += region.Count;
        }

        return told;
    }

    /// <summary>Finds the peers around a key.</summary>
    /// <returns>The peers, and how many leading bits a key must have in common with it for them to be the nearest to it as well.</returns>
    private async Task<(IReadOnlyList<(PeerAddress Peer, KademliaKey Key)> Peers, int Depth)> ExploreAsync(
        KademliaKey key, ReadOnlyMemory<byte> bytes, KademliaKey? next, CancellationToken cancellationToken)
    {
        var (peers, depth) = await FindAsync(key, bytes, cancellationToken);
        var isAlone = next is null || next.Value.CommonPrefixLength(key) < depth - 1;
        if (isAlone || depth is 0 or > MaxTrialBits || peers.Count(peer => peer.Key.CommonPrefixLength(key) >= depth) >= options.BucketSize / 2)
            return (peers, depth);
        // Few are in the subtree: those beside it are as near to some of its keys.
        var sibling = key.Flip(depth - 1);
        var (others, otherDepth) = await FindAsync(sibling, PreimageOf(sibling, depth), cancellationToken);
        return ([.. peers.Concat(others).DistinctBy(peer => peer.Peer.Peer)], otherDepth <= depth ? depth - 1 : depth);
    }

    private async Task<(IReadOnlyList<(PeerAddress Peer, KademliaKey Key)> Peers, int Depth)> FindAsync(
        KademliaKey key, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var found = (await findClosest(bytes, cancellationToken)).Select(peer => (Peer: peer, Key: KademliaKey.Of(peer.Peer))).ToList();
        // Fewer than were wanted: these are all there are.
        return (found, found.Count < options.BucketSize ? 0 : found.Min(peer => peer.Key.CommonPrefixLength(key)) + 1);
    }

    private async Task<int> TellAsync(
        IReadOnlyList<(PeerAddress Peer, KademliaKey Key)> peers, List<(KademliaKey Key, ReadOnlyMemory<byte> Bytes)> keys, IReadOnlyList<Multiaddr> addresses, CancellationToken cancellationToken)
    {
        var provider = PeerCodec.Write(new PeerAddress(self, addresses), Wire.ConnectionType.Connected, options);
        var byPeer = new Dictionary<PeerId, (PeerAddress Peer, List<Wire.Message> Messages)>();
        foreach (var (key, bytes) in keys)
        {
            var message = new Wire.Message { Type = Wire.MessageType.AddProvider, Key = ByteString.CopyFrom(bytes.Span), ProviderPeers = { provider } };
            foreach (var (peer, _) in peers.OrderBy(peer => peer.Key.DistanceTo(key)).Take(options.BucketSize))
            {
                if (!byPeer.TryGetValue(peer.Peer, out var own))
                    byPeer.Add(peer.Peer, own = (peer, []));
                own.Messages.Add(message);
            }
        }

        var told = await Task.WhenAll(byPeer.Values.Select(async own =>
        {
            var taken = 0;
            foreach (var chunk in own.Messages.Chunk(options.MaxMessagesPerStream))
            {
                if (!await tell(own.Peer, chunk, cancellationToken))
                    break;
                taken += chunk.Length;
            }

            return taken;
        }));
        return told.Sum();
    }

    private byte[] PreimageOf(KademliaKey target, int bits) => Preimages.Find(choose, key => key.CommonPrefixLength(target) >= bits);
}
