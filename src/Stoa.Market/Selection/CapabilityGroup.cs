namespace Stoa.Market.Selection;

/// <summary>All agents of one capability.</summary>
/// <remarks>One writes at a time; others read meanwhile. A place keeps its agent until that leaves, and is then given to another one.</remarks>
/// <param name="landmark">Of the index.</param>
internal sealed class CapabilityGroup(DateTimeOffset landmark)
{
    private const int Large = 1_024;

    private readonly Stack<int> _free = [];
    private volatile AgentColumns _columns = new(AgentColumns.Lanes);
    private volatile Totals _totals = Totals.Zero;
    private volatile ulong[]? _members;
    private volatile int _count;
    private int _used;

    public int Count => _count;

    public AgentColumns Columns => _columns;

    public Totals Totals => _totals;

    /// <summary>A bit for the number of every agent, set when it is in this group; null while few are, who are asked themselves.</summary>
    public ulong[]? Members => _members;

    /// <summary>Takes an agent in.</summary>
    /// <returns>Its place.</returns>
    public int Add(AgentSlot slot)
    {
        if (!_free.TryPop(out var index))
            index = _used++;
        if (index == _columns.Capacity)
            _columns = new AgentColumns(_columns);
        _columns.Put(index, slot, landmark);
        _totals += Totals.Of(slot.State.Sums);
        _count++;
        if (_members is not null)
            SetMember(slot.Number, true);
        else if (_count == Large)
            ListMembers();
        return index;
    }

    /// <summary>An agent leaves.</summary>
    public void Remove(int index, AgentSlot slot)
    {
        _columns.Remove(index);
        _free.Push(index);
        _totals -= Totals.Of(slot.State.Sums);
        _count--;
        if (_members is not null)
            SetMember(slot.Number, false);
    }

    /// <summary>An agent has another version, or another price.</summary>
    public void Replace(int index, AgentSlot slot) => _columns.Put(index, slot, landmark);

    /// <summary>The statistics of an agent have changed.</summary>
    /// <param name="index">Its place.</param>
    /// <param name="state">It, as it is now.</param>
    /// <param name="more">What it adds to the totals beyond what it did before.</param>
    public void Change(int index, AgentState state, Totals more)
    {
        _totals += more;
        _columns.SetStats(index, state, landmark);
    }

    private void ListMembers()
    {
        _members = [];
        for (var index = 0; index < _used; index++)
        {
            if (_columns[index] is { } slot)
                SetMember(slot.Number, true);
        }
    }

    private void SetMember(int number, bool isMember)
    {
        var word = number / 64;
        var known = _members!;
        if (word >= known.Length)
        {
            Array.Resize(ref known, Math.Max(word + 1, known.Length * 2));
            _members = known;
        }

        var bit = 1UL << (number % 64);
        known[word] = isMember ? known[word] | bit : known[word] & ~bit;
    }
}
