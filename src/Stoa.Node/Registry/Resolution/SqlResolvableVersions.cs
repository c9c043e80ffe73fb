using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Resolution;

/// <summary>The versions that are offered in the network, and what they need, for one resolution.</summary>
/// <remarks>
/// A manifest names publishers by keys, or by handles as its publisher's cell knows them. Of publishers of this cell that is sure. Of others it is followed as far as claims lead to one key: their own handle to
/// themselves, and another to the only foreign publisher who claims it; never to a publisher of this cell, whom they cannot have meant.
/// </remarks>
/// <param name="database">The cell's.</param>
internal sealed class SqlResolvableVersions(Database database) : IResolvableVersions
{
    private readonly Dictionary<(ListingKey Listing, string Version), ContentHash> _ids = [];

    /// <summary>The statement of a version that was listed here.</summary>
    public ContentHash IdOf(ListingKey listing, SemanticVersion version) => _ids[(listing, version.ToString())];

    public async Task<IReadOnlyList<ResolvableVersion>> ListAsync(ListingKey listing, CancellationToken cancellationToken)
    {
        var offered = await database.ReadAsync(session => OfferedVersions.ListAsync(session, listing), cancellationToken);
        foreach (var version in offered)
            _ids[(listing, version.Version.ToString())] = version.Id;
        return [.. offered.Select(version => new ResolvableVersion(version.Version, version.Kind))];
    }

    public Task<IReadOnlyList<VersionDemand>> ListDemandsAsync(ListingKey listing, SemanticVersion version, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<VersionDemand>>(
        async session =>
        {
            var id = IdOf(listing, version);
            // What has gone since it was listed needs nothing: what is answered is of a moment.
            if (await session.QueryFirstOrDefaultAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id = @id", new { id }) is not { } row)
                return [];
            var named = DemandsOf((ListingStatement)row.ToStatement().Content).ToList();
            var publishers = await FindPublishersAsync(session, listing.Publisher, [.. named.Select(demand => demand.Listing.Publisher).Distinct()]);
            return [.. named.Select(demand => new VersionDemand(
                publishers.TryGetValue(demand.Listing.Publisher, out var key) ? new ListingKey(key, demand.Listing.Name) : null,
                demand.Range,
                $"{demand.Listing.Publisher}/{demand.Listing.Name}")
            {
                Kind = demand.Kind,
                IsPreferred = demand.IsPreferred,
            })];
        },
        cancellationToken);

    private static IEnumerable<(ListingName Listing, SemanticRange Range, ListingKind? Kind, bool IsPreferred)> DemandsOf(ListingStatement listed) => listed switch
    {
        AgentListing agent =>
        [
            .. agent.Manifest.Uses.Select(use => (
                use.Agent, use.Agent.Version is { } exact ? SemanticRange.Exactly(exact) : SemanticRange.Any, (ListingKind?)ListingKind.Agent, false)),
            .. agent.Manifest.Models.Select(model => (model.Model.Listing, model.Model.Range, (ListingKind?)ListingKind.Model, model.IsPreferred)),
        ],
        GoodsStatement goods => goods.Manifest.Details.Requires.Select(demand => (demand.Listing, demand.Range, (ListingKind?)null, false)),
        _ => throw new ArgumentException("An agent or goods are expected.", nameof(listed)),
    };

    /// <summary>Who is meant by the names of publishers in a manifest; whoever is not known is left out.</summary>
    /// <param name="session">Reads.</param>
    /// <param name="by">The manifest's publisher.</param>
    /// <param name="named">Keys and handles, each once.</param>
    internal static async Task<IReadOnlyDictionary<string, PeerId>> FindPublishersAsync(SqlSession session, PeerId by, IReadOnlyCollection<string> named)
    {
        var found = new Dictionary<string, PeerId>(StringComparer.Ordinal);
        var handles = new List<string>();
        foreach (var name in named)
        {
            if (PeerId.TryParse(name, out var key))
                found[name] = key;
            else
                handles.Add(name);
        }

        if (handles.Count == 0)
            return found;
        if (await PublisherKeys.FindHandleAsync(session, by) is not null)
        {
            foreach (var (handle, key) in await session.QueryAsync<(string Handle, PeerId Key)>("SELECT handle, peer_id FROM publisher_keys WHERE handle IN @handles", new { handles }))
                found[handle] = key;
            return found;
        }

        if (await session.QueryFirstOrDefaultAsync<string>("SELECT handle FROM publisher_profiles WHERE signer = @by", new { by }) is { } own && handles.Remove(own))
            found[own] = by;
        // Any number may claim a handle: of more than one it is not asked who they are.
        var claims = await session.QueryAsync<(string Handle, PeerId Least, PeerId Greatest)>(
            """
            SELECT p.handle, MIN(p.signer) AS least, MAX(p.signer) AS greatest FROM publisher_profiles p LEFT JOIN publisher_keys k ON k.peer_id = p.signer
            WHERE p.handle IN @handles AND k.peer_id IS NULL GROUP BY p.handle
            """,
            new { handles });
        foreach (var (handle, least, greatest) in claims)
        {
            if (least == greatest)
                found[handle] = least;
        }

        return found;
    }
}
