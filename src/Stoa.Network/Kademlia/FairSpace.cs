using System.Diagnostics.CodeAnalysis;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Room for records of many who share it: when it is full, who has most loses its oldest, and who has most gets nothing.</summary>
/// <remarks>
/// So an attacker has to have as many networks of addresses as there are others, and even then leaves everybody an equal share. Peers whose network has no limit
/// count each by itself. Not safe for use by many threads.
/// </remarks>
internal sealed class FairSpace<TKey>(long max, long maxPerPeer, long maxPerNetwork, TimeSpan lifetime) where TKey : notnull
{
    private readonly Dictionary<TKey, Record> _records = [];
    private readonly Dictionary<PeerId, long> _byPeer = [];
    private readonly Dictionary<object, Share> _shares = [];
    private readonly LinkedList<TKey> _byAge = [];
    private long _used;

    /// <summary>What is taken, in bytes.</summary>
    public long Used => _used;

    public int Count => _records.Count;

    /// <summary>Takes room for a record, or keeps it for longer when it is there.</summary>
    /// <param name="key">Which.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="origin">Who brought it.</param>
    /// <param name="now">The time.</param>
    /// <param name="dropped">Records that are no more because of it, or because they were too old.</param>
    /// <returns>Whether there is room. Otherwise all is as before, but for those too old.</returns>
    public bool TryTake(TKey key, long size, RecordOrigin origin, DateTimeOffset now, out IReadOnlyList<TKey> dropped)
    {
        var gone = Expire(now);
        dropped = gone;
        var owner = OwnerOf(origin);
        var before = _records.GetValueOrDefault(key);
        var (ofPeer, ofShare) = (_byPeer.GetValueOrDefault(origin.Peer) + size, (_shares.GetValueOrDefault(owner)?.Used ?? 0) + size);
        if (before is not null)
        {
            ofPeer -= before.Origin.Peer == origin.Peer ? before.Size : 0;
            ofShare -= before.Owner.Equals(owner) ? before.Size : 0;
        }

        if (size > max || ofPeer > maxPerPeer || (origin.Network is not null && ofShare > maxPerNetwork))
            return false;
        var free = max - _used + (before?.Size ?? 0);
        var loses = new List<TKey>();
        if (free < size && !TryFindLosers(key, size - free, owner, ofShare, loses))
            return false;
        foreach (var loser in loses)
            Remove(loser);
        gone.AddRange(loses);
        Remove(key);
        Add(key, new Record(size, origin, owner, now + lifetime, _byAge.AddLast(key)));
        return true;
    }

    /// <summary>Frees the room of a record.</summary>
    public void Remove(TKey key)
    {
        if (!_records.Remove(key, out var record))
            return;
        _byAge.Remove(record.Place);
        _used -= record.Size;
        if ((_byPeer[record.Origin.Peer] -= record.Size) == 0)
            _byPeer.Remove(record.Origin.Peer);
        var share = _shares[record.Owner];
        share.Used -= record.Size;
        share.Keys.Remove(record.PlaceInShare!);
        if (share.Keys.Count == 0)
            _shares.Remove(record.Owner);
    }

    /// <summary>Whose a record is.</summary>
    public bool TryGetOrigin(TKey key, [MaybeNullWhen(false)] out RecordOrigin origin)
    {
        var isThere = _records.TryGetValue(key, out var record);
        origin = record?.Origin ?? default;
        return isThere;
    }

    /// <summary>Frees the room of records that are too old.</summary>
    public List<TKey> Expire(DateTimeOffset now)
    {
        var gone = new List<TKey>();
        while (_byAge.First is { } oldest && _records[oldest.Value].Until <= now)
        {
            gone.Add(oldest.Value);
            Remove(oldest.Value);
        }

        return gone;
    }

    private void Add(TKey key, Record record)
    {
        _records.Add(key, record);
        _used += record.Size;
        _byPeer[record.Origin.Peer] = _byPeer.GetValueOrDefault(record.Origin.Peer) + record.Size;
        if (!_shares.TryGetValue(record.Owner, out var share))
            _shares.Add(record.Owner, share = new Share());
        share.Used += record.Size;
        record.PlaceInShare = share.Keys.AddLast(key);
    }

    private bool TryFindLosers(TKey except, long needed, object owner, long ofOwner, List<TKey> losers)
    {
        // Scanned only when all is full; there are at most as many shares as records.
        var left = _shares.ToDictionary(pair => pair.Key, pair => (pair.Value.Used, Next: pair.Value.Keys.First));
        while (needed > 0)
        {
            var (most, share) = left.Where(pair => !pair.Key.Equals(owner) && pair.Value.Next is not null).MaxBy(pair => pair.Value.Used);
            if (most is null || share.Used <= ofOwner)
                return false;
            var next = share.Next!;
            var size = _records[next.Value].Size;
            left[most] = (share.Used - size, next.Next);
            if (next.Value.Equals(except))
                continue;
            losers.Add(next.Value);
            needed -= size;
        }

        return true;
    }

    private static object OwnerOf(RecordOrigin origin) => origin.Network is { } network ? network : origin.Peer;

    private sealed class Share
    {
        public long Used { get; set; }

        /// <summary>Its records, the oldest first.</summary>
        public LinkedList<TKey> Keys { get; } = [];
    }

    private sealed record Record(long Size, RecordOrigin Origin, object Owner, DateTimeOffset Until, LinkedListNode<TKey> Place)
    {
        public LinkedListNode<TKey>? PlaceInShare { get; set; }
    }
}
