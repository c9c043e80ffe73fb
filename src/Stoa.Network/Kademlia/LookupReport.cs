namespace Stoa.Network.Kademlia;

/// <summary>What lookups took: of one, or of all so far.</summary>
/// <param name="Lookups">How many.</param>
/// <param name="Hops">How many peers were asked one because of the other until the closest was found, summed up.</param>
/// <param name="Messages">How many requests went out.</param>
/// <param name="Failures">How many of these had no answer when it ended by itself.</param>
public sealed record LookupReport(long Lookups, long Hops, long Messages, long Failures)
{
    /// <summary>Nothing.</summary>
    public static LookupReport None { get; } = new(0, 0, 0, 0);

    /// <summary>Both together.</summary>
    public LookupReport Plus(LookupReport other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new LookupReport(Lookups + other.Lookups, Hops + other.Hops, Messages + other.Messages, Failures + other.Failures);
    }

    /// <summary>What came since an earlier one.</summary>
    public LookupReport Since(LookupReport earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        return new LookupReport(Lookups - earlier.Lookups, Hops - earlier.Hops, Messages - earlier.Messages, Failures - earlier.Failures);
    }
}
