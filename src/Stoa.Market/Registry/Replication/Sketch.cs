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
    private readonly CodedSymbol[] _symbols = new CodedSymbol[length];

    /// <summary>The key.</summary>
    public SipKey Key => key;

    /// <summary>How many items the set has.</summary>
    public int Count => _symbols[0].Count;

    /// <summary>The symbols from the first on.</summary>
    public ReadOnlySpan<CodedSymbol> Symbols => _symbols;

    /// <summary>Adds an item that the set did not have.</summary>
    public void Add(UInt128 item) => Change(item, 1);

    /// <summary>Removes an item that the set had.</summary>
    public void Remove(UInt128 item) => Change(item, -1);

    /// <summary>The same as it is now, which does not change any more.</summary>
    public Sketch Copy()
    {
        var copy = new Sketch(key, _symbols.Length);
        _symbols.CopyTo(copy._symbols, 0);
        return copy;
    }

    private void Change(UInt128 item, int by)
    {
        var hash = SipHash.Of(key, item);
        var one = new CodedSymbol(item, (uint)hash, by);
        for (var indices = new SymbolIndices(hash); indices.Current < _symbols.Length; indices.Advance(_symbols.Length))
            _symbols[indices.Current] = _symbols[indices.Current].Plus(one);
    }
}
