using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Registry.Statements;
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
    private static readonly SqlRows<ListingKey> s_delete = SqlRows<ListingKey>.Delete("listing_changes", "t.signer = {signer} AND t.agent = {agent}", ListingFields.All);

    private static readonly SqlRows<ListingKey> s_insert = SqlRows<ListingKey>.Insert("listing_changes", ListingFields.All);

    /// <summary>The signal of the database that tells the newest sequence; on PostgreSQL also the channel of its notifications.</summary>
    public const string Topic = "stoa_listings";

    /// <summary>Has agents read anew by those who follow, and tells them once it is committed. The writing of statements is locked.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<ListingKey> agents)
    {
        if (agents.Count == 0)
            return;
        // Each agent is there once, at its last change: the writing of statements is locked, so places become visible in their order.
        await session.SendRowsAsync(s_delete, agents);
        await session.SendRowsAsync(s_insert, agents);
        await TellAsync(session);
    }

    /// <summary>Tells of a change once it is committed. The writing of statements is locked.</summary>
    private static async Task TellAsync(SqlSession session) => session.RaiseOnCommit(Topic, await session.QuerySingleAsync<long>(
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
                return (rows, await ReadStandingsAsync(session, [.. rows.Select(row => (row.Key, row.LocalName))]));
            },
            cancellationToken);
        return [.. rows.Select(row => new ListingChange(
            row.Sequence,
            row.Key,
            row.Payload is null ? null : ListingDocument.Of(Statement.FromKept(row.Payload, row.Signature!), standings[row.Key])))];
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
            var local = learnt.Select(row => (Publisher: PublisherOf(row.Agent), Name: row.Agent[(PublisherOf(row.Agent).Length + 1)..], row.Agent)).ToList();
            var handles = local.Select(agent => agent.Publisher).Distinct();
            var keys = (await session.QueryAsync<(string Handle, PeerId Key)>("SELECT handle, peer_id FROM publisher_keys WHERE handle IN @handles", new { handles })).ToDictionary(row => row.Handle, row => row.Key);
            var known = local
                .Select(agent => (Key: keys.TryGetValue(agent.Publisher, out var key) || PeerId.TryParse(agent.Publisher, out key) ? key : (PeerId?)null, agent.Name, agent.Agent))
                .Where(agent => agent.Key is not null)
                .Select(agent => (new ListingKey(agent.Key!.Value, agent.Name), agent.Agent))
                .ToList();
            var standings = await ReadStandingsAsync(session, known);
            return ([.. standings.Select(one => (one.Key, one.Value))], (learnt[^1].UpdatedAt, learnt[^1].Agent), learnt.Count);
        },
        cancellationToken);

    /// <summary>What is said and known of agents here: by this cell's own consumers, and by those of others whose reviews count.</summary>
    private static async Task<Dictionary<ListingKey, ListingStanding>> ReadStandingsAsync(SqlSession session, List<(ListingKey Key, string LocalName)> agents)
    {
        if (agents.Count == 0)
            return [];
        var names = agents.Select(agent => agent.LocalName);
        var ratings = (await session.QueryAsync<RatingRow>(
                "SELECT agent, CAST(SUM(reviews) AS BIGINT) AS reviews, CAST(SUM(reviews * stars) AS BIGINT) AS stars FROM agent_ratings WHERE agent IN @names GROUP BY agent", new { names }))
            .ToDictionary(row => row.Agent);
        var done = (await session.QueryAsync<(string Agent, long Succeeded)>("SELECT agent, succeeded FROM agent_stats WHERE agent IN @names", new { names })).ToDictionary(row => row.Agent, row => row.Succeeded);
        var elsewhere = await NetworkReviews.CountAsync(session, [.. agents.Select(agent => agent.Key)]);
        return agents.DistinctBy(agent => agent.Key).ToDictionary(
            agent => agent.Key,
            agent =>
            {
                var (here, there) = (ratings.GetValueOrDefault(agent.LocalName), elsewhere.GetValueOrDefault(agent.Key));
                return new ListingStanding(
                    done.GetValueOrDefault(agent.LocalName), (int)Math.Min(int.MaxValue, (here?.Reviews ?? 0) + there.Reviews), (here?.Stars ?? 0) + there.Stars);
            });
    }

    private static string PublisherOf(string agent) => agent[..agent.IndexOf('/', StringComparison.Ordinal)];

    private sealed record ChangeRow(long Sequence, PeerId Signer, string Agent, byte[]? Payload, byte[]? Signature, string? Handle)
    {
        public ListingKey Key => new(Signer, Agent);

        /// <summary>As which this cell counts what its consumers make of it.</summary>
        public string LocalName => $"{Handle ?? Signer.ToString()}/{Agent}";
    }

    private sealed record RatingRow(string Agent, long Reviews, long Stars);
}
