using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry;

/// <summary>What of an agent is offered: its row in <c>agent_listings</c>, in acts that others begin. Whoever changes which versions are offered holds that row.</summary>
internal static class SqlAgentListings
{
    private const string OfAgent = "publisher = @publisher AND name = @name";

    /// <summary>Takes the lock of an agent, until the act ends.</summary>
    /// <param name="session">Of the act.</param>
    /// <param name="publisher">Handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="any">A version of it: the row is made where there is none.</param>
    public static Task LockAsync(SqlSession session, string publisher, string name, Id<AgentVersion> any) => session.ExecuteAsync(
        """
        INSERT INTO agent_listings (publisher, name, newest_id, search_text) VALUES (@publisher, @name, @any, '')
        ON CONFLICT (publisher, name) DO UPDATE SET newest_id = agent_listings.newest_id
        """,
        new { publisher, name, any });

    /// <summary>Withdraws all versions of an agent that are offered. The lock is held.</summary>
    public static Task<int> WithdrawAllAsync(SqlSession session, string publisher, string name, string? reason, DateTimeOffset now) => session.ExecuteAsync(
        $"UPDATE agent_versions SET withdrawn_at = @now, withdrawal_reason = @reason, withdrawn_as_whole = TRUE WHERE {OfAgent} AND withdrawn_at IS NULL",
        new { publisher, name, reason, now });

    /// <summary>Has the listing say what is offered: the newest version, or nothing, and then it is not in the catalogue. The lock is held.</summary>
    /// <returns>The newest version.</returns>
    public static async Task<AgentVersion?> RefreshAsync(SqlSession session, AgentIndex? index, string publisher, string name)
    {
        var offered = await session.QueryAsync<(Id<AgentVersion> Id, string Version)>(
            $"SELECT id, version FROM agent_versions WHERE {OfAgent} AND withdrawn_at IS NULL", new { publisher, name });
        await session.ExecuteAsync($"DELETE FROM agent_capabilities WHERE {OfAgent}", new { publisher, name });
        if (offered.Count == 0)
        {
            await session.ExecuteAsync($"DELETE FROM agent_listings WHERE {OfAgent}", new { publisher, name });
            session.OnCommitted(() => index?.Withdraw($"{publisher}/{name}"));
            return null;
        }

        var newestId = offered.MaxBy(version => Rank(SemanticVersion.Parse(version.Version))).Id;
        var newest = (await session.QuerySingleAsync<AgentRow>($"SELECT {AgentRow.Columns} FROM agent_versions v WHERE v.id = @newestId", new { newestId })).ToVersion();
        await session.ExecuteAsync(
            $"UPDATE agent_listings SET newest_id = @newestId, search_text = @text WHERE {OfAgent}", new { newestId, text = AgentSearch.TextOf(newest), publisher, name });
        await session.ExecuteEachAsync(
            "INSERT INTO agent_capabilities (capability, publisher, name) VALUES (@capability, @publisher, @name)",
            newest.Manifest.Capabilities.Select(capability => new { capability, publisher, name }));
        session.OnCommitted(() => index?.Put(IndexedAgent.Of(newest)));
        return newest;
    }

    /// <summary>Releases before pre-releases, then by precedence.</summary>
    private static (bool IsRelease, SemanticVersion Version) Rank(SemanticVersion version) => (version.PreRelease.Length == 0, version);
}
