using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Resolution;

/// <summary>The versions that are offered in the network, and what they call, for one resolution.</summary>
/// <remarks>
/// A manifest names publishers by handles, as its publisher's cell knows them. Of publishers of this cell that is sure. Of others it is followed as far as claims lead to one key: their own handle to themselves, and
/// another to the only foreign publisher who claims it; never to a publisher of this cell, whom they cannot have meant.
/// </remarks>
/// <param name="database">The cell's.</param>
internal sealed class SqlResolvableVersions(Database database) : IResolvableVersions
{
    private readonly Dictionary<(ListingKey Agent, string Version), ContentHash> _ids = [];

    /// <summary>The listing of a version that was listed here.</summary>
    public ContentHash IdOf(ListingKey agent, SemanticVersion version) => _ids[(agent, version.ToString())];

    public async Task<IReadOnlyList<SemanticVersion>> ListAsync(ListingKey agent, CancellationToken cancellationToken)
    {
        var offered = await database.ReadAsync(session => NetworkCatalogue.ListOfferedAgentsAsync(session, agent.Publisher, agent.Name), cancellationToken);
        foreach (var (version, id) in offered)
            _ids[(agent, version.ToString())] = id;
        return [.. offered.Select(version => version.Version)];
    }

    public Task<IReadOnlyList<VersionDemand>> ListUsesAsync(ListingKey agent, SemanticVersion version, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<VersionDemand>>(
        async session =>
        {
            var id = IdOf(agent, version);
            // What has gone since it was listed calls nobody: what is answered is of a moment.
            if (await session.QueryFirstOrDefaultAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id = @id", new { id }) is not { } row)
                return [];
            var demands = new List<VersionDemand>();
            foreach (var use in row.ToStatement().Content is ListingStatement listing ? listing.Manifest.Uses : [])
            {
                var key = await FindPublisherAsync(session, agent.Publisher, use.Agent.Publisher);
                demands.Add(new VersionDemand(
                    key is null ? null : new ListingKey(key.Value, use.Agent.Name),
                    use.Agent.Version is { } exact ? SemanticRange.Exactly(exact) : SemanticRange.Any,
                    $"{use.Agent.Publisher}/{use.Agent.Name}"));
            }

            return demands;
        },
        cancellationToken);

    /// <summary>Who is meant by a handle in a manifest of a publisher.</summary>
    internal static async Task<PeerId?> FindPublisherAsync(SqlSession session, PeerId by, string handle)
    {
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT handle FROM publisher_keys WHERE peer_id = @by", new { by }) is not null)
            return await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT peer_id FROM publisher_keys WHERE handle = @handle", new { handle });
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT handle FROM publisher_profiles WHERE signer = @by", new { by }) == handle)
            return by;
        var claimants = await session.QueryAsync<PeerId>(
            "SELECT p.signer FROM publisher_profiles p LEFT JOIN publisher_keys k ON k.peer_id = p.signer WHERE p.handle = @handle AND k.peer_id IS NULL ORDER BY p.signer LIMIT 2", new { handle });
        return claimants.Count == 1 ? claimants[0] : null;
    }
}
