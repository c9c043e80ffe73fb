using Stoa.Market.Selection;
using Stoa.Node.Storage;

namespace Stoa.Node.Selection;

/// <summary>Statistics of agents in <c>agent_stats</c>.</summary>
public sealed class SqlAgentStatsStore(Database database) : IAgentStatsStore
{
    public Task<IReadOnlyList<AgentStats>> RecordAsync(IReadOnlyList<EndedAttempt> ended, CancellationToken cancellationToken) =>
        database.WriteAsync(session => SqlAgentStats.RecordAsync(session, ended), cancellationToken);

    public Task<IReadOnlyList<AgentStats>> ListChangedAsync(DateTimeOffset since, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<AgentStats>>(
            async session => [.. (await session.QueryAsync<AgentStatsRow>(
                $"SELECT {AgentStatsRow.Columns} FROM agent_stats WHERE updated_at >= @since ORDER BY updated_at, agent", new { since })).Select(row => row.ToStats())],
            cancellationToken);

    public Task<AgentStats?> FindAsync(string agent, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session => (await session.QueryFirstOrDefaultAsync<AgentStatsRow>(
                $"SELECT {AgentStatsRow.Columns} FROM agent_stats WHERE agent = @agent", new { agent }))?.ToStats(),
            cancellationToken);
}
