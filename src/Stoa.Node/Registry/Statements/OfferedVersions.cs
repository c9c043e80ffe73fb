using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>A version of a listing that is offered: neither withdrawn nor contradicted.</summary>
/// <param name="Version">Which.</param>
/// <param name="Kind">What it is. A stranger may list an agent and a model under one name.</param>
/// <param name="Id">Of the statement that lists it.</param>
internal sealed record OfferedVersion(SemanticVersion Version, ListingKind Kind, ContentHash Id);

/// <summary>Reads which versions are offered, newest first: releases before pre-releases, then by precedence.</summary>
internal static class OfferedVersions
{
    // Of a payload no more is read than says its kind.
    private static readonly string s_select =
        $"SELECT id, signer, agent, version, kind, holds, substr(payload, 1, {ListingStatement.KindBytes}) AS beginning FROM statements WHERE version IS NOT NULL AND kind IN ('listing', 'withdrawal')";

    /// <summary>All of a listing.</summary>
    public static async Task<IReadOnlyList<OfferedVersion>> ListAsync(SqlSession session, ListingKey listing) =>
        [.. Offered(await session.QueryAsync<Row>($"{s_select} AND signer = @Publisher AND agent = @Name", new { listing.Publisher, listing.Name }))];

    /// <summary>All of some listings; of those of which nothing is offered there is nothing.</summary>
    public static async Task<ILookup<ListingKey, OfferedVersion>> ListAsync(SqlSession session, IReadOnlyCollection<ListingKey> listings)
    {
        // Of what is read some is of other listings with one of the names: one statement for all is less than one for each.
        var rows = await session.QueryAsync<Row>(
            $"{s_select} AND signer IN @signers AND agent IN @names",
            new { signers = listings.Select(listing => listing.Publisher).Distinct(), names = listings.Select(listing => listing.Name).Distinct() });
        return rows.GroupBy(row => new ListingKey(row.Signer, row.Agent)).SelectMany(listing => Offered(listing).Select(version => (listing.Key, version)))
            .ToLookup(one => one.Key, one => one.version);
    }

    /// <summary>One version; null when it is not offered.</summary>
    public static async Task<OfferedVersion?> FindAsync(SqlSession session, ListingKey listing, SemanticVersion version) =>
        Offered(await session.QueryAsync<Row>(
            $"{s_select} AND signer = @Publisher AND agent = @Name AND version = @version", new { listing.Publisher, listing.Name, version = version.ToString() })).SingleOrDefault();

    private static IEnumerable<OfferedVersion> Offered(IEnumerable<Row> rows) => rows
        .GroupBy(row => row.Version)
        .Select(version => (version.Key, Listings: version.Where(row => row.IsListing).ToList(), IsWithdrawn: version.Any(row => !row.IsListing && row.Holds)))
        .Where(version => version.Listings.Count > 0 && VersionStates.Of(version.Listings.Count, version.IsWithdrawn) is VersionState.Offered)
        .Select(version => new OfferedVersion(SemanticVersion.Parse(version.Key), ListingStatement.KindOf(version.Listings[0].Beginning), version.Listings[0].Id))
        .OrderByDescending(version => version.Version.PreRelease.Length == 0)
        .ThenByDescending(version => version.Version);

    private sealed record Row(ContentHash Id, PeerId Signer, string Agent, string Version, string Kind, bool Holds, byte[] Beginning)
    {
        public bool IsListing => Kind == StatementKind.Listing.Word();
    }
}
