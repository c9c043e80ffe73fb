namespace Stoa.Market.Ledger;

/// <summary>Where an entry of the journal is: its block, and its number within it. Later entries have higher places.</summary>
/// <param name="Value">The block's number × 8,192 + the entry's number from 0; 0 is nowhere.</param>
public readonly record struct JournalPlace(long Value)
{
    private const int IndexBits = 13;

    /// <summary>No place at all, such as that of the entry before an account's first one.</summary>
    public static JournalPlace None => default;

    /// <summary>The block's number, from 1.</summary>
    public long Block => Value >> IndexBits;

    /// <summary>The entry's number within its block, from 0.</summary>
    public int Index => (int)(Value & ((1 << IndexBits) - 1));

    /// <summary>The place of an entry.</summary>
    public static JournalPlace Of(long block, int index) => new((block << IndexBits) | (uint)index);
}
