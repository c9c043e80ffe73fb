using System.Globalization;
using System.Text;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Reads the catalogue of the network: own and foreign agents, by what their publishers have signed.</summary>
/// <param name="database">The cell's.</param>
public sealed class SqlListings(Database database)
{
    private const int NodesMax = 50;

    /// <summary>The newest version of each agent that matches, by publisher's key and name.</summary>
    /// <param name="query">Its publisher is a key or a handle.</param>
    /// <param name="page">The cursor is the last agent of the page before, <c>key/name</c>.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Page<ListingResponse>> ListAsync(AgentQuery query, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var publisher = query.Publisher is null ? null : await FindPublisherAsync(session, query.Publisher);
            if (query.Publisher is not null && publisher is null)
                return new Page<ListingResponse>([], null);
            var (sql, parameters) = Search(query, publisher, page);
            var rows = await session.QueryAsync<FoundRow>(sql, parameters);
            var found = rows.Take(page.Limit).Select(row => (Row: row, Statement: Statement.FromKept(row.Payload, row.Signature))).ToList();
            var deprecations = await ReadDeprecationsAsync(session, found);
            var items = found.Select(one => ListingContracts.ToResponse(
                one.Statement, one.Row.ToPublisher(), FindDeprecation(deprecations, one.Statement) ?? FindDeprecation(deprecations, one.Statement, ofAgent: true))).ToList();
            return new Page<ListingResponse>(items, rows.Count > page.Limit ? $"{found[^1].Row.Signer}/{found[^1].Row.Agent}" : null);
        },
        cancellationToken);

    /// <summary>An agent with all its versions; null when nothing is listed under the name.</summary>
    /// <param name="publisher">A key or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="now">UTC: offers that have expired do not count.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<ListingDetailsResponse?> FindAsync(string publisher, string name, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            if (await FindPublisherAsync(session, publisher) is not { } signer)
                return null;
            var statements = (await session.QueryAsync<StatementRow>(
                    $"SELECT {StatementRow.Columns} FROM statements WHERE signer = @signer AND agent = @name ORDER BY hlc, id", new { signer, name }))
                .Select(row => row.ToStatement()).ToList();
            if (!statements.Exists(statement => statement.Content is ListingStatement))
                return null;
            var profile = await session.QuerySingleAsync<ProfileRow>(
                $"SELECT {ProfileRow.Columns} FROM (SELECT @signer AS signer) AS l {ProfileRow.Joins}", new { signer });
            var programs = statements.Select(statement => statement.Content).OfType<ListingStatement>().Select(listing => listing.ProgramDigest).Distinct();
            var nodes = (await session.QueryAsync<(ContentHash Program, PeerId Node)>(
                    "SELECT program_digest, node FROM offered_programs WHERE program_digest IN @programs AND expires_at > @now ORDER BY program_digest, node", new { programs, now }))
                .ToLookup(row => row.Program, row => row.Node);
            return ListingContracts.ToDetails(new PublisherRef(signer, profile.DisplayName, profile.Handle, profile.OwnHandle), name, statements, program => nodes[program].Take(NodesMax));
        },
        cancellationToken);

    /// <summary>Who is meant by a text: a key; or a handle of this cell; or a handle that just one foreign publisher claims.</summary>
    private static async Task<PeerId?> FindPublisherAsync(SqlSession session, string text)
    {
        if (PeerId.TryParse(text, out var key))
            return key;
        var handle = AgentSearch.Storable(text);
        if (await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT peer_id FROM publisher_keys WHERE handle = @handle", new { handle }) is { } own)
            return own;
        var claimants = await session.QueryAsync<PeerId>("SELECT signer FROM publisher_profiles WHERE handle = @handle ORDER BY signer LIMIT 2", new { handle });
        return claimants.Count == 1 ? claimants[0] : null;
    }

    private static (string Sql, Dictionary<string, object?> Parameters) Search(AgentQuery query, PeerId? publisher, PageRequest page)
    {
        var sql = new StringBuilder($"SELECT l.signer, l.agent, s.payload, s.signature, {ProfileRow.Columns} FROM network_listings l JOIN statements s ON s.id = l.newest_id {ProfileRow.Joins}");
        // One row more than asked for tells whether there is a next page.
        var parameters = new Dictionary<string, object?> { ["rows"] = page.Limit + 1 };
        if (query.Capability is not null)
        {
            sql.Append(" JOIN network_capabilities c ON c.signer = l.signer AND c.agent = l.agent AND c.capability = @capability");
            parameters["capability"] = AgentSearch.Storable(query.Capability);
        }

        sql.Append(" WHERE 1 = 1");
        if (publisher is not null)
        {
            sql.Append(" AND l.signer = @publisher");
            parameters["publisher"] = publisher;
        }

        foreach (var (index, pattern) in AgentSearch.Patterns(query.Text).Index())
        {
            sql.Append(CultureInfo.InvariantCulture, $" AND l.search_text LIKE @word{index} ESCAPE '!'");
            parameters[$"word{index}"] = pattern;
        }

        if (KeyedListing.TryParse(page.Cursor, null, out var last))
        {
            sql.Append(" AND (l.signer > @afterSigner OR (l.signer = @afterSigner AND l.agent > @afterAgent))");
            (parameters["afterSigner"], parameters["afterAgent"]) = (last.Publisher, last.Name);
        }

        sql.Append(" ORDER BY l.signer, l.agent LIMIT @rows");
        return (sql.ToString(), parameters);
    }

    private static async Task<Dictionary<MergeKey, Statement>> ReadDeprecationsAsync(SqlSession session, IReadOnlyList<(FoundRow Row, Statement Statement)> found) =>
        (await session.QueryAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE signer IN @signers AND agent IN @agents AND kind = 'deprecation' AND holds",
            new { signers = found.Select(one => one.Row.Signer).Distinct(), agents = found.Select(one => one.Row.Agent).Distinct() }))
        .Select(row => row.ToStatement()).ToDictionary(statement => statement.Key);

    private static Statement? FindDeprecation(Dictionary<MergeKey, Statement> deprecations, Statement listing, bool ofAgent = false) =>
        deprecations.GetValueOrDefault(listing.Key with { Kind = StatementKind.Deprecation, Version = ofAgent ? null : listing.Key.Version });

    private sealed record ProfileRow(string? DisplayName, string? Handle, string? OwnHandle)
    {
        public const string Columns = "p.display_name, p.handle, k.handle AS own_handle";
        public const string Joins = "LEFT JOIN publisher_profiles p ON p.signer = l.signer LEFT JOIN publisher_keys k ON k.peer_id = l.signer";
    }

    private sealed record FoundRow(PeerId Signer, string Agent, byte[] Payload, byte[] Signature, string? DisplayName, string? Handle, string? OwnHandle)
    {
        public PublisherRef ToPublisher() => new(Signer, DisplayName, Handle, OwnHandle);
    }
}
