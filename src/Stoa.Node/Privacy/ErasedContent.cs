using System.Text.Json;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Node.Builds;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>What an erasure takes out of the content store, which has no part in transactions: first the bytes, then the row that leads to them, so that whoever goes on finds what is left.</summary>
internal sealed class ErasedContent(Database database, IContentStore content)
{
    private const int DigestsAtOnce = 100;
    private const int MaxOciManifestBytes = 1 << 20;

    private static readonly string[] s_ofAgents = ["agent_stats", "agent_ratings"];

    // A file that another upload has just brought is no leftover.
    private static readonly TimeSpan s_young = TimeSpan.FromHours(1);

    /// <summary>Deletes uploads and outputs that nobody else owns, a portion of them.</summary>
    /// <returns>Whether there may be more.</returns>
    public async Task<bool> DeleteAsync(Id<User> user, CancellationToken cancellationToken)
    {
        var digests = await database.ReadAsync(
            session => session.QueryAsync<string>("SELECT digest FROM content_owners WHERE owner = @user ORDER BY digest LIMIT @limit", new { user, limit = DigestsAtOnce }),
            cancellationToken);
        foreach (var digest in digests)
        {
            await DeleteUnlessOwnedAsync(digest, user.ToString(), cancellationToken);
            await database.WriteAsync(
                session => session.ExecuteAsync("DELETE FROM content_owners WHERE digest = @digest AND owner = @user", new { digest, user }), cancellationToken);
        }

        return digests.Count == DigestsAtOnce;
    }

    /// <summary>Deletes versions that no task ever had, with their programs, and what is known of agents that have no version any more.</summary>
    /// <remarks>They were withdrawn before, so no task comes to them. Versions on which others have built and those that others call stay, as those do that receipts name.</remarks>
    public async Task DeleteUnusedVersionsAsync(Id<User> user, CancellationToken cancellationToken)
    {
        var unused = await database.ReadAsync(
            session => session.QueryAsync<(Id<AgentVersion> Id, string Agent, string Artifact, string Program)>(
                """
                SELECT v.id, v.publisher || '/' || v.name AS agent, v.artifact_digest, v.program_digest FROM agent_versions AS v
                WHERE v.publisher_id = @user AND v.withdrawn_at IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM tasks AS t WHERE t.agent_id = v.id)
                    AND NOT EXISTS (
                        SELECT 1 FROM agent_versions AS o WHERE o.id <> v.id AND (o.royalties LIKE '%' || v.id || '%' OR o.uses LIKE '%' || v.id || '%'))
                """,
                new { user }),
            cancellationToken);
        foreach (var (id, agent, artifact, program) in unused)
        {
            foreach (var digest in (string?[])[await FindConfigAsync(artifact, cancellationToken), program, artifact])
            {
                if (digest is null || await IsOfOtherVersionAsync(digest, id, cancellationToken))
                    continue;
                await DeleteUnlessOwnedAsync(digest, "", cancellationToken);
                await database.WriteAsync(session => session.ExecuteAsync("DELETE FROM content_owners WHERE digest = @digest AND owner = ''", new { digest }), cancellationToken);
            }

            await database.WriteAsync(
                async session =>
                {
                    await session.ExecuteAsync("DELETE FROM events WHERE subject = @id", new { id });
                    await session.ExecuteAsync("DELETE FROM agent_versions WHERE id = @id", new { id });
                    foreach (var table in s_ofAgents)
                    {
                        await session.ExecuteAsync(
                            $"DELETE FROM {table} WHERE agent = @agent AND NOT EXISTS (SELECT 1 FROM agent_versions AS v WHERE v.publisher || '/' || v.name = @agent)", new { agent });
                    }
                },
                cancellationToken);
        }
    }

    /// <summary>Deletes the files of this node whose content the cell has no more: it may have fetched them from a node that is down by now.</summary>
    public async Task SweepAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (content is CellContentStore cell)
            await cell.SweepAsync(now - s_young, cancellationToken);
    }

    private async Task DeleteUnlessOwnedAsync(string digest, string owner, CancellationToken cancellationToken)
    {
        if (await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM content_owners WHERE digest = @digest AND owner <> @owner LIMIT 1", new { digest, owner }),
            cancellationToken) is null)
        {
            await content.DeleteAsync(ContentHash.Parse(digest), cancellationToken);
        }
    }

    private async Task<bool> IsOfOtherVersionAsync(string digest, Id<AgentVersion> id, CancellationToken cancellationToken) => await database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<long?>(
            "SELECT 1 FROM agent_versions WHERE id <> @id AND (artifact_digest = @digest OR program_digest = @digest) LIMIT 1", new { id, digest }),
        cancellationToken) is not null;

    /// <summary>The digest of agent.json, which only the artifact names; null when the artifact is gone already.</summary>
    private async Task<string?> FindConfigAsync(string artifact, CancellationToken cancellationToken)
    {
        await using var stream = await content.OpenAsync(ContentHash.Parse(artifact), cancellationToken);
        if (stream is null || stream.Length > MaxOciManifestBytes)
            return null;
        using var manifest = await JsonDocument.ParseAsync(stream, cancellationToken: cancellationToken);
        return manifest.RootElement.GetProperty("config").GetProperty("digest").GetString();
    }
}
