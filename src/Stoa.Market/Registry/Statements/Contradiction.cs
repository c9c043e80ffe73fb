using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>A publisher has contradicted itself: two listings of one version, signed with its key, that say different things. The two are the proof, which needs nobody's word.</summary>
/// <param name="Signer">The publisher's key.</param>
/// <param name="Name">Of the listing.</param>
/// <param name="Version">Of which version, as it is written.</param>
/// <param name="First">The id of the earlier one.</param>
/// <param name="Second">The id of the other one. Both are kept.</param>
/// <param name="FoundAt">When this cell had both, UTC.</param>
public sealed record Contradiction(PeerId Signer, string Name, string Version, ContentHash First, ContentHash Second, DateTimeOffset FoundAt)
{
    /// <summary>The version that it is about.</summary>
    public KeyedListing Listing => new(Signer, Name, SemanticVersion.Parse(Version));

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
