namespace Stoa.Market.Registry.Replication;

/// <summary>In which coded symbols an item is: all have it in the first, and then the further on, the rarer, in the <em>i</em>-th with the probability 1 / (1 + <em>i</em> / 2).</summary>
/// <remarks>
/// L. Yang, Y. Gilad, M. Alizadeh, Practical Rateless Set Reconciliation, 2024, section 4.2: from an index on, the gap to the next one is drawn at once, by inverting its
/// distribution. Only operations that IEEE 754 rounds correctly are used, so that all machines draw the same.
/// </remarks>
internal struct SymbolIndices(ulong hash)
{
    private ulong _state = hash;

    /// <summary>The index at which it is.</summary>
    public int Current { get; private set; }

    /// <summary>How likely an item is in a symbol.</summary>
    public static double ProbabilityOf(int index) => 2.0 / (index + 2.0);

    /// <summary>Goes to the next index; to <paramref name="limit"/> when that is not below it.</summary>
    public void Advance(int limit)
    {
        // splitmix64.
        _state += 0x9e3779b97f4a7c15;
        var drawn = (_state ^ (_state >> 30)) * 0xbf58476d1ce4e5b9;
        drawn = (drawn ^ (drawn >> 27)) * 0x94d049bb133111eb;
        drawn ^= drawn >> 31;
        var uniform = ((drawn >> 11) + 1) * (1.0 / (1UL << 53));
        var from = Current + 1.5;
        var gap = Math.Ceiling((from / Math.Sqrt(uniform)) - from);
        Current = gap >= limit - Current ? limit : Current + Math.Max(1, (int)gap);
    }
}
