using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The open tasks of agents whose price follows demand, inside a session: in <c>task_demand</c>, where no other task is.</summary>
/// <remarks>A row stays when its task ends, so that ends cost nothing more; whoever counts leaves it out, and <see cref="DemandKeeper"/> takes it away.</remarks>
internal static class SqlTaskDemand
{
    // Rows of ended tasks stay for a second or so.
    private const int MaxEndedLooked = 1_000;

    private static readonly SqlRows<Row> s_insert = SqlRows<Row>.Insert(
        "task_demand",
        [
            SqlField<Row>.OfId("task_id", row => row.TaskId),
            SqlField<Row>.OfId("agent_id", row => row.AgentId),
            SqlField<Row>.OfId("owner_id", row => row.OwnerId),
            SqlField<Row>.OfInteger("due_at", row => row.DueAt.ToUnixTimeMilliseconds()),
            SqlField<Row>.OfInteger("factor", row => row.Factor),
        ]);

    /// <summary>Adds those of new tasks whose agents have a demand factor.</summary>
    public static Task AddAsync(SqlSession session, IEnumerable<NewTask> submissions) => session.SendRowsAsync(
        s_insert,
        [.. submissions.Where(submission => submission.Demand is not null)
            .Select(submission => Row.Of(submission.Task, submission.Task.AgentId, ((TaskState.Queued)submission.Task.State).DueAt, submission.Demand!.Value))]);

    /// <summary>Adds a task that was put out to bids, when who has it by that has a demand factor.</summary>
    public static Task AddAsync(SqlSession session, AgentTask task, DateTimeOffset now) => session.SendRowsAsync(
        s_insert, task.Auction!.Current is { Demand: { } factor } agent ? [Row.Of(task, agent.AgentId, now, factor)] : []);

    /// <summary>Has a task that was put off count from now on.</summary>
    public static Task BringForwardAsync(SqlSession session, Id<AgentTask> task, DateTimeOffset now) =>
        session.SendAsync("UPDATE task_demand SET due_at = @now WHERE task_id = @task AND due_at > @now", new { task, now });

    /// <summary>Moves tasks to their next agents.</summary>
    public static async Task ReassignAsync(SqlSession session, IEnumerable<AttemptEnd> ends)
    {
        var moved = ends.Where(end => end.Reassignment is not null).ToList();
        if (moved.Count == 0)
            return;
        await session.SendAsync("DELETE FROM task_demand WHERE task_id IN @ids", new { ids = moved.Select(end => end.Task.Id) });
        await session.SendRowsAsync(
            s_insert,
            [.. moved.Where(end => end.Reassignment!.Demand is not null)
                .Select(end => Row.Of(end.Task, end.Task.AgentId, end.Task.CreatedAt, end.Reassignment!.Demand!.Value))]);
    }

    /// <summary>How many tasks of a version are due or run, of each consumer up to his share, and of all others than one up to the capacity.</summary>
    /// <remarks>It jumps from consumer to consumer and reads little more of each than counts, whatever waits, is not due or has just been cancelled.</remarks>
    public static async Task<OpenTasks> CountOpenAsync(
        SqlSession session, Id<AgentVersion> agent, Id<User> consumer, DemandFactor demand, DateTimeOffset now)
    {
        const string open =
            """
            SELECT 1 FROM (
                SELECT d.task_id FROM task_demand AS d WHERE d.agent_id = @agent AND d.owner_id = {0} AND d.due_at <= @now
                ORDER BY d.due_at DESC LIMIT @looked) AS newest
            WHERE NOT EXISTS (SELECT 1 FROM task_ends AS e WHERE e.task_id = newest.task_id)
            LIMIT @ConsumerShare
            """;
        var (own, others) = await session.QuerySingleAsync<(long Own, long Others)>(
            $"""
            WITH RECURSIVE consumers (owner_id, before) AS (
                SELECT (SELECT MIN(f.owner_id) FROM task_demand AS f WHERE f.agent_id = @agent), CAST(0 AS BIGINT)
                UNION ALL
                SELECT (SELECT MIN(n.owner_id) FROM task_demand AS n WHERE n.agent_id = @agent AND n.owner_id > c.owner_id),
                    c.before + CASE WHEN c.owner_id = @consumer THEN 0 ELSE (SELECT COUNT(*) FROM ({open.Replace("{0}", "c.owner_id", StringComparison.Ordinal)}) AS his) END
                FROM consumers AS c WHERE c.owner_id IS NOT NULL AND c.before < @Capacity)
            SELECT (SELECT COUNT(*) FROM ({open.Replace("{0}", "@consumer", StringComparison.Ordinal)}) AS own), (SELECT MAX(before) FROM consumers)
            """,
            new { agent, consumer, now, demand.ConsumerShare, demand.Capacity, looked = demand.ConsumerShare + MaxEndedLooked });
        return new OpenTasks((int)own, (int)Math.Min(others, demand.Capacity));
    }

    /// <summary>The factor that was fixed for a task; null for none.</summary>
    public static async Task<int?> FindAsync(SqlSession session, Id<AgentTask> id) =>
        (int?)await session.QueryFirstOrDefaultAsync<long?>("SELECT factor FROM task_demand WHERE task_id = @id", new { id });

    /// <summary>Of each version and consumer that have rows here, how many tasks are due or run, and how many have ended.</summary>
    public static Task<IReadOnlyList<(Id<AgentVersion> Agent, long Open, long Ended)>> CountAllAsync(SqlSession session, DateTimeOffset now) =>
        session.QueryAsync<(Id<AgentVersion> Agent, long Open, long Ended)>(
            """
            SELECT d.agent_id, COUNT(CASE WHEN e.task_id IS NULL AND d.due_at <= @now THEN 1 END), COUNT(e.task_id)
            FROM task_demand AS d LEFT JOIN task_ends AS e ON e.task_id = d.task_id
            GROUP BY d.agent_id, d.owner_id
            """,
            new { now });

    /// <summary>Takes out tasks that have ended, so many at the most.</summary>
    public static Task<int> ForgetEndedAsync(SqlSession session, int most) => session.ExecuteAsync(
        """
        DELETE FROM task_demand WHERE task_id IN (
            SELECT d.task_id FROM task_demand AS d WHERE EXISTS (SELECT 1 FROM task_ends AS e WHERE e.task_id = d.task_id) LIMIT @most)
        """,
        new { most });

    private sealed record Row(Id<AgentTask> TaskId, Id<AgentVersion> AgentId, Id<User> OwnerId, DateTimeOffset DueAt, int Factor)
    {
        public static Row Of(AgentTask task, Id<AgentVersion> agent, DateTimeOffset dueAt, int factor) => new(task.Id, agent, task.OwnerId, dueAt, factor);
    }
}
