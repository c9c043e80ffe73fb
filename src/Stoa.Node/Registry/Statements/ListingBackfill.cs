using System.Text.Json;
using Stoa.Market.Builds;
using Stoa.Market.Registry;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Says to the network what was published before there were statements. How far it is, is written with each portion: whichever node of the cell goes on, goes on there.</summary>
public sealed class ListingBackfill(Database database, IContentStore content, PublisherStatements statements, ILogger<ListingBackfill> logger)
{
    private const int AtOnce = 20;

    /// <summary>Does all that is left.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (await RunPortionAsync(cancellationToken))
        {
        }
    }

    /// <summary>Does a portion.</summary>
    /// <returns>Whether there may be more.</returns>
    internal async Task<bool> RunPortionAsync(CancellationToken cancellationToken)
    {
        var (last, rows, total) = await database.ReadAsync(ReadAsync, cancellationToken);
        if (last is null)
            return false;
        List<(OldVersion Row, AgentVersion Version)> versions = [];
        foreach (var row in rows)
        {
            // Of who was erased, or is called otherwise now, nothing more is said.
            if (row.Handle != row.Publisher)
                continue;
            var version = row.ToAgentRow().ToVersion();
            versions.Add((row, version with { ManifestJson = await ReadManifestAsync(version.ArtifactDigest, cancellationToken) ?? row.Manifest }));
        }

        var done = await database.WriteAsync(session => WriteAsync(session, last, rows, versions), cancellationToken);
        if (done is { } count && total > 0)
            logger.LogInformation("Of {Total} versions that were published before the registry had statements, {Done} have theirs.", total, count);
        return done is null || rows.Count == AtOnce;
    }

    private static async Task<(string? Last, IReadOnlyList<OldVersion> Rows, long Total)> ReadAsync(SqlSession session)
    {
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT last_id FROM listing_backfill") is not { } last)
            return (null, [], 0);
        var rows = await session.QueryAsync<OldVersion>(
            $"SELECT {AgentRow.Columns}, v.withdrawn_at, v.withdrawal_reason, u.handle FROM agent_versions v LEFT JOIN users u ON u.id = v.publisher_id WHERE v.id > @last ORDER BY v.id LIMIT @limit",
            new { last, limit = AtOnce });
        return (last, rows, rows.Count == 0 ? 0 : await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM agent_versions"));
    }

    private async Task<long?> WriteAsync(SqlSession session, string last, IReadOnlyList<OldVersion> rows, IReadOnlyList<(OldVersion Row, AgentVersion Version)> versions)
    {
        // Another node of the cell may have done this portion meanwhile.
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT last_id FROM listing_backfill {for update}") != last)
            return null;
        foreach (var (row, version) in versions)
        {
            await statements.ListAsync(session, version, new Hlc(version.PublishedAt.ToUnixTimeMilliseconds(), 0));
            if (row.WithdrawnAt is not null)
                await statements.WithdrawAsync(session, version.PublisherId, [(version.Manifest.Name, version.Manifest.Version)], isWithdrawn: true, row.WithdrawalReason);
        }

        var done = await session.QuerySingleAsync<long>("SELECT done FROM listing_backfill") + rows.Count;
        if (rows.Count < AtOnce)
            await session.ExecuteAsync("DELETE FROM listing_backfill");
        else
            await session.ExecuteAsync("UPDATE listing_backfill SET last_id = @last, done = @done", new { last = rows[^1].Id.ToString(), done });
        return done;
    }

    /// <summary>The text of agent.json as it was published; null when it is not stored any more, or is not this version's.</summary>
    private async Task<string?> ReadManifestAsync(ContentHash artifact, CancellationToken cancellationToken)
    {
        try
        {
            await using var oci = await content.OpenAsync(artifact, cancellationToken);
            if (oci is null)
                return null;
            using var document = await JsonDocument.ParseAsync(oci, default, cancellationToken);
            await using var config = await content.OpenAsync(ContentHash.Parse(document.RootElement.GetProperty("config").GetProperty("digest").GetString()), cancellationToken);
            if (config is null)
                return null;
            using var bytes = new MemoryStream();
            await config.CopyToAsync(bytes, cancellationToken);
            return ManifestText.Of(bytes.ToArray());
        }
        catch (Exception damaged) when (damaged is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private sealed record OldVersion(
        Id<AgentVersion> Id,
        Id<Market.Identity.User> PublisherId,
        string Publisher,
        string Manifest,
        ContentHash ArtifactDigest,
        ContentHash ProgramDigest,
        long ProgramBytes,
        DateTimeOffset PublishedAt,
        string? Royalties,
        string? Uses,
        DateTimeOffset? WithdrawnAt,
        string? WithdrawalReason,
        string? Handle)
    {
        public AgentRow ToAgentRow() => new(Id, PublisherId, Publisher, Manifest, ArtifactDigest, ProgramDigest, ProgramBytes, PublishedAt, Royalties, Uses);
    }
}
