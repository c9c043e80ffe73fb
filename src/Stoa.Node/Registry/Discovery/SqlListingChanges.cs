using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery;

/// <summary>An agent of the network as it is now.</summary>
/// <param name="Sequence">Its place in the order of changes.</param>
/// <param name="Key">Which agent.</param>
/// <param name="Document">Null when nothing of it is offered any more.</param>
internal sealed record ListingChange(long Sequence, ListingKey Key, ListingDocument? Document);

/// <summary>What changes in the catalogue of the network, read from the database of the cell, whichever of its nodes has written it.</summary>
/// <param name="database">The cell's.</param>
internal sealed class SqlListingChanges(Database database)
{
    /// <summary>The signal of the database that tells the newest sequence; on PostgreSQL also the channel of its notifications.</summary>
    public const string Topic = "stoa_listings";

    /// <summary>Tells of a change once it is committed. The writing of statements is locked.</summary>
    public static async Task TellAsync(SqlSession session) => session.RaiseOnCommit(Topic, await session.QuerySingleAsync<long>(
        """
        SELECT last FROM (SELECT COALESCE(MAX(sequence), 0) AS last FROM listing_changes) AS newest
        {if postgres}, LATERAL pg_notify(@topic, CAST(last AS TEXT)) AS notified{end}
        """,
        new { topic = Topic }));

    /// <summary>Agents that have changed behind a place, in order, as they are now.</summary>
    /// <param name="sequence">0 for all that there are.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public async Task<IReadOnlyList<ListingChange>> ReadAfterAsync(long sequence, int limit, CancellationToken cancellationToken)
    {
        var (rows, standings) = await database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<ChangeRow>(
                    """
                    SELECT c.sequence, c.signer, c.agent, s.payload, s.signature, k.handle FROM listing_changes c
                    LEFT JOIN network_listings l ON l.signer = c.signer AND l.agent = c.agent LEFT JOIN statements s ON s.id = l.newest_id LEFT JOIN publisher_keys k ON k.peer_id = c.signer
                    WHERE c.sequence > @sequence ORDER BY c.sequence LIMIT @limit
                    """,
                    new { sequence, limit });
                return (rows, await ReadStandingsAsync(session, [.. rows.Select(row => row.LocalName).OfType<string>()]));
            },
            cancellationToken);
        return [.. rows.Select(row => new ListingChange(
            row.Sequence,
            new ListingKey(row.Signer, row.Agent),
            row.Payload is null ? null : ListingDocument.Of(Statement.FromKept(row.Payload, row.Signature!), row.LocalName is null ? default : standings.GetValueOrDefault(row.LocalName))))];
    }

    /// <summary>What consumers of this cell made of agents about which something was learnt, by when that was and by agent.</summary>
    /// <param name="since">From this instant on, UTC.</param>
    /// <param name="after">Of this instant only agents behind this one; empty for all.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    /// <returns>The standings of those that are in the network, and the last of all; null when there is none.</returns>
    public Task<(IReadOnlyList<(ListingKey Agent, ListingStanding Standing)> Standings, (DateTimeOffset At, string Agent)? Last, int Count)> ReadStandingsAsync(
        DateTimeOffset since, string after, int limit, CancellationToken cancellationToken) => database.ReadAsync<(IReadOnlyList<(ListingKey, ListingStanding)>, (DateTimeOffset, string)?, int)>(
        async session =>
        {
            var learnt = await session.QueryAsync<(string Agent, DateTimeOffset UpdatedAt)>(
                "SELECT agent, updated_at FROM agent_stats WHERE updated_at > @since OR (updated_at = @since AND agent > @after) ORDER BY updated_at, agent LIMIT @limit", new { since, after, limit });
            if (learnt.Count == 0)
                return ([], null, 0);
            var standings = await ReadStandingsAsync(session, [.. learnt.Select(row => row.Agent)]);
            var handles = standings.Keys.Select(PublisherOf).Distinct();
            var keys = (await session.QueryAsync<(string Handle, PeerId Key)>("SELECT handle, peer_id FROM publisher_keys WHERE handle IN @handles", new { handles })).ToDictionary(row => row.Handle, row => row.Key);
            return (
                [.. standings.Where(one => keys.ContainsKey(PublisherOf(one.Key))).Select(one => (new ListingKey(keys[PublisherOf(one.Key)], one.Key[(PublisherOf(one.Key).Length + 1)..]), one.Value))],
                (learnt[^1].UpdatedAt, learnt[^1].Agent),
                learnt.Count);
        },
        cancellationToken);

    private static async Task<Dictionary<string, ListingStanding>> ReadStandingsAsync(SqlSession session, IReadOnlyList<string> agents)
    {
        if (agents.Count == 0)
            return [];
        var ratings = (await session.QueryAsync<RatingRow>(
                "SELECT agent, CAST(SUM(reviews) AS BIGINT) AS reviews, CAST(SUM(reviews * stars) AS BIGINT) AS stars FROM agent_ratings WHERE agent IN @agents GROUP BY agent", new { agents }))
            .ToDictionary(row => row.Agent);
        var done = (await session.QueryAsync<(string Agent, long Succeeded)>("SELECT agent, succeeded FROM agent_stats WHERE agent IN @agents", new { agents })).ToDictionary(row => row.Agent, row => row.Succeeded);
        return agents.Distinct().ToDictionary(
            agent => agent,
            agent => new ListingStanding(done.GetValueOrDefault(agent), (int)Math.Min(int.MaxValue, ratings.GetValueOrDefault(agent)?.Reviews ?? 0), ratings.GetValueOrDefault(agent)?.Stars ?? 0));
    }

    private static string PublisherOf(string agent) => agent[..agent.IndexOf('/', StringComparison.Ordinal)];

    private sealed record ChangeRow(long Sequence, PeerId Signer, string Agent, byte[]? Payload, byte[]? Signature, string? Handle)
    {
        /// <summary>As which this cell counts what consumers make of it; null of publishers who are not of this cell.</summary>
        public string? LocalName => Handle is null ? null : $"{Handle}/{Agent}";
    }

    private sealed record RatingRow(string Agent, long Reviews, long Stars);
}
