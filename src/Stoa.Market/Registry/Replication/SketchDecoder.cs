namespace Stoa.Market.Registry.Replication;

/// <summary>Resolves what another set's coded symbols differ in from one's own.</summary>
/// <remarks>
/// A symbol of the difference that holds a single item gives that item away; it is taken out of all symbols that it is in, and others hold a single one then. When all are out, the first
/// symbol, which has all, is empty. Symbols come from strangers: an item that comes up twice, or more of them than symbols, cannot be, and ends it (<see cref="IsBroken"/>). What was found
/// is a claim in any case: whoever asks for an item sees whether it is there.
/// </remarks>
public sealed class SketchDecoder
{
    // In the first symbols items are not quite as likely as in the formula, which shows where one side has much more.
    private const int FirstMeasured = 4;

    private readonly SketchedSet _own;
    // Grow as symbols come: mostly the first are enough.
    private CodedSymbol[] _symbols = [];
    private readonly List<(UInt128 Item, int Sign, SymbolIndices Indices, int Next)> _found = [];
    // Of the items that are found: the first whose next symbol to come is this one; the rest hang on it. And the first whose next is beyond those that there is room for.
    private int[] _waiting = [];
    private int _beyond = -1;
    private readonly HashSet<UInt128> _seen = [];
    private readonly Stack<int> _single = [];
    private double _spread;
    private int _more;

    /// <param name="own">The set here, under the other's key. It is not to change meanwhile.</param>
    public SketchDecoder(SketchedSet own)
    {
        ArgumentNullException.ThrowIfNull(own);
        _own = own;
    }

    /// <summary>How many symbols there were.</summary>
    public int Received { get; private set; }

    /// <summary>How many more can be taken.</summary>
    public int Room => _own.Length - Received;

    /// <summary>Whether the difference is found.</summary>
    public bool IsDone => Received > 0 && !IsBroken && _symbols[0] == default;

    /// <summary>Whether the symbols are those of no set.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>What only the other set has, as far as it is found.</summary>
    public IEnumerable<UInt128> Theirs => _found.Where(found => found.Sign > 0).Select(found => found.Item);

    /// <summary>What only the set here has, as far as it is found.</summary>
    public IEnumerable<UInt128> Ours => _found.Where(found => found.Sign < 0).Select(found => found.Item);

    /// <summary>About how many items the sets differ in, from how the counts scatter: with <em>n</em> symbols within √(2/<em>n</em>) of it.</summary>
    public double Estimate => Received <= FirstMeasured ? 0 : _spread / (Received - FirstMeasured);

    /// <summary>Takes the symbols that come next.</summary>
    /// <exception cref="ArgumentException">There is no room for them.</exception>
    public void Add(ReadOnlySpan<CodedSymbol> theirs)
    {
        if (theirs.Length > Room)
            throw new ArgumentException("There is no room for so many symbols.", nameof(theirs));
        if (IsBroken || theirs.IsEmpty)
            return;
        var ours = _own.Read(Received, theirs.Length);
        Grow(Received + theirs.Length);
        for (var number = 0; number < theirs.Length && !IsBroken; number++)
            Add(theirs[number].Minus(ours[number]));
    }

    private void Grow(int wanted)
    {
        var before = _symbols.Length;
        if (wanted <= before)
            return;
        var room = Math.Min(_own.Length, Math.Max(wanted, 4 * before));
        Array.Resize(ref _symbols, room);
        Array.Resize(ref _waiting, room);
        _waiting.AsSpan(before).Fill(-1);
        var number = _beyond;
        _beyond = -1;
        while (number >= 0)
        {
            var found = _found[number];
            var next = found.Next;
            Wait(number, found);
            number = next;
        }
    }

    private void Add(CodedSymbol difference)
    {
        var index = Received++;
        Measure(index, difference.Count);
        for (var number = _waiting[index]; number >= 0;)
        {
            var found = _found[number];
            difference = difference.Minus(Signed(found.Item, found.Sign));
            var next = found.Next;
            found.Indices.Advance(_own.Length);
            Wait(number, found);
            number = next;
        }

        _symbols[index] = difference;
        Look(index);
        while (!IsBroken && _single.TryPop(out var single))
            Resolve(single);
    }

    private void Measure(int index, int count)
    {
        if (index == 0)
            _more = count;
        if (index < FirstMeasured)
            return;
        var probability = SymbolIndices.ProbabilityOf(index);
        var off = count - (_more * probability);
        _spread += off * off / (probability * (1 - probability));
    }

    private void Look(int index)
    {
        var symbol = _symbols[index];
        if (symbol.Count is 1 or -1 && (uint)SipHash.Of(_own.Key, symbol.Sum) == symbol.Check)
            _single.Push(index);
    }

    private void Resolve(int index)
    {
        var symbol = _symbols[index];
        var hash = SipHash.Of(_own.Key, symbol.Sum);
        if (symbol.Count is not (1 or -1) || (uint)hash != symbol.Check)
        {
            // The item that it held was found in another one meanwhile.
            return;
        }

        if (_found.Count >= Received || !_seen.Add(symbol.Sum))
        {
            IsBroken = true;
            return;
        }

        var one = Signed(symbol.Sum, symbol.Count);
        var indices = new SymbolIndices(hash);
        for (; indices.Current < Received; indices.Advance(_own.Length))
        {
            _symbols[indices.Current] = _symbols[indices.Current].Minus(one);
            Look(indices.Current);
        }

        _found.Add(default);
        Wait(_found.Count - 1, (symbol.Sum, symbol.Count, indices, -1));
    }

    private void Wait(int number, (UInt128 Item, int Sign, SymbolIndices Indices, int Next) found)
    {
        ref var first = ref found.Indices.Current < _waiting.Length ? ref _waiting[found.Indices.Current] : ref _beyond;
        (found.Next, first) = (first, number);
        _found[number] = found;
    }

    private CodedSymbol Signed(UInt128 item, int sign) => new(item, (uint)SipHash.Of(_own.Key, item), sign);
}
