using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The kept ends of logs inside a session. Their bytes are content of the task; of those that lost their beginning it is noted how much that was.</summary>
internal static class SqlTaskLogs
{
    private static readonly SqlRows<AttemptEnd> s_insertStarts = SqlRows<AttemptEnd>.Insert(
        "task_log_starts",
        [
            SqlField<AttemptEnd>.OfId("task_id", end => end.Task.Id),
            SqlField<AttemptEnd>.OfInteger("start_bytes", end => end.Log.Start),
        ]);

    /// <summary>Notes the beginnings that were not kept. Most logs are whole, and cost nothing here.</summary>
    public static Task AddStartsAsync(SqlSession session, IReadOnlyList<AttemptEnd> ends) =>
        session.SendRowsAsync(s_insertStarts, [.. ends.Where(end => end.Log.Start > 0 && !end.Log.IsEmpty)]);

    /// <summary>The kept end; empty when there is nothing.</summary>
    public static async Task<KeptLog> ReadAsync(SqlSession session, Id<AgentTask> id) =>
        await session.QueryFirstOrDefaultAsync<LogRow>(
            """
            SELECT content.bytes, COALESCE(starts.start_bytes, 0) AS start_bytes
            FROM task_content AS content LEFT JOIN task_log_starts AS starts ON starts.task_id = content.task_id
            WHERE content.task_id = @id AND content.kind = 'log'
            """,
            new { id }) is { } row
            ? new KeptLog(row.Bytes, row.StartBytes)
            : default;

    private sealed record LogRow(byte[] Bytes, long StartBytes);
}
