using System.Buffers;

namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>Vectors of listings in memory, by which those are found whose texts mean the same as another text.</summary>
/// <remarks>
/// The signs of all vectors are looked through, a bit for each number, and those from which least differ are compared by all that is kept of them. Whoever writes waits for those who search, and they for him:
/// a search passes over a million in some milliseconds, and to put one in takes less.
/// </remarks>
public sealed class VectorIndex : IDisposable
{
    // Arrays of this many vectors: growing copies none, and none is larger than it need be.
    private const int BlockSize = 8_192;

    private readonly ReaderWriterLockSlim _lock = new();
    private readonly Dictionary<ListingKey, int> _places = [];
    private readonly List<ListingKey> _keys = [];
    private readonly List<Block> _blocks = [];
    private int _dimensions;

    /// <summary>How many vectors there are.</summary>
    public int Count
    {
        get
        {
            _lock.EnterReadLock();
            try
            {
                return _keys.Count;
            }
            finally
            {
                _lock.ExitReadLock();
            }
        }
    }

    /// <summary>Takes vectors in, in the place of what listings had before.</summary>
    /// <returns>How many were taken; those with another number of dimensions than the first of all are not.</returns>
    public int Put(IReadOnlyCollection<(ListingKey Key, sbyte[] Vector)> vectors)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        _lock.EnterWriteLock();
        try
        {
            var taken = 0;
            foreach (var (key, vector) in vectors)
            {
                if (_dimensions == 0)
                    _dimensions = vector.Length;
                if (vector.Length != _dimensions)
                    continue;
                if (!_places.TryGetValue(key, out var place))
                {
                    place = _keys.Count;
                    _places[key] = place;
                    _keys.Add(key);
                    if (place / BlockSize == _blocks.Count)
                        _blocks.Add(new Block(_dimensions));
                }

                _blocks[place / BlockSize].Write(place % BlockSize, vector);
                taken++;
            }

            return taken;
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>Forgets listings.</summary>
    public void Remove(IReadOnlyCollection<ListingKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        _lock.EnterWriteLock();
        try
        {
            foreach (var key in keys)
            {
                if (!_places.Remove(key, out var place))
                    continue;
                // The last one takes its place.
                var last = _keys.Count - 1;
                if (place != last)
                {
                    _blocks[place / BlockSize].Copy(place % BlockSize, _blocks[last / BlockSize], last % BlockSize);
                    (_keys[place], _places[_keys[last]]) = (_keys[last], place);
                }

                _keys.RemoveAt(last);
            }

            while ((_blocks.Count - 1) * BlockSize >= _keys.Count && _blocks.Count > 0)
                _blocks.RemoveAt(_blocks.Count - 1);
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>The listings whose vectors are most like another one, the most like it first, equal ones in the order of keys.</summary>
    /// <param name="vector">As it is kept.</param>
    /// <param name="candidates">How many are compared by more than their signs; those that are missed are the fewer, the more it is.</param>
    /// <param name="limit">The most that are answered.</param>
    public IReadOnlyList<ListingKey> FindNearest(ReadOnlySpan<sbyte> vector, int candidates, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(candidates, limit);
        _lock.EnterReadLock();
        try
        {
            if (vector.Length != _dimensions || _keys.Count == 0)
                return [];
            var places = FindCandidates(vector, candidates);
            return [.. Best(vector, places, limit).Select(at => _keys[places[at]])];
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>The same among some listings, each of which is compared by all that is kept.</summary>
    /// <param name="vector">As it is kept.</param>
    /// <param name="among">Some thousands at most: each is looked up by its key, which takes longer than comparing it.</param>
    /// <param name="keyOf">The key of each.</param>
    /// <param name="limit">The most that are answered.</param>
    public IReadOnlyList<T> FindNearest<T>(ReadOnlySpan<sbyte> vector, IReadOnlyList<T> among, Func<T, ListingKey> keyOf, int limit)
    {
        ArgumentNullException.ThrowIfNull(among);
        ArgumentNullException.ThrowIfNull(keyOf);
        _lock.EnterReadLock();
        try
        {
            if (vector.Length != _dimensions)
                return [];
            var (places, known) = (new List<int>(among.Count), new List<T>(among.Count));
            foreach (var one in among)
            {
                if (!_places.TryGetValue(keyOf(one), out var place))
                    continue;
                places.Add(place);
                known.Add(one);
            }

            return [.. Best(vector, places, limit).Select(at => known[at])];
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>The places of those from whose signs least differ: at least as many as are asked for, if there are so many.</summary>
    private List<int> FindCandidates(ReadOnlySpan<sbyte> vector, int candidates)
    {
        Span<ulong> signs = stackalloc ulong[EmbeddingVector.SignWords(EmbeddingVector.MostDimensions)];
        signs = signs[..EmbeddingVector.SignWords(_dimensions)];
        EmbeddingVector.WriteSigns(vector, signs);
        var distances = ArrayPool<ushort>.Shared.Rent(BlockSize);
        try
        {
            var nearest = new FewestSigns(_dimensions, Math.Clamp(candidates, 1, _keys.Count));
            for (var block = 0; block < _blocks.Count; block++)
            {
                var count = Math.Min(BlockSize, _keys.Count - (block * BlockSize));
                _blocks[block].Signs.Measure(signs, distances, count);
                nearest.Take(block * BlockSize, distances.AsSpan(0, count));
            }

            return nearest.Places();
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(distances);
        }
    }

    /// <summary>Which of some places have the vectors that are most like one, in their order.</summary>
    private List<int> Best(ReadOnlySpan<sbyte> vector, List<int> places, int limit)
    {
        var scores = new float[places.Count];
        for (var at = 0; at < scores.Length; at++)
        {
            var block = _blocks[places[at] / BlockSize];
            // The length of the vector that is looked for is the same in all of them.
            scores[at] = EmbeddingVector.Product(vector, block.VectorAt(places[at] % BlockSize)) * block.InverseLengths[places[at] % BlockSize];
        }

        // Numbers alone are put in order much faster than what they belong to.
        var least = float.NegativeInfinity;
        if (limit > 0 && scores.Length > limit)
        {
            float[] ordered = [.. scores];
            Array.Sort(ordered);
            least = ordered[^limit];
        }

        var best = new List<int>(limit);
        for (var at = 0; at < scores.Length; at++)
        {
            if (scores[at] >= least)
                best.Add(at);
        }

        best.Sort((left, right) => scores[right].CompareTo(scores[left]) is not 0 and var order ? order : _keys[places[left]].CompareTo(_keys[places[right]]));
        return best.Count <= limit ? best : best[..limit];
    }

    private sealed class Block(int dimensions)
    {
        private readonly sbyte[] _vectors = new sbyte[BlockSize * dimensions];

        public SignColumns Signs { get; } = new(BlockSize, dimensions);

        public float[] InverseLengths { get; } = new float[BlockSize];

        public ReadOnlySpan<sbyte> VectorAt(int place) => _vectors.AsSpan(place * dimensions, dimensions);

        public void Write(int place, ReadOnlySpan<sbyte> vector)
        {
            vector.CopyTo(_vectors.AsSpan(place * dimensions));
            Signs.Write(place, vector);
            InverseLengths[place] = 1 / MathF.Sqrt(Math.Max(1, EmbeddingVector.Product(vector, vector)));
        }

        public void Copy(int place, Block from, int fromPlace)
        {
            from.VectorAt(fromPlace).CopyTo(_vectors.AsSpan(place * dimensions));
            Signs.Write(place, from.VectorAt(fromPlace));
            InverseLengths[place] = from.InverseLengths[fromPlace];
        }
    }
}
