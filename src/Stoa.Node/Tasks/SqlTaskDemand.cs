using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The open tasks of agents whose price follows demand, inside a session: in <c>task_demand</c>, where no other task is.</summary>
/// <remarks>A row stays when its task ends, so that ends cost nothing more; whoever counts leaves it out, and <see cref="DemandKeeper"/> takes it away.</remarks>
internal static class SqlTaskDemand
{
    private static readonly SqlRows<Row> s_insert = SqlRows<Row>.Insert(
        "task_demand",
        [
            SqlField<Row>.OfText("task_id", row => row.TaskId.ToString()),
            SqlField<Row>.OfText("agent_id", row => row.AgentId.ToString()),
            SqlField<Row>.OfInteger("factor", row => row.Factor),
        ]);

    /// <summary>Adds those of new tasks whose agents have a demand factor.</summary>
    public static Task AddAsync(SqlSession session, IEnumerable<NewTask> submissions) => session.SendRowsAsync(
        s_insert,
        [.. submissions.Where(submission => submission.Demand is not null).Select(submission => new Row(submission.Task.Id, submission.Task.AgentId, submission.Demand!.Value))]);

    /// <summary>Adds a task that was put out to bids, when who has it by that has a demand factor.</summary>
    public static Task AddAsync(SqlSession session, Id<AgentTask> task, AwardedAgent? agent) => session.SendRowsAsync(
        s_insert, agent is { Demand: { } factor } ? [new Row(task, agent.AgentId, factor)] : []);

    /// <summary>Moves tasks to their next agents.</summary>
    public static async Task ReassignAsync(SqlSession session, IEnumerable<AttemptEnd> ends)
    {
        var moved = ends.Where(end => end.Reassignment is not null).ToList();
        if (moved.Count == 0)
            return;
        await session.SendAsync("DELETE FROM task_demand WHERE task_id IN @ids", new { ids = moved.Select(end => end.Task.Id) });
        await session.SendRowsAsync(
            s_insert,
            [.. moved.Where(end => end.Reassignment!.Demand is not null).Select(end => new Row(end.Task.Id, end.Task.AgentId, end.Reassignment!.Demand!.Value))]);
    }

    /// <summary>How many tasks of a version wait or run, up to a number.</summary>
    public static Task<int> CountOpenAsync(SqlSession session, Id<AgentVersion> agent, int most) => session.QuerySingleAsync<int>(
        """
        SELECT COUNT(*) FROM (
            SELECT d.task_id FROM task_demand AS d
            WHERE d.agent_id = @agent AND NOT EXISTS (SELECT 1 FROM task_ends AS e WHERE e.task_id = d.task_id)
            LIMIT @most) AS waiting
        """,
        new { agent, most });

    /// <summary>The factor that was fixed for a task; null for none.</summary>
    public static async Task<int?> FindAsync(SqlSession session, Id<AgentTask> id) =>
        (int?)await session.QueryFirstOrDefaultAsync<long?>("SELECT factor FROM task_demand WHERE task_id = @id", new { id });

    /// <summary>Of each version that has rows here, how many there are and how many of them have ended.</summary>
    public static Task<IReadOnlyList<(Id<AgentVersion> Agent, long Count, long Ended)>> CountAllAsync(SqlSession session) =>
        session.QueryAsync<(Id<AgentVersion> Agent, long Count, long Ended)>(
            """
            SELECT d.agent_id, COUNT(*), COUNT(e.task_id) FROM task_demand AS d LEFT JOIN task_ends AS e ON e.task_id = d.task_id
            GROUP BY d.agent_id
            """);

    /// <summary>Takes out tasks that have ended, so many at the most.</summary>
    public static Task<int> ForgetEndedAsync(SqlSession session, int most) => session.ExecuteAsync(
        """
        DELETE FROM task_demand WHERE task_id IN (
            SELECT d.task_id FROM task_demand AS d WHERE EXISTS (SELECT 1 FROM task_ends AS e WHERE e.task_id = d.task_id) LIMIT @most)
        """,
        new { most });

    private sealed record Row(Id<AgentTask> TaskId, Id<AgentVersion> AgentId, int Factor);
}
