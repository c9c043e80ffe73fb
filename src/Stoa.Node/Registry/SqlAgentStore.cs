using System.Collections.Concurrent;
using System.Text.Json;
using Stoa.Client;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Node.Builds;
using Stoa.Node.Events;
using Stoa.Node.Quotas;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;
using AgentQuery = Stoa.Market.Registry.AgentQuery;

namespace Stoa.Node.Registry;

/// <summary>Versions in <c>agent_versions</c>; the newest of each agent, and what a search looks at, in <c>agent_listings</c>.</summary>
/// <param name="database">The cell's.</param>
/// <param name="index">Told what is published; null for nobody.</param>
/// <param name="statements">Says it to the network; null for nobody.</param>
public sealed class SqlAgentStore(Database database, AgentIndex? index = null, PublisherStatements? statements = null) : IAgentStore
{
    private const int MaxRemembered = 4_096;
    private const string OfAgent = "publisher = @Publisher AND name = @Name";

    // A version never changes; reading its manifest takes longer than asking which version a name means.
    private readonly ConcurrentDictionary<Id<AgentVersion>, AgentVersion> _remembered = new();

    public async Task<Outcome<AgentVersion, PublishRefusal>> AddAsync(
        AgentVersion version, IReadOnlyList<(ContentHash Digest, long SizeBytes)> content, NewEvent published, CancellationToken cancellationToken)
    {
        try
        {
            return await database.WriteAsync(session => AddAsync(session, version, content, published), cancellationToken);
        }
        catch (NameOfOtherKindException)
        {
            return new Refusal<PublishRefusal>(PublishRefusal.NameOfOtherKind, $"{version.Publisher}/{version.Manifest.Name} is the name of something that you have listed and that is no agent. Choose another name.");
        }
    }

    public Task<Outcome<AgentVersion?, PublishRefusal>> FindSameAsync(AgentVersion version, CancellationToken cancellationToken) => database.ReadAsync(
        async Task<Outcome<AgentVersion?, PublishRefusal>> (session) =>
        {
            if (await FindExactAsync(session, version.Publisher, version.Manifest.Name, version.Manifest.Version) is null)
                return null as AgentVersion;
            return (await AnswerExistingAsync(session, version)).TryGet(out var existing, out var refusal) ? existing : refusal;
        },
        cancellationToken);

    public async Task<AgentVersion?> FindAsync(ListingName listing, CancellationToken cancellationToken)
    {
        var id = await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<Id<AgentVersion>?>(
                listing.Version is null
                    ? "SELECT newest_id FROM agent_listings WHERE publisher = @Publisher AND name = @Name"
                    : "SELECT id FROM agent_versions WHERE publisher = @Publisher AND name = @Name AND version = @Version AND withdrawn_at IS NULL",
                listing),
            cancellationToken);
        return id is { } found ? await GetAsync(found, cancellationToken) : null;
    }

    public async Task<PublishedVersion?> FindPublishedAsync(ListingName listing, CancellationToken cancellationToken)
    {
        var found = await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<OfferRow>(
                $"SELECT {OfferRow.Columns} FROM agent_versions WHERE publisher = @Publisher AND name = @Name AND version = @Version", listing),
            cancellationToken);
        return found is not null && await GetAsync(found.Id, cancellationToken) is { } version ? new PublishedVersion(version, found.Withdrawal) : null;
    }

    public Task<WithdrawnListing?> FindWithdrawnAsync(ListingName listing, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var newestId = await session.QueryFirstOrDefaultAsync<Id<AgentVersion>?>(
                "SELECT newest_id FROM agent_listings WHERE publisher = @Publisher AND name = @Name", listing);
            if (listing.Version is null && newestId is not null)
                return null;
            var withdrawn = await session.QueryFirstOrDefaultAsync<OfferRow>(
                $"""
                SELECT {OfferRow.Columns} FROM agent_versions WHERE publisher = @Publisher AND name = @Name AND withdrawn_at IS NOT NULL
                    {(listing.Version is null ? "" : "AND version = @Version")} ORDER BY withdrawn_at DESC, id DESC LIMIT 1
                """,
                listing);
            if (withdrawn?.Withdrawal is not { } withdrawal)
                return null;
            var newest = newestId is null ? null : await session.QuerySingleAsync<string>("SELECT version FROM agent_versions WHERE id = @newestId", new { newestId });
            return new WithdrawnListing(listing, withdrawal, newest is null ? null : listing with { Version = SemanticVersion.Parse(newest) });
        },
        cancellationToken);

    public async Task<AgentVersion?> GetAsync(Id<AgentVersion> id, CancellationToken cancellationToken)
    {
        if (_remembered.TryGetValue(id, out var known))
            return known;
        var row = await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<AgentRow>(
                $"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.id = @id", new { id }),
            cancellationToken);
        if (row is null)
            return null;
        if (_remembered.Count >= MaxRemembered)
            _remembered.Clear();
        return _remembered.GetOrAdd(id, row.ToVersion());
    }

    public Task<Page<PublishedVersion>> ListVersionsAsync(string publisher, string name, bool withWithdrawn, PageRequest page, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                // The order of versions is none of a database's: their names are put in order here, and only the page's are read in whole.
                var found = await session.QueryAsync<OfferRow>(
                    $"SELECT {OfferRow.Columns} FROM agent_versions WHERE publisher = @publisher AND name = @name{(withWithdrawn ? "" : " AND withdrawn_at IS NULL")}", new { publisher, name });
                var wanted = found
                    .Select(row => (row.Id, Version: SemanticVersion.Parse(row.Version), row.Withdrawal))
                    .Where(row => !SemanticVersion.TryParse(page.Cursor, null, out var after) || row.Version < after)
                    .OrderByDescending(row => row.Version)
                    .Take(page.Limit + 1)
                    .ToList();
                var ids = wanted.Take(page.Limit).Select(row => row.Id).ToList();
                var rows = await session.QueryAsync<AgentRow>($"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.id IN @ids", new { ids });
                var versions = rows.ToDictionary(row => row.Id);
                List<PublishedVersion> items = [.. wanted.Take(page.Limit).Select(row => new PublishedVersion(versions[row.Id].ToVersion(), row.Withdrawal))];
                return new Page<PublishedVersion>(items, wanted.Count > page.Limit ? items[^1].Version.Manifest.Version.ToString() : null);
            },
            cancellationToken);

    public async Task<Page<AgentVersion>> ListAsync(AgentQuery query, PageRequest page, CancellationToken cancellationToken)
    {
        var search = new AgentSearch(query, page);
        var rows = await database.ReadAsync(session => session.QueryAsync<AgentRow>(search.Sql, search.Parameters), cancellationToken);
        var items = rows.Take(page.Limit).Select(row => row.ToVersion()).ToList();
        var next = rows.Count > page.Limit ? $"{items[^1].Publisher}/{items[^1].Manifest.Name}" : null;
        return new Page<AgentVersion>(items, next);
    }

    public Task<Outcome<AgentOffer, WithdrawalRefusal>> WithdrawAsync(
        Id<User> publisher, ListingName listing, string? reason, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => ChangeOfferAsync(
            session,
            publisher,
            listing,
            async rows =>
            {
                var which = new { listing.Publisher, listing.Name, listing.Version, reason, now };
                if (listing.Version is null)
                {
                    await SqlAgentListings.WithdrawAllAsync(session, listing.Publisher, listing.Name, reason, now);
                    await session.ExecuteAsync($"UPDATE agent_versions SET withdrawal_reason = @reason WHERE {OfAgent} AND withdrawn_as_whole", which);
                }
                else
                {
                    await session.ExecuteAsync(
                        $"""
                        UPDATE agent_versions SET withdrawn_at = COALESCE(withdrawn_at, @now), withdrawal_reason = @reason, withdrawn_as_whole = FALSE
                        WHERE {OfAgent} AND version = @Version
                        """,
                        which);
                }

                List<OfferRow> meant = [.. rows.Where(row => listing.Version is not null || row.WithdrawnAt is null || row.WithdrawnAsWhole)];
                await SayAsync(session, publisher, listing, meant, isWithdrawn: true, reason);
                await TellAsync(session, EventTypes.AgentWithdrawn, listing, rows.Where(row => row.WithdrawnAt is null), now);
                return meant;
            }),
        cancellationToken);

    public async Task<IReadOnlyList<AgentVersion>> ListReinstatableAsync(Id<User> publisher, ListingName listing, CancellationToken cancellationToken) =>
        [.. (await database.ReadAsync(
            session => session.QueryAsync<AgentRow>(
                $"""
                SELECT {AgentRow.Columns} FROM agent_versions v WHERE {OfAgent} AND publisher_id = @publisherId AND withdrawn_at IS NOT NULL
                    AND {(listing.Version is null ? "withdrawn_as_whole" : "version = @Version")}
                """,
                new { listing.Publisher, listing.Name, listing.Version, publisherId = publisher }),
            cancellationToken)).Select(row => row.ToVersion())];

    public Task<Outcome<AgentOffer, WithdrawalRefusal>> ReinstateAsync(
        Id<User> publisher, ListingName listing, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => ChangeOfferAsync(
            session,
            publisher,
            listing,
            async rows =>
            {
                List<OfferRow> back = [.. rows.Where(row => listing.Version is null ? row.WithdrawnAsWhole : row.WithdrawnAt is not null)];
                await session.ExecuteAsync(
                    $"""
                    UPDATE agent_versions SET withdrawn_at = NULL, withdrawal_reason = NULL, withdrawn_as_whole = FALSE
                    WHERE {OfAgent} AND {(listing.Version is null ? "withdrawn_as_whole" : "version = @Version")}
                    """,
                    new { listing.Publisher, listing.Name, listing.Version });
                await SayAsync(session, publisher, listing, back, isWithdrawn: false, reason: null);
                await TellAsync(session, EventTypes.AgentReinstated, listing, back, now);
                return back;
            }),
        cancellationToken);

    /// <summary>Changes which versions of an agent are offered.</summary>
    /// <param name="session">Of the act.</param>
    /// <param name="publisher">Whose they must be.</param>
    /// <param name="listing">One of them, or all.</param>
    /// <param name="change">Given those that are meant, as they are before; answers those that it is told of.</param>
    private async Task<Outcome<AgentOffer, WithdrawalRefusal>> ChangeOfferAsync(
        SqlSession session, Id<User> publisher, ListingName listing, Func<IReadOnlyList<OfferRow>, Task<IEnumerable<OfferRow>>> change)
    {
        var which = new { listing.Publisher, listing.Name, listing.Version, publisherId = publisher };
        var meant = $"{OfAgent} AND publisher_id = @publisherId{(listing.Version is null ? "" : " AND version = @Version")}";
        if (await session.QueryFirstOrDefaultAsync<Id<AgentVersion>?>($"SELECT id FROM agent_versions WHERE {meant} LIMIT 1", which) is not { } any)
            return new Refusal<WithdrawalRefusal>(WithdrawalRefusal.AgentNotYours, $"You have published no agent {listing}.");
        await SqlAgentListings.LockAsync(session, listing.Publisher, listing.Name, any);
        var changed = await change(await session.QueryAsync<OfferRow>($"SELECT {OfferRow.Columns} FROM agent_versions WHERE {meant}", which));
        var newest = await SqlAgentListings.RefreshAsync(session, index, listing.Publisher, listing.Name);
        return new AgentOffer(listing with { Version = null }, [.. changed.Select(row => SemanticVersion.Parse(row.Version)).Order()], newest?.Manifest.Version);
    }

    private Task SayAsync(SqlSession session, Id<User> publisher, ListingName agent, IEnumerable<OfferRow> versions, bool isWithdrawn, string? reason) =>
        statements?.WithdrawAsync(session, publisher, versions.Select(row => (agent.Name, SemanticVersion.Parse(row.Version))), isWithdrawn, reason) ?? Task.CompletedTask;

    // Not why: those are words of a person, which an erasure would have to find in the stream.
    private static Task TellAsync(SqlSession session, string type, ListingName agent, IEnumerable<OfferRow> versions, DateTimeOffset now) => SqlEvents.AppendAsync(
        session,
        [.. versions.Select(row => NewEvent.Create(type, row.Id.ToString(), null, now, json =>
        {
            json.WriteString("agentId", row.Id.ToString());
            json.WriteString("listing", $"{agent.Publisher}/{agent.Name}@{row.Version}");
        }))]);

    private async Task<Outcome<AgentVersion, PublishRefusal>> AddAsync(
        SqlSession session, AgentVersion version, IReadOnlyList<(ContentHash Digest, long SizeBytes)> content, NewEvent published)
    {
        var manifest = version.Manifest;
        var stored = JsonSerializer.Serialize(ManifestBody.Of(manifest), StoaJson.Default.AgentManifestBody);
        var added = await session.ExecuteAsync(
            """
            INSERT INTO agent_versions
                (id, publisher_id, publisher, name, version, manifest, artifact_digest, program_digest, program_bytes, published_at, royalties, uses)
            VALUES (@id, @publisherId, @publisher, @name, @version, @manifest, @artifact, @program, @bytes, @at, @royalties, @uses)
            ON CONFLICT (publisher, name, version) DO NOTHING
            """,
            new
            {
                id = version.Id,
                publisherId = version.PublisherId,
                publisher = version.Publisher,
                name = manifest.Name,
                version = manifest.Version,
                manifest = stored,
                artifact = version.ArtifactDigest,
                program = version.ProgramDigest,
                bytes = version.ProgramBytes,
                at = version.PublishedAt,
                royalties = RoyaltyJson.Write(version.Royalties),
                uses = version.Uses.Count == 0 ? null : string.Join(' ', version.Uses),
            });
        if (added == 0)
            return await AnswerExistingAsync(session, version);
        // Of two publications of one agent at once each misses the other's version, unless they come one after another.
        await SqlAgentListings.LockAsync(session, version.Publisher, manifest.Name, version.Id);
        await SqlAgentListings.RefreshAsync(session, index, version.Publisher, manifest.Name);
        foreach (var (digest, sizeBytes) in content)
            await SqlContentOwners.GrantAsync(session, new ContentDescriptor(digest, sizeBytes), owner: null);
        await SqlUserUsage.AddContentAsync(session, version.PublisherId, version.ProgramBytes);
        if (statements is not null)
            await statements.ListAsync(session, version with { ManifestJson = version.ManifestJson ?? stored });
        await SqlEvents.AppendAsync(session, [published]);
        return version;
    }

    private static async Task<Outcome<AgentVersion, PublishRefusal>> AnswerExistingAsync(SqlSession session, AgentVersion version)
    {
        var row = await FindExactAsync(session, version.Publisher, version.Manifest.Name, version.Manifest.Version);
        var existing = row!.ToVersion();
        if (existing.ArtifactDigest != version.ArtifactDigest)
        {
            return new Refusal<PublishRefusal>(
                PublishRefusal.VersionExists,
                $"{existing.Listing} was published before with other content, and a version never changes; raise the version.");
        }

        return await session.QuerySingleAsync<DateTimeOffset?>("SELECT withdrawn_at FROM agent_versions WHERE id = @Id", new { existing.Id }) is null
            ? existing
            : new Refusal<PublishRefusal>(
                PublishRefusal.VersionWithdrawn,
                $"{existing.Listing} was published before, and withdrawn. Reinstate it with DELETE /api/v1/agents/{existing.Publisher}/{existing.Manifest.Name}/{existing.Manifest.Version}/withdrawal, or raise the version.");
    }

    private static Task<AgentRow?> FindExactAsync(SqlSession session, string publisher, string name, SemanticVersion version) =>
        session.QueryFirstOrDefaultAsync<AgentRow>(
            $"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.publisher = @publisher AND v.name = @name AND v.version = @version",
            new { publisher, name, version });

    /// <summary>Whether a version is offered.</summary>
    private sealed record OfferRow(Id<AgentVersion> Id, string Version, DateTimeOffset? WithdrawnAt, string? WithdrawalReason, bool WithdrawnAsWhole)
    {
        public const string Columns = "id, version, withdrawn_at, withdrawal_reason, withdrawn_as_whole";

        public Withdrawal? Withdrawal => WithdrawnAt is { } at ? new Withdrawal(at, WithdrawalReason) : null;
    }
}
