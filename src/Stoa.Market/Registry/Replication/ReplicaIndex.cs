using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>What a node knows in memory of the statements that it has, to compare them with those of others: 32 bytes of each, and sketches.</summary>
/// <remarks>
/// A node's own sketch is under a key that it draws itself and tells everybody who asks; whoever asks sees his own statements under that key, and keeps that sketch up as well, so that a
/// second comparison costs neither side a look at all statements. Who knows the key can make statements that cannot be told apart under it, for 2³² tries and their price: he spoils the
/// sketches of one node until it draws another key, and comparisons with it fall back on ranges, whose key nobody knows beforehand. Safe for use by many threads.
/// </remarks>
public sealed class ReplicaIndex
{
    private readonly Lock _lock = new();
    private readonly IdSet _ids = new();
    private readonly TugOfWarSketch _tugOfWar = new();
    private readonly int _maxOthers;
    // Of few statements the first symbols are kept up: nearly always they are enough, and the rest costs more memory than the statements' ids.
    private int _length = ReplicationLimits.FirstSymbols;
    // Under the keys of others, the one used last at the end.
    private readonly List<Sketch> _others = [];
    private readonly List<Begun> _begun = [];
    private IdSnapshot? _snapshot;
    private Sketch _own;

    /// <param name="key">This node's own, drawn by chance.</param>
    /// <param name="maxOthers">Under how many keys of others sketches are kept up.</param>
    public ReplicaIndex(SipKey key, int maxOthers = ReplicationLimits.MaxKeptSketches)
    {
        _own = new Sketch(key, _length);
        _maxOthers = maxOthers;
    }

    /// <summary>What there is now.</summary>
    public IdSnapshot Ids
    {
        get
        {
            lock (_lock)
                return Snapshot();
        }
    }

    /// <summary>What others can tell from, by their own, how many statements they differ in (<see cref="TugOfWarSketch.Difference"/>).</summary>
    public IReadOnlyList<int> TugOfWar
    {
        get
        {
            lock (_lock)
                return _tugOfWar.Read();
        }
    }

    /// <summary>How many sketches there are under keys of others.</summary>
    public int KeptSketches
    {
        get
        {
            lock (_lock)
                return _others.Count;
        }
    }

    /// <summary>Follows a change. What was there already, or was not, changes nothing.</summary>
    /// <param name="added">Statements that came.</param>
    /// <param name="removed">Statements that went.</param>
    public void Apply(IEnumerable<ContentHash> added, IEnumerable<ContentHash> removed)
    {
        ArgumentNullException.ThrowIfNull(added);
        ArgumentNullException.ThrowIfNull(removed);
        lock (_lock)
        {
            foreach (var id in added)
            {
                if (_ids.Add(id))
                    Change(id, isAdded: true);
                if (_ids.Count > ReplicationLimits.MaxSymbols && _length < ReplicationLimits.MaxSymbols)
                    Lengthen();
            }

            foreach (var id in removed)
            {
                if (_ids.Remove(id))
                    Change(id, isAdded: false);
            }
        }
    }

    /// <summary>What there is now under this node's own key.</summary>
    public SketchedSet Own()
    {
        lock (_lock)
            return ToSet(_own);
    }

    /// <summary>What there is now under another's key. The first time all statements are gone through: a quarter of a microsecond each.</summary>
    public SketchedSet Under(SipKey key)
    {
        lock (_lock)
        {
            if (_own.Key == key)
                return ToSet(_own);
            if (_others.Find(sketch => sketch.Key == key) is { } known)
            {
                _others.Remove(known);
                _others.Add(known);
                return ToSet(known);
            }
        }

        return Make(key, sketch =>
        {
            _others.RemoveAll(other => other.Key == key);
            _others.Add(sketch);
            if (_others.Count > _maxOthers)
                _others.RemoveAt(0);
            return ToSet(sketch);
        });
    }

    /// <summary>Has this node's own sketch be under another key from now on.</summary>
    public void Rekey(SipKey key) => Make(key, sketch =>
    {
        _own = sketch;
        return ToSet(sketch);
    });

    private SketchedSet Make(SipKey key, Func<Sketch, SketchedSet> keep)
    {
        var begun = new Begun(new Sketch(key, _length), []);
        IdSnapshot ids;
        lock (_lock)
        {
            ids = Snapshot();
            _begun.Add(begun);
        }

        foreach (var id in ids.All)
            begun.Sketch.Add(SetItem.Of(id));
        lock (_lock)
        {
            _begun.Remove(begun);
            foreach (var (item, isAdded) in begun.Missed)
                Change(begun.Sketch, item, isAdded);
            // There may have come to be many meanwhile.
            return keep(begun.Sketch.Length < _length ? Sketch.Of(key, _length, Snapshot()) : begun.Sketch);
        }
    }

    private SketchedSet ToSet(Sketch sketch) => new(sketch.Copy(), Snapshot());

    private IdSnapshot Snapshot() => _snapshot ??= _ids.Snapshot();

    /// <summary>From now on all symbols are kept up: there are too many statements to be gone through whenever somebody asks for more than the first.</summary>
    private void Lengthen()
    {
        _length = ReplicationLimits.MaxSymbols;
        _own = Sketch.Of(_own.Key, _length, Snapshot());
        _others.Clear();
    }

    private void Change(ContentHash id, bool isAdded)
    {
        _snapshot = null;
        if (isAdded)
            _tugOfWar.Add(id);
        else
            _tugOfWar.Remove(id);
        var item = SetItem.Of(id);
        Change(_own, item, isAdded);
        foreach (var other in _others)
            Change(other, item, isAdded);
        foreach (var begun in _begun)
            begun.Missed.Add((item, isAdded));
    }

    private static void Change(Sketch sketch, UInt128 item, bool isAdded)
    {
        if (isAdded)
            sketch.Add(item);
        else
            sketch.Remove(item);
    }

    private sealed record Begun(Sketch Sketch, List<(UInt128 Item, bool IsAdded)> Missed);
}
