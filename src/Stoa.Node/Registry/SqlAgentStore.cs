using System.Collections.Concurrent;
using System.Text.Json;
using Stoa.Client;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
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

    // A version never changes; reading its manifest takes longer than asking which version a name means.
    private readonly ConcurrentDictionary<Id<AgentVersion>, AgentVersion> _remembered = new();

    public Task<Outcome<AgentVersion, PublishRefusal>> AddAsync(
        AgentVersion version, NewEvent published, CancellationToken cancellationToken) =>
        database.WriteAsync(session => AddAsync(session, version, published), cancellationToken);

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

    public async Task<AgentVersion?> FindPublishedAsync(ListingName listing, CancellationToken cancellationToken)
    {
        var id = await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<Id<AgentVersion>?>(
                "SELECT id FROM agent_versions WHERE publisher = @Publisher AND name = @Name AND version = @Version", listing),
            cancellationToken);
        return id is { } found ? await GetAsync(found, cancellationToken) : null;
    }

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

    public Task<Page<AgentVersion>> ListVersionsAsync(string publisher, string name, PageRequest page, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                // The order of versions is none of a database's: their names are put in order here, and only the page's are read in whole.
                var found = await session.QueryAsync<(Id<AgentVersion> Id, string Version)>(
                    "SELECT id, version FROM agent_versions WHERE publisher = @publisher AND name = @name AND withdrawn_at IS NULL", new { publisher, name });
                var wanted = found
                    .Select(row => (row.Id, Version: SemanticVersion.Parse(row.Version)))
                    .Where(row => !SemanticVersion.TryParse(page.Cursor, null, out var after) || row.Version < after)
                    .OrderByDescending(row => row.Version)
                    .Take(page.Limit + 1)
                    .ToList();
                var ids = wanted.Take(page.Limit).Select(row => row.Id).ToList();
                var rows = await session.QueryAsync<AgentRow>($"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.id IN @ids", new { ids });
                List<AgentVersion> items = [.. rows.Select(row => row.ToVersion()).OrderByDescending(version => version.Manifest.Version)];
                return new Page<AgentVersion>(items, wanted.Count > page.Limit ? items[^1].Manifest.Version.ToString() : null);
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

    private async Task<Outcome<AgentVersion, PublishRefusal>> AddAsync(SqlSession session, AgentVersion version, NewEvent published)
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
        await PointToNewestAsync(session, version);
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
        return existing.ArtifactDigest == version.ArtifactDigest
            ? existing
            : new Refusal<PublishRefusal>(
                PublishRefusal.VersionExists,
                $"{existing.Listing} was published before with other content, and a version never changes; raise the version.");
    }

    private async Task PointToNewestAsync(SqlSession session, AgentVersion version)
    {
        var (publisher, name, id) = (version.Publisher, version.Manifest.Name, version.Id);
        await session.ExecuteAsync(
            """
            INSERT INTO agent_listings (publisher, name, newest_id, search_text) VALUES (@publisher, @name, @id, '')
            ON CONFLICT (publisher, name) DO NOTHING
            """,
            new { publisher, name, id });
        // Of two publications of one agent at once, each misses the other's version: the lock on the listing puts them in a row.
        var newestId = await session.QuerySingleAsync<Id<AgentVersion>>(
            "SELECT newest_id FROM agent_listings WHERE publisher = @publisher AND name = @name {for update}", new { publisher, name });
        if (newestId != id)
        {
            var newest = await session.QuerySingleAsync<AgentRow>(
                $"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.id = @newestId", new { newestId });
            if (Rank(newest.ToVersion()).CompareTo(Rank(version)) > 0)
                return;
        }

        await session.ExecuteAsync(
            "UPDATE agent_listings SET newest_id = @id, search_text = @text WHERE publisher = @publisher AND name = @name",
            new { id, text = AgentSearch.TextOf(version), publisher, name });
        await session.ExecuteAsync("DELETE FROM agent_capabilities WHERE publisher = @publisher AND name = @name", new { publisher, name });
        await session.ExecuteEachAsync(
            "INSERT INTO agent_capabilities (capability, publisher, name) VALUES (@capability, @publisher, @name)",
            version.Manifest.Capabilities.Select(capability => new { capability, publisher, name }));
        session.OnCommitted(() => index?.Put(IndexedAgent.Of(version)));
    }

    /// <summary>Releases before pre-releases, then by precedence.</summary>
    private static (bool IsRelease, SemanticVersion Version) Rank(AgentVersion version) =>
        (version.Manifest.Version.PreRelease.Length == 0, version.Manifest.Version);

    private static Task<AgentRow?> FindExactAsync(SqlSession session, string publisher, string name, SemanticVersion version) =>
        session.QueryFirstOrDefaultAsync<AgentRow>(
            $"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.publisher = @publisher AND v.name = @name AND v.version = @version",
            new { publisher, name, version });
}
