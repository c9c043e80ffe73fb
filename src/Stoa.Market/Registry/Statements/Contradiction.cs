using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>The proof that a publisher has contradicted itself: two listings of one version, signed with its key, that say different things. It needs nobody's word.</summary>
public static class Contradiction
{
    /// <summary>What is wrong with a proof.</summary>
    /// <param name="listing">The version that it is about.</param>
    /// <param name="first">One of the two, as it was signed.</param>
    /// <param name="second">The other one.</param>
    /// <returns>A sentence; null when it holds.</returns>
    public static string? FindFault(KeyedListing listing, DsseEnvelope first, DsseEnvelope second)
    {
        ArgumentNullException.ThrowIfNull(listing);
        if (!Statement.Open(first).TryGet(out var one, out var refusal) || !Statement.Open(second).TryGet(out var other, out refusal))
            return $"A statement of the two does not hold: {refusal.Detail}";
        var key = new MergeKey(StatementKind.Listing, listing.Publisher, listing.Name, listing.Version?.ToString());
        if (one.Key != key || other.Key != key)
            return $"A statement of the two is not of {listing}.";
        return one.Item.Said == other.Item.Said ? "The two say the same." : null;
    }
}
