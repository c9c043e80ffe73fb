using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tasks;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Versions of agents that were not published here, as their publishers have signed them.</summary>
/// <remarks>What a task was submitted for is kept, whatever becomes of the statement: a withdrawal is for what comes after it.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="ids">Makes the ids by which the cell knows them.</param>
/// <param name="time">The clock.</param>
public sealed class SqlForeignAgents(Database database, IdSource ids, TimeProvider time)
{
    /// <summary>What the network lists under a name and offers; null when that is nothing, or was published here.</summary>
    public async Task<ForeignAgent?> FindAsync(ListingName named, CancellationToken cancellationToken)
    {
        var listed = await database.ReadAsync(session => FindListingAsync(session, named), cancellationToken);
        return listed is null ? null : await NotedAsync(listed, cancellationToken);
    }

    /// <summary>The newest versions of listings whose programs some of these nodes offer now, in the order of the listings; what was published here is left out. They are noted.</summary>
    public async Task<IReadOnlyList<ForeignAgent>> ListOfferedAsync(
        IReadOnlyList<ListingKey> listings, IReadOnlyCollection<PeerId> nodes, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var newest = await database.ReadAsync(
            async session =>
            {
                var signers = listings.Select(listing => listing.Publisher).ToHashSet();
                signers.ExceptWith(await PublisherKeys.ListOwnAsync(session, signers));
                if (signers.Count == 0)
                    return [];
                var rows = await session.QueryAsync<StatementRow>(
                    """
                    SELECT s.sequence, s.payload, s.signature FROM network_listings AS l JOIN statements AS s ON s.id = l.newest_id
                    WHERE l.signer IN @signers AND l.agent IN @names
                    """,
                    new { signers, names = listings.Select(listing => listing.Name).Distinct().ToList() });
                // Beside the agents that were found a publisher may list what is none, under a name that another one has for an agent.
                var listed = rows.Select(row => row.ToStatement()).Where(statement => statement.Content is AgentListing)
                    .ToDictionary(statement => new ListingKey(statement.SignerId, ((AgentListing)statement.Content).Manifest.Name));
                var programs = listed.Values.Select(statement => ((AgentListing)statement.Content).ProgramDigest).Distinct().ToList();
                var offered = programs.Count == 0
                    ? []
                    : (await session.QueryAsync<ContentHash>(
                        "SELECT DISTINCT program_digest FROM offered_programs WHERE program_digest IN @programs AND node IN @nodes AND expires_at > @now", new { programs, nodes, now })).ToHashSet();
                return listings.Where(listed.ContainsKey).Select(listing => listed[listing]).Where(statement => offered.Contains(((AgentListing)statement.Content).ProgramDigest)).ToList();
            },
            cancellationToken);
        var agents = new List<ForeignAgent>(newest.Count);
        foreach (var statement in newest)
        {
            if (await NotedAsync(statement, cancellationToken) is { } agent)
                agents.Add(agent);
        }

        return agents;
    }

    /// <summary>Which of some publishers publish here.</summary>
    public Task<IReadOnlySet<PeerId>> ListOwnAsync(IReadOnlyCollection<PeerId> publishers, CancellationToken cancellationToken) =>
        database.ReadAsync(session => PublisherKeys.ListOwnAsync(session, publishers), cancellationToken);

    /// <summary>One that a task was submitted for.</summary>
    public async Task<ForeignAgent?> GetAsync(Id<AgentVersion> id, CancellationToken cancellationToken) =>
        (await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<Row>("SELECT id, payload, signature FROM foreign_agents WHERE id = @id", new { id }), cancellationToken))?.ToAgent();

    private async Task<ForeignAgent?> NotedAsync(Statement listed, CancellationToken cancellationToken) =>
        await database.ReadAsync(session => FindNotedAsync(session, listed.Id), cancellationToken) is { } noted
            ? noted.ToAgent()
            : await database.WriteAsync(session => NoteAsync(session, listed), cancellationToken);

    private static async Task<Statement?> FindListingAsync(SqlSession session, ListingName named)
    {
        if (await SqlListings.FindPublisherAsync(session, named.Publisher) is not { } signer)
            return null;
        // Whoever names no version gets what there is now, wherever the listing goes on.
        if (named.Version is null && await Moves.FindLastAsync(session, signer, named.Name) is var last)
            (signer, named) = (last.Publisher, named with { Name = last.Name });
        if (await PublisherKeys.FindHandleAsync(session, signer) is not null)
        {
            return null;
        }

        var listing = new ListingKey(signer, named.Name);
        var row = named.Version is null
            ? await session.QueryFirstOrDefaultAsync<StatementRow>(
                "SELECT s.sequence, s.payload, s.signature FROM network_listings AS l JOIN statements AS s ON s.id = l.newest_id WHERE l.signer = @Publisher AND l.agent = @Name",
                new { listing.Publisher, listing.Name })
            : await OfferedVersions.FindAsync(session, listing, named.Version) is { Kind: ListingKind.Agent } version
                ? await session.QueryFirstOrDefaultAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id = @Id", new { version.Id })
                : null;
        return row?.ToStatement() is { Content: AgentListing } agent ? agent : null;
    }

    private static Task<Row?> FindNotedAsync(SqlSession session, ContentHash statement) =>
        session.QueryFirstOrDefaultAsync<Row>("SELECT id, payload, signature FROM foreign_agents WHERE statement_id = @statement", new { statement });

    private async Task<ForeignAgent?> NoteAsync(SqlSession session, Statement listed)
    {
        await session.ExecuteAsync(
            "INSERT INTO foreign_agents (id, statement_id, payload, signature, noted_at) VALUES (@id, @statement, @Payload, @Signature, @now) ON CONFLICT (statement_id) DO NOTHING",
            new { id = ids.Next<AgentVersion>(), statement = listed.Id, listed.Payload, listed.Signature, now = time.GetUtcNow() });
        return (await FindNotedAsync(session, listed.Id))!.ToAgent();
    }

    private sealed record Row(Id<AgentVersion> Id, byte[] Payload, byte[] Signature)
    {
        public ForeignAgent ToAgent()
        {
            var statement = Statement.FromKept(Payload, Signature);
            var listing = (AgentListing)statement.Content;
            return new ForeignAgent(Id, new ListingName(statement.SignerId.ToString(), listing.Manifest.Name, listing.Manifest.Version), listing.Manifest, listing.ProgramDigest);
        }
    }
}
