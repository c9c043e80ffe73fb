using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Whom a node knows: many near itself, few far away.</summary>
/// <remarks>
/// A bucket for each number of leading bits in common with the own key, as in the paper. Who is there and answers stays, whoever comes: to get in, an
/// attacker has to have been there first or to wait until honest peers leave. Peers of one network of addresses are limited besides. The caller adds only
/// peers that it dialled and that speak the protocol. Safe for use by many threads.
/// </remarks>
internal sealed class RoutingTable(PeerId self, KademliaOptions options, TimeProvider time)
{
    // A key that falls into a deeper bucket would have to be searched for too long; the lookup of the own key covers those.
    private const int MaxRefreshedDepth = 12;

    private readonly Lock _lock = new();
    private readonly Bucket?[] _buckets = new Bucket?[KademliaKey.Bits];
    private readonly Dictionary<AddressNetwork, int> _networks = [];
    private int _count;

    /// <summary>Where this node lies.</summary>
    public KademliaKey Key { get; } = KademliaKey.Of(self);

    public int Count => Volatile.Read(ref _count);

    /// <summary>All peers.</summary>
    public IReadOnlyList<RoutingPeer> Peers
    {
        get
        {
            lock (_lock)
                return [.. _buckets.Where(bucket => bucket is not null).SelectMany(bucket => bucket!.Peers)];
        }
    }

    public bool Contains(PeerId peer)
    {
        lock (_lock)
            return Find(peer).Index >= 0;
    }

    /// <summary>Whether a peer that is not known could get in, now or when another fails: what is to be asked before it is dialled.</summary>
    public bool Wants(PeerId peer)
    {
        var index = Key.CommonPrefixLength(KademliaKey.Of(peer));
        lock (_lock)
            return index < KademliaKey.Bits && (_buckets[index] is not { } bucket
                || (bucket.IndexOf(peer) < 0 && (bucket.Peers.Count < options.BucketSize || bucket.Waiting.Count < options.ReplacementCacheSize || bucket.Peers.Exists(entry => entry.IsDead))));
    }

    /// <summary>Takes in a peer that was dialled and has answered.</summary>
    public Admission Add(PeerId peer, Multiaddr reachedAt)
    {
        var key = KademliaKey.Of(peer);
        var index = Key.CommonPrefixLength(key);
        if (index == KademliaKey.Bits)
            return Admission.Refused;
        var network = AddressNetwork.Of(reachedAt, options.AllowsPrivateAddresses);
        var entry = new RoutingPeer(peer, key, ByteString.CopyFrom(peer.ToBytes()), reachedAt, network, time.GetUtcNow(), 0);
        lock (_lock)
        {
            var bucket = _buckets[index] ??= new Bucket();
            var place = bucket.IndexOf(peer);
            if (place >= 0)
            {
                var old = bucket.Peers[place];
                // Where it was reached before stays when there is no room in the network where it is now.
                Replace(bucket, place, Fits(bucket, network, old) ? entry : old with { LastSeen = entry.LastSeen, Failures = 0 });
                return Admission.Known;
            }

            bucket.Waiting.RemoveAll(waiting => waiting.Peer == peer);
            if (bucket.Peers.Count < options.BucketSize && Fits(bucket, network, null))
            {
                bucket.Peers.Add(entry);
                Tally(network, 1);
                _count++;
                return Admission.Entered;
            }

            place = bucket.Peers.FindIndex(dead => dead.IsDead && Fits(bucket, network, dead));
            if (place >= 0)
            {
                Replace(bucket, place, entry);
                return Admission.Entered;
            }

            return Wait(bucket, entry);
        }
    }

    /// <summary>Notes that a peer has said something.</summary>
    public void Seen(PeerId peer)
    {
        lock (_lock)
        {
            if (Find(peer) is (var index, { } bucket) && index >= 0)
                Replace(bucket, index, bucket.Peers[index] with { LastSeen = time.GetUtcNow(), Failures = 0 });
        }
    }

    /// <summary>Notes that a peer did not answer. When it is dead by that, one that waits takes its place.</summary>
    /// <returns>Whether it is in the table still.</returns>
    public bool Fail(PeerId peer)
    {
        lock (_lock)
        {
            if (Find(peer) is not (var index, { } bucket))
                return false;
            bucket.Waiting.RemoveAll(waiting => waiting.Peer == peer);
            if (index < 0)
                return false;
            var entry = bucket.Peers[index];
            bucket.Peers[index] = entry = entry with { Failures = entry.Failures + 1 };
            if (!entry.IsDead)
                return true;
            var next = bucket.Waiting.FindLastIndex(waiting => Fits(bucket, waiting.Network, entry));
            if (next < 0)
                return true;
            var waiting = bucket.Waiting[next];
            bucket.Waiting.RemoveAt(next);
            Replace(bucket, index, waiting);
            return false;
        }
    }

    /// <summary>Forgets a peer: it does not speak the protocol any more.</summary>
    public void Remove(PeerId peer)
    {
        lock (_lock)
        {
            if (Find(peer) is not (var index, { } bucket))
                return;
            bucket.Waiting.RemoveAll(waiting => waiting.Peer == peer);
            if (index < 0)
                return;
            Drop(bucket, index);
            if (bucket.Waiting.FindLastIndex(waiting => Fits(bucket, waiting.Network, null)) is var next && next < 0)
                return;
            bucket.Peers.Add(bucket.Waiting[next]);
            Tally(bucket.Waiting[next].Network, 1);
            _count++;
            bucket.Waiting.RemoveAt(next);
        }
    }

    /// <summary>Who in a peer's bucket was silent for longest, if for longer than is allowed when another waits for its place; null when nobody.</summary>
    public RoutingPeer? ToPing(PeerId waiting)
    {
        lock (_lock)
        {
            var bucket = Find(waiting).Bucket;
            return bucket?.Peers.Where(entry => entry.IsSuspect || time.GetUtcNow() - entry.LastSeen >= options.PingAfter).MinBy(entry => entry.LastSeen);
        }
    }

    /// <summary>The peers nearest to a point, the nearest first.</summary>
    /// <param name="target">The point.</param>
    /// <param name="count">How many at most.</param>
    /// <param name="withSuspects">Whether those may be among them who did not answer last time.</param>
    public IReadOnlyList<RoutingPeer> Closest(KademliaKey target, int count, bool withSuspects)
    {
        var closest = new List<RoutingPeer>(count);
        var index = Math.Min(Key.CommonPrefixLength(target), KademliaKey.Bits - 1);
        lock (_lock)
        {
            // The bucket that the point lies in is nearest; then all that are nearer to this node, which differ from the point in the same bit; then one by one outwards.
            Take(_buckets.AsSpan(index, 1));
            Take(_buckets.AsSpan(index + 1));
            while (closest.Count < count && --index >= 0)
                Take(_buckets.AsSpan(index, 1));
        }

        return closest;

        void Take(ReadOnlySpan<Bucket?> buckets)
        {
            if (closest.Count >= count)
                return;
            var start = closest.Count;
            foreach (var bucket in buckets)
            {
                if (bucket is not null)
                    closest.AddRange(withSuspects ? bucket.Peers : bucket.Peers.Where(entry => !entry.IsSuspect));
            }

            closest.Sort(start, closest.Count - start, Comparer<RoutingPeer>.Create((left, right) => left.Key.DistanceTo(target).CompareTo(right.Key.DistanceTo(target))));
            if (closest.Count > count)
                closest.RemoveRange(count, closest.Count - count);
        }
    }

    /// <summary>Notes that a point was looked for.</summary>
    public void Touch(KademliaKey target)
    {
        var index = Key.CommonPrefixLength(target);
        lock (_lock)
        {
            if (index < KademliaKey.Bits)
                (_buckets[index] ??= new Bucket()).LastLookup = time.GetUtcNow();
        }
    }

    /// <summary>The buckets in which nothing was looked for so long: none deeper than the deepest that has peers.</summary>
    public IReadOnlyList<int> StaleBuckets(TimeSpan after)
    {
        lock (_lock)
        {
            var depth = Math.Min(Array.FindLastIndex(_buckets, bucket => bucket is { Peers.Count: > 0 }), MaxRefreshedDepth);
            var before = time.GetUtcNow() - after;
            return [.. Enumerable.Range(0, depth + 1).Where(index => _buckets[index] is not { } bucket || bucket.LastLookup <= before)];
        }
    }

    /// <summary>Forgets who did not answer for too long.</summary>
    public void Expire()
    {
        var before = time.GetUtcNow() - options.MaxAbsence;
        lock (_lock)
        {
            foreach (var bucket in _buckets)
            {
                for (var index = (bucket?.Peers.Count ?? 0) - 1; index >= 0; index--)
                {
                    if (bucket!.Peers[index] is { IsDead: true } entry && entry.LastSeen < before)
                        Drop(bucket, index);
                }
            }
        }
    }

    private (int Index, Bucket? Bucket) Find(PeerId peer)
    {
        var index = Key.CommonPrefixLength(KademliaKey.Of(peer));
        return index < KademliaKey.Bits && _buckets[index] is { } bucket ? (bucket.IndexOf(peer), bucket) : (-1, null);
    }

    private Admission Wait(Bucket bucket, RoutingPeer entry)
    {
        // Of a network that has all its places nobody waits: they would keep others from waiting.
        if (options.ReplacementCacheSize == 0 || !Fits(bucket, entry.Network, null)
            || (entry.Network is not null && bucket.Waiting.Count(waiting => waiting.Network == entry.Network) >= options.MaxPerNetworkInBucket))
            return Admission.Refused;
        if (bucket.Waiting.Count >= options.ReplacementCacheSize)
            bucket.Waiting.RemoveAt(0);
        bucket.Waiting.Add(entry);
        return Admission.Waiting;
    }

    private bool Fits(Bucket bucket, AddressNetwork? network, RoutingPeer? without)
    {
        if (network is not { } own)
            return true;
        var left = without is not null && without.Network == network ? 1 : 0;
        return bucket.Peers.Count(entry => entry.Network == network) - left < options.MaxPerNetworkInBucket
            && _networks.GetValueOrDefault(own) - left < options.MaxPerNetworkInTable;
    }

    /// <summary>Puts an entry, just heard of, in the place of another.</summary>
    private void Replace(Bucket bucket, int index, RoutingPeer entry)
    {
        Tally(bucket.Peers[index].Network, -1);
        bucket.Peers.RemoveAt(index);
        bucket.Peers.Add(entry);
        Tally(entry.Network, 1);
    }

    private void Drop(Bucket bucket, int index)
    {
        Tally(bucket.Peers[index].Network, -1);
        bucket.Peers.RemoveAt(index);
        _count--;
    }

    private void Tally(AddressNetwork? network, int by)
    {
        if (network is not { } own)
            return;
        if (_networks.GetValueOrDefault(own) + by is var number && number > 0)
            _networks[own] = number;
        else
            _networks.Remove(own);
    }
}
