namespace Stoa.Market.Registry.Replication;

/// <summary>A coded symbol: what some items of a set have together.</summary>
/// <param name="Sum">The exclusive or of the items.</param>
/// <param name="Check">The exclusive or of the lower halves of their hashes.</param>
/// <param name="Count">How many there are; of a difference, how many more.</param>
public readonly record struct CodedSymbol(UInt128 Sum, uint Check, int Count)
{
    /// <summary>What two have together.</summary>
    public CodedSymbol Plus(CodedSymbol other) => new(Sum ^ other.Sum, Check ^ other.Check, Count + other.Count);

    /// <summary>What this one has beyond another.</summary>
    public CodedSymbol Minus(CodedSymbol other) => new(Sum ^ other.Sum, Check ^ other.Check, Count - other.Count);
}

/// <summary>The beginning of the endless sequence of coded symbols of a set, kept up while the set changes.</summary>
/// <remarks>
/// A rateless invertible Bloom lookup table (arXiv 2402.02668). A change touches about 2 ln(length) symbols. The sequences of two sets under one key, one taken from the other, are that of
/// their difference, and can be resolved into it (<see cref="SketchDecoder"/>) as soon as there are about 1.4 symbols for each item of it.
/// </remarks>
/// <param name="key">Which symbols an item is in, and what it is checked by.</param>
/// <param name="length">How many symbols are kept.</param>
public sealed class Sketch(SipKey key, int length)
{
    private const int PartLength = 32;

    // So few are nearly all looked at: a copy that is soon gone costs less than parts made anew, which stay.
    private const int FewParts = 2;

    // Never written: it is shared from the start.
    private static readonly CodedSymbol[] s_empty = new CodedSymbol[PartLength];

    // A copy has the same parts, and whoever changes one that is shared makes it anew: most of what is copied is never looked at.
    private readonly CodedSymbol[][] _parts = Filled(s_empty, PartsOf(length));
    private readonly bool[] _isShared = Filled(true, PartsOf(length));

    /// <summary>The key.</summary>
    public SipKey Key => key;

    /// <summary>How many symbols are kept.</summary>
    public int Length => length;

    /// <summary>How many items the set has.</summary>
    public int Count => _parts[0][0].Count;

    /// <summary>Some symbols, one after the other.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public CodedSymbol[] Read(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, length - first);
        var read = new CodedSymbol[count];
        for (var done = 0; done < count;)
        {
            var (part, place) = Math.DivRem(first + done, PartLength);
            var here = _parts[part].AsSpan(place);
            here = here[..Math.Min(here.Length, count - done)];
            here.CopyTo(read.AsSpan(done));
            done += here.Length;
        }

        return read;
    }

    /// <summary>The sketch of some ids.</summary>
    internal static Sketch Of(SipKey key, int length, IdSnapshot ids)
    {
        var sketch = new Sketch(key, length);
        foreach (var id in ids.All)
            sketch.Add(SetItem.Of(id));
        return sketch;
    }

    /// <summary>Adds an item that the set did not have.</summary>
    public void Add(UInt128 item) => Change(item, 1);

    /// <summary>Removes an item that the set had.</summary>
    public void Remove(UInt128 item) => Change(item, -1);

    /// <summary>The same as it is now, which does not change with this one.</summary>
    public Sketch Copy()
    {
        var copy = new Sketch(key, length);
        if (_parts.Length <= FewParts)
        {
            for (var part = 0; part < _parts.Length; part++)
                (copy._parts[part], copy._isShared[part]) = ([.. _parts[part]], false);
            return copy;
        }

        _parts.CopyTo(copy._parts, 0);
        Array.Fill(_isShared, true);
        return copy;
    }

    private void Change(UInt128 item, int by)
    {
        var hash = SipHash.Of(key, item);
        var one = new CodedSymbol(item, (uint)hash, by);
        for (var indices = new SymbolIndices(hash); indices.Current < length; indices.Advance(length))
        {
            var part = Math.DivRem(indices.Current, PartLength, out var place);
            if (_isShared[part])
                (_parts[part], _isShared[part]) = ([.. _parts[part]], false);
            ref var symbol = ref _parts[part][place];
            symbol = symbol.Plus(one);
        }
    }

    private static int PartsOf(int length) => (length + PartLength - 1) / PartLength;

    private static T[] Filled<T>(T with, int count)
    {
        var filled = new T[count];
        Array.Fill(filled, with);
        return filled;
    }
}
