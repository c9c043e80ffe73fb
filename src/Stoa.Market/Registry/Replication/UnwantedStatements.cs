namespace Stoa.Market.Registry.Replication;

/// <summary>Items that are not asked for again for a while, since they were refused here or another statement stands in their place. It has an end: those noted first are forgotten first.</summary>
/// <remarks>Safe for use by many threads.</remarks>
/// <param name="capacity">How many are remembered.</param>
/// <param name="time">The clock.</param>
public sealed class UnwantedStatements(TimeProvider time, int capacity = UnwantedStatements.DefaultCapacity)
{
    /// <summary>How many are remembered: some 5 MB.</summary>
    public const int DefaultCapacity = 65_536;

    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, long> _until = [];
    private readonly Queue<(UInt128 Item, long Until)> _order = [];

    /// <summary>How many are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _until.Count;
        }
    }

    /// <summary>Notes one.</summary>
    /// <param name="item">Which.</param>
    /// <param name="life">For how long.</param>
    public void Add(UInt128 item, TimeSpan life)
    {
        var until = time.GetUtcNow().ToUnixTimeMilliseconds() + (long)life.TotalMilliseconds;
        lock (_lock)
        {
            if (_until.TryGetValue(item, out var before) && before >= until)
                return;
            _until[item] = until;
            _order.Enqueue((item, until));
            while (_until.Count > capacity || _order.Count > 2 * capacity)
            {
                var oldest = _order.Dequeue();
                // One that was noted anew has a later place in the order.
                if (_until.TryGetValue(oldest.Item, out var known) && known == oldest.Until)
                    _until.Remove(oldest.Item);
            }
        }
    }

    /// <summary>Whether one is not to be asked for now.</summary>
    public bool Contains(UInt128 item)
    {
        lock (_lock)
        {
            if (!_until.TryGetValue(item, out var until))
                return false;
            if (until > time.GetUtcNow().ToUnixTimeMilliseconds())
                return true;
            _until.Remove(item);
            return false;
        }
    }
}
