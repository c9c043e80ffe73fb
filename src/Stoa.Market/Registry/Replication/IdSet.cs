using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>Ids in order, 32 bytes each and little beside. Its state at a moment costs next to nothing to keep: parts that change are made anew.</summary>
/// <remarks>Not safe for use by many threads; snapshots are.</remarks>
public sealed class IdSet
{
    private const int MaxPart = 128;

    private readonly List<ContentHash[]> _parts = [];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an id.</summary>
    /// <returns>Whether it is new.</returns>
    public bool Add(ContentHash id)
    {
        if (_parts.Count == 0)
        {
            _parts.Add([id]);
            Count = 1;
            return true;
        }

        var at = IdSnapshot.PartOf(_parts, id);
        var part = _parts[at];
        var index = Array.BinarySearch(part, id);
        if (index >= 0)
            return false;
        ContentHash[] grown = [.. part.AsSpan(0, ~index), id, .. part.AsSpan(~index)];
        Count++;
        if (grown.Length <= MaxPart)
        {
            _parts[at] = grown;
            return true;
        }

        // Ids that come in order fill parts whole.
        var split = ~index == part.Length && at == _parts.Count - 1 ? part.Length : grown.Length / 2;
        _parts[at] = grown[..split];
        _parts.Insert(at + 1, grown[split..]);
        return true;
    }

    /// <summary>Removes an id.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(ContentHash id)
    {
        if (_parts.Count == 0)
            return false;
        var at = IdSnapshot.PartOf(_parts, id);
        var part = _parts[at];
        var index = Array.BinarySearch(part, id);
        if (index < 0)
            return false;
        Count--;
        ContentHash[] shrunk = [.. part.AsSpan(0, index), .. part.AsSpan(index + 1)];
        if (at + 1 < _parts.Count && shrunk.Length + _parts[at + 1].Length <= MaxPart / 2)
        {
            shrunk = [.. shrunk, .. _parts[at + 1]];
            _parts.RemoveAt(at + 1);
        }

        if (shrunk.Length == 0)
            _parts.RemoveAt(at);
        else
            _parts[at] = shrunk;
        return true;
    }

    /// <summary>What there is now.</summary>
    public IdSnapshot Snapshot() => new([.. _parts], Count);
}

/// <summary>Ids in order, which do not change any more. Safe for use by many threads.</summary>
public sealed class IdSnapshot
{
    private readonly ContentHash[][] _parts;

    internal IdSnapshot(ContentHash[][] parts, int count) => (_parts, Count) = (parts, count);

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>All of them, in order.</summary>
    public IEnumerable<ContentHash> All => _parts.SelectMany(part => part);

    /// <summary>The parts that it is made of, none of which is empty.</summary>
    internal IReadOnlyList<ContentHash[]> Parts => _parts;

    /// <summary>Whether an id is among them.</summary>
    public bool Contains(ContentHash id) => _parts.Length > 0 && Array.BinarySearch(_parts[PartOf(_parts, id)], id) >= 0;

    /// <summary>The first id of an item; null when there is none.</summary>
    public ContentHash? Find(UInt128 item) => From(item).Cast<ContentHash?>().FirstOrDefault() is { } id && SetItem.Of(id) == item ? id : null;

    /// <summary>Ids from an item on, in order.</summary>
    public IEnumerable<ContentHash> From(UInt128 item)
    {
        if (_parts.Length == 0)
            yield break;
        var least = SetItem.LeastId(item);
        var at = PartOf(_parts, least);
        var index = Array.BinarySearch(_parts[at], least);
        for (index = index < 0 ? ~index : index; at < _parts.Length; at++, index = 0)
        {
            for (; index < _parts[at].Length; index++)
                yield return _parts[at][index];
        }
    }

    /// <summary>The last part that begins at or before an id; the first when none does.</summary>
    internal static int PartOf(IReadOnlyList<ContentHash[]> parts, ContentHash id)
    {
        var (low, high) = (0, parts.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (parts[middle][0] <= id)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }
}
