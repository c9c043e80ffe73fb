namespace Stoa.Market.Registry.Replication;

/// <summary>The coded symbols of a set as it was at a moment. The first are at hand; where only those are kept up, the rest is made from the ids when it is asked for.</summary>
/// <remarks>Not safe for use by many threads: each session has its own.</remarks>
public sealed class SketchedSet
{
    private readonly IdSnapshot? _ids;
    private Sketch _sketch;

    /// <summary>A set of whose symbols all are at hand.</summary>
    /// <param name="sketch">They are not to change any more.</param>
    public SketchedSet(Sketch sketch)
    {
        ArgumentNullException.ThrowIfNull(sketch);
        (_sketch, Length) = (sketch, sketch.Length);
    }

    internal SketchedSet(Sketch begun, IdSnapshot ids) => (_sketch, _ids, Length) = (begun, ids, ReplicationLimits.MaxSymbols);

    /// <summary>Which symbols an item is in, and what it is checked by.</summary>
    public SipKey Key => _sketch.Key;

    /// <summary>How many items there were.</summary>
    public int Count => _sketch.Count;

    /// <summary>How many symbols there can be.</summary>
    public int Length { get; }

    /// <summary>Some symbols, one after the other.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public CodedSymbol[] Read(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Length - first);
        // Some more than are asked for: whoever asks once mostly asks again.
        if (first + count > _sketch.Length && _ids is not null)
            _sketch = Sketch.Of(Key, Math.Min(Length, 4 * (first + count)), _ids);
        return _sketch.Read(first, count);
    }
}
