using System.Text.Json.Nodes;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Reads the catalogue of the network: own and foreign agents, by what their publishers have signed.</summary>
/// <param name="database">The cell's.</param>
public sealed class SqlListings(Database database)
{
    private const int NodesMax = 50;

    /// <summary>The newest version of agents; those of which nothing is offered are left out.</summary>
    /// <param name="agents">At most some hundreds.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<IReadOnlyDictionary<ListingKey, ListingResponse>> ReadAsync(IReadOnlyCollection<ListingKey> agents, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyDictionary<ListingKey, ListingResponse>>(
        async session =>
        {
            if (agents.Count == 0)
                return new Dictionary<ListingKey, ListingResponse>();
            var rows = await session.QueryAsync<FoundRow>(
                $$"""
                WITH asked (signer, agent) AS (
                    {if sqlite}SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(@pairs){end}
                    {if postgres}SELECT value ->> 0, value ->> 1 FROM jsonb_array_elements(CAST(@pairs AS JSONB)){end})
                SELECT l.signer, l.agent, s.payload, s.signature, {{ProfileRow.Columns}}
                FROM asked CROSS JOIN network_listings l JOIN statements s ON s.id = l.newest_id {{ProfileRow.Joins}} WHERE l.signer = asked.signer AND l.agent = asked.agent
                """,
                new { pairs = new JsonArray([.. agents.Select(agent => new JsonArray(agent.Publisher.ToString(), agent.Name))]).ToJsonString() });
            var found = rows.Select(row => (Row: row, Statement: Statement.FromKept(row.Payload, row.Signature))).ToList();
            var deprecations = await ReadDeprecationsAsync(session, found);
            return found.ToDictionary(
                one => new ListingKey(one.Row.Signer, one.Row.Agent),
                one => ListingContracts.ToResponse(one.Statement, one.Row.ToPublisher(), FindDeprecation(deprecations, one.Statement) ?? FindDeprecation(deprecations, one.Statement, ofAgent: true)));
        },
        cancellationToken);

    /// <summary>Statements by their ids; those that are not kept any more are left out.</summary>
    public Task<IReadOnlyDictionary<ContentHash, Statement>> ReadStatementsAsync(IReadOnlyCollection<ContentHash> ids, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyDictionary<ContentHash, Statement>>(
        async session => (await session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id IN @ids", new { ids }))
            .Select(row => row.ToStatement()).ToDictionary(statement => statement.Id),
        cancellationToken);

    /// <summary>The newest version that is offered of a listing, as it was said; null when none is.</summary>
    public Task<Statement?> FindNewestAsync(ListingKey listing, CancellationToken cancellationToken) => database.ReadAsync(
        async session => (await session.QueryFirstOrDefaultAsync<StatementRow>(
            "SELECT s.sequence, s.payload, s.signature FROM network_listings AS l JOIN statements AS s ON s.id = l.newest_id WHERE l.signer = @Publisher AND l.agent = @Name",
            new { listing.Publisher, listing.Name }))?.ToStatement(),
        cancellationToken);

    /// <summary>A listing as it was said.</summary>
    /// <param name="statement">A listing.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<ListingResponse> ShowAsync(Statement statement, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var profile = await session.QuerySingleAsync<ProfileRow>($"SELECT {ProfileRow.Columns} FROM (SELECT @SignerId AS signer) AS l {ProfileRow.Joins}", new { statement.SignerId });
            return ListingContracts.ToResponse(statement, profile.ToPublisher(statement.SignerId), deprecation: null);
        },
        cancellationToken);

    /// <summary>Publishers as the catalogue knows them, by their keys: also those of whom nothing is known but the key.</summary>
    internal Task<IReadOnlyDictionary<PeerId, PublisherRef>> ReadPublishersAsync(IReadOnlyCollection<PeerId> keys, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyDictionary<PeerId, PublisherRef>>(
        async session =>
        {
            if (keys.Count == 0)
                return new Dictionary<PeerId, PublisherRef>();
            var rows = await session.QueryAsync<(PeerId Signer, string? DisplayName, string? Handle, string? OwnHandle, long Contradictions)>(
                $$"""
                WITH l (signer) AS (
                    {if sqlite}SELECT value FROM json_each(@asked){end}
                    {if postgres}SELECT jsonb_array_elements_text(CAST(@asked AS JSONB)){end})
                SELECT l.signer, {{ProfileRow.Columns}} FROM l {{ProfileRow.Joins}}
                """,
                new { asked = new JsonArray([.. keys.Distinct().Select(key => (JsonNode)key.ToString())]).ToJsonString() });
            return rows.ToDictionary(row => row.Signer, row => new PublisherRef(row.Signer, row.DisplayName, row.Handle, row.OwnHandle, row.Contradictions));
        },
        cancellationToken);

    /// <summary>Who is meant by a text: a key; or a handle of this cell; or a handle that just one foreign publisher claims. Null for nobody.</summary>
    public Task<PeerId?> FindPublisherAsync(string text, CancellationToken cancellationToken) => database.ReadAsync(session => FindPublisherAsync(session, text), cancellationToken);

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
            var programs = statements.Select(statement => statement.Content).OfType<ListingStatement>().Select(listing => listing.ContentDigest).OfType<ContentHash>().Distinct();
            var nodes = (await session.QueryAsync<(ContentHash Program, PeerId Node)>(
                    "SELECT program_digest, node FROM offered_programs WHERE program_digest IN @programs AND expires_at > @now ORDER BY program_digest, node", new { programs, now }))
                .ToLookup(row => row.Program, row => row.Node);
            var details = ListingContracts.ToDetails(profile.ToPublisher(signer), name, statements, program => nodes[program].Take(NodesMax));
            var sellers = await ReadSellersAsync(session, [.. nodes.SelectMany(all => all.Take(NodesMax)).Distinct()], now);
            return details with
            {
                Versions = sellers.Count == 0
                    ? details.Versions
                    : [.. details.Versions.Select(version => version with { Sellers = sellers.GetValueOrDefault(new KeyedListing(signer, name, SemanticVersion.Parse(version.Version))) })],
                MovedTo = (await Moves.FindNextAsync(session, signer, name))?.ToString(),
                MovedFrom = (await Moves.FindBeforeAsync(session, signer, name))?.ToString(),
            };
        },
        cancellationToken);

    /// <summary>Who of some nodes sells answers of which models, as their offers say that hold now.</summary>
    private static async Task<Dictionary<KeyedListing, IReadOnlyList<ModelSellerBody>>> ReadSellersAsync(SqlSession session, IReadOnlyList<PeerId> nodes, DateTimeOffset now)
    {
        if (nodes.Count == 0)
            return [];
        return (await session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE kind = 'offer' AND signer IN @nodes", new { nodes }))
            .Select(row => row.ToStatement())
            .Select(statement => (Node: statement.SignerId, Offer: (OfferStatement)statement.Content))
            .Where(one => one.Offer.ExpiresAt > now)
            .SelectMany(one => one.Offer.Sells, (one, sold) => (one.Node, one.Offer.Region, Sold: sold))
            .GroupBy(one => one.Sold.Model)
            .ToDictionary(
                model => model.Key,
                IReadOnlyList<ModelSellerBody> (model) =>
                [
                    .. model.OrderBy(one => one.Sold.OutputPrice).ThenBy(one => one.Sold.InputPrice).ThenBy(one => one.Node.ToString(), StringComparer.Ordinal).Select(one => new ModelSellerBody(
                        one.Node.ToString(), one.Sold.InputPrice.ToString(), one.Sold.OutputPrice.ToString(), one.Sold.ContextLength, one.Sold.TokensPerSecond, one.Region)),
                ]);
    }

    internal static async Task<PeerId?> FindPublisherAsync(SqlSession session, string text)
    {
        if (PeerId.TryParse(text, out var key))
            return key;
        var handle = AgentSearch.Storable(text);
        if (await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT peer_id FROM publisher_keys WHERE handle = @handle", new { handle }) is { } own)
            return own;
        var claimants = await session.QueryAsync<PeerId>("SELECT signer FROM publisher_profiles WHERE handle = @handle ORDER BY signer LIMIT 2", new { handle });
        return claimants.Count == 1 ? claimants[0] : null;
    }

    private static async Task<Dictionary<MergeKey, Statement>> ReadDeprecationsAsync(SqlSession session, IReadOnlyList<(FoundRow Row, Statement Statement)> found) =>
        (await session.QueryAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE signer IN @signers AND agent IN @agents AND kind = 'deprecation' AND holds",
            new { signers = found.Select(one => one.Row.Signer).Distinct(), agents = found.Select(one => one.Row.Agent).Distinct() }))
        .Select(row => row.ToStatement()).ToDictionary(statement => statement.Key);

    private static Statement? FindDeprecation(Dictionary<MergeKey, Statement> deprecations, Statement listing, bool ofAgent = false) =>
        deprecations.GetValueOrDefault(listing.Key with { Kind = StatementKind.Deprecation, Version = ofAgent ? null : listing.Key.Version });

    private sealed record ProfileRow(string? DisplayName, string? Handle, string? OwnHandle, long Contradictions)
    {
        public const string Columns = "p.display_name, p.handle, k.handle AS own_handle, (SELECT COUNT(*) FROM equivocations e WHERE e.signer = l.signer) AS contradictions";
        public const string Joins = "LEFT JOIN publisher_profiles p ON p.signer = l.signer LEFT JOIN publisher_keys k ON k.peer_id = l.signer";

        public PublisherRef ToPublisher(PeerId key) => new(key, DisplayName, Handle, OwnHandle, Contradictions);
    }

    private sealed record FoundRow(PeerId Signer, string Agent, byte[] Payload, byte[] Signature, string? DisplayName, string? Handle, string? OwnHandle, long Contradictions)
    {
        public PublisherRef ToPublisher() => new(Signer, DisplayName, Handle, OwnHandle, Contradictions);
    }
}
