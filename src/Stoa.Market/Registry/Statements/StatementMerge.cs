using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>What merging has to know of a statement.</summary>
/// <param name="Hlc">When it was made, as its signer says.</param>
/// <param name="Id">Its id.</param>
/// <param name="Said">The hash of its body: two statements under one key that say the same have the same.</param>
public readonly record struct MergeItem(Hlc Hlc, ContentHash Id, ContentHash Said) : IComparable<MergeItem>
{
    /// <summary>By timestamp, then by id.</summary>
    public int CompareTo(MergeItem other) => Hlc.CompareTo(other.Hlc) is not 0 and var order ? order : Id.CompareTo(other.Id);

    public static bool operator <(MergeItem left, MergeItem right) => left.CompareTo(right) < 0;
    public static bool operator >(MergeItem left, MergeItem right) => left.CompareTo(right) > 0;
    public static bool operator <=(MergeItem left, MergeItem right) => left.CompareTo(right) <= 0;
    public static bool operator >=(MergeItem left, MergeItem right) => left.CompareTo(right) >= 0;
}

/// <summary>What is kept under a key.</summary>
/// <param name="Standing">The statement that stands.</param>
/// <param name="Contradiction">Under <see cref="MergeRule.Once"/>: the first that says something else. Then neither is good for anything but as a proof.</param>
public readonly record struct Merged(MergeItem Standing, MergeItem? Contradiction = null)
{
    /// <summary>Whether a statement is one of those that are kept.</summary>
    public bool Keeps(ContentHash id) => Standing.Id == id || Contradiction?.Id == id;
}

/// <summary>What became of a statement that was added.</summary>
public enum StatementEffect
{
    /// <summary>It is the first under its key.</summary>
    Added,

    /// <summary>It stands in the place of an earlier one, or of a later one that says the same.</summary>
    Replaced,

    /// <summary>It says something else than one that may not change: both are kept as a proof.</summary>
    Contradicted,

    /// <summary>It is there already.</summary>
    Known,

    /// <summary>Nothing is to be kept of it: another one stands.</summary>
    Superseded,
}

/// <summary>Joins what is kept under a key with more of it. The order does not matter, nor how often: commutative, associative, idempotent.</summary>
/// <remarks>
/// <see cref="MergeRule.Newest"/> is a maximum. <see cref="MergeRule.Once"/> takes, of the statements that say the same, the least, and of these the two least: whatever is among them
/// in the whole is among them in each part, so parts can be reduced before they are joined.
/// </remarks>
public static class StatementMerge
{
    /// <summary>Joins two states of one key.</summary>
    public static Merged Join(MergeRule rule, Merged left, Merged right)
    {
        if (rule is MergeRule.Newest)
            return new Merged(left.Standing >= right.Standing ? left.Standing : right.Standing);
        var joined = Take(left, right.Standing);
        return right.Contradiction is { } contradiction ? Take(joined, contradiction) : joined;
    }

    /// <summary>Adds a statement to what is kept under its key, and says what became of it.</summary>
    /// <param name="rule">Of the key's kind.</param>
    /// <param name="kept">Null when nothing is.</param>
    /// <param name="item">The statement.</param>
    /// <param name="effect">What became of it.</param>
    public static Merged Add(MergeRule rule, Merged? kept, MergeItem item, out StatementEffect effect)
    {
        if (kept is not { } before)
        {
            effect = StatementEffect.Added;
            return new Merged(item);
        }

        if (before.Keeps(item.Id))
        {
            effect = StatementEffect.Known;
            return before;
        }

        var after = Join(rule, before, new Merged(item));
        effect = !after.Keeps(item.Id) ? StatementEffect.Superseded
            : before.Contradiction is null && after.Contradiction is not null ? StatementEffect.Contradicted
            : StatementEffect.Replaced;
        return after;
    }

    private static Merged Take(Merged kept, MergeItem item)
    {
        var (first, second) = (kept.Standing, kept.Contradiction);
        if (item.Said == first.Said)
            return item < first ? kept with { Standing = item } : kept;
        if (item < first)
        {
            // What stood is the least that says what it says, and whatever else there was comes behind it.
            return new Merged(item, first);
        }

        return second is null || item < second ? new Merged(first, item) : kept;
    }
}
