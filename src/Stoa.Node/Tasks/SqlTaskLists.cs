using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Lists of tasks inside a session. Each reads about as many rows as it answers, however many tasks there are.</summary>
internal static class SqlTaskLists
{
    /// <summary>How many of a consumer's newest tasks are looked through for those that wait.</summary>
    public const int Newest = 1_000;

    // The first character behind an id's prefix is at most a 7.
    private const string BehindAll = "task_z";

    // Asked of each of the few in turn: of a join PostgreSQL would make a walk along all tasks of the owner.
    private const string OfOwner =
        "WHERE f.task_id < @before AND (SELECT t.owner_id FROM tasks AS t WHERE t.id = f.task_id) = @owner ORDER BY f.task_id DESC LIMIT @limit";

    private const string Running = $"SELECT f.task_id FROM leases AS f {OfOwner}";

    private const string Waiting =
        $"""
        SELECT f.task_id FROM (
            SELECT task_id FROM queue UNION ALL SELECT task_id FROM regional_queue UNION ALL SELECT task_id FROM delayed
            UNION ALL SELECT task_id FROM auctions WHERE state = 'Open' AND owner_id = @owner) AS f
        {OfOwner}
        """;

    /// <summary>A consumer's tasks, newest first: all of them, or those in one state.</summary>
    public static async Task<Page<AgentTask>> ListAsync(SqlSession session, Id<User> owner, string? state, PageRequest page)
    {
        var before = Id<AgentTask>.TryParse(page.Cursor, out var cursor) ? cursor.ToString() : BehindAll;
        var asked = new { owner, before, state, limit = page.Limit + 1, newest = Newest };
        var rows = state switch
        {
            TaskStateNames.Failed or TaskStateNames.Cancelled => await FoundAsync(Ended(state)),
            TaskStateNames.Running => await FoundAsync(Running),
            TaskStateNames.Queued => await ListWaitingAsync(),
            _ => await session.QueryAsync<TaskRow>(
                $"{TaskRow.Select} WHERE owner_id = @owner AND id < @before{(state is null ? "" : " AND state = @state")} ORDER BY id DESC LIMIT @limit", asked),
        };
        var items = ToTasks(rows.Take(page.Limit));
        return new Page<AgentTask>(items, rows.Count > page.Limit ? items[^1].Id.ToString() : null);

        Task<IReadOnlyList<TaskRow>> FoundAsync(string ids) =>
            session.QueryAsync<TaskRow>($"{TaskRow.Select} WHERE id IN ({ids}) ORDER BY id DESC LIMIT @limit", asked);

        // What waits is mostly new, and others may have much more in the queue than this consumer has tasks. Only who has many tasks, and of
        // the newest of them few that wait, has all that waits looked through.
        async Task<IReadOnlyList<TaskRow>> ListWaitingAsync()
        {
            const string newest = "SELECT id FROM tasks WHERE owner_id = @owner AND id < @before ORDER BY id DESC LIMIT @newest";
            var found = await session.QueryAsync<TaskRow>(
                $"{TaskRow.Select} WHERE id IN ({newest}) AND state = 'queued' ORDER BY id DESC LIMIT @limit", asked);
            return found.Count == asked.limit || await session.QuerySingleAsync<long>($"SELECT COUNT(*) FROM ({newest}) AS looked", asked) < Newest
                ? found
                : await FoundAsync(Waiting);
        }
    }

    /// <summary>Leases whose holders are not alive, the oldest first.</summary>
    public static async Task<IReadOnlyList<LeaseRef>> ListAbandonedAsync(SqlSession session) =>
        [.. (await session.QueryAsync<(Id<AgentTask> Id, long Token)>(
            "SELECT task_id, token FROM leases WHERE holder NOT IN (SELECT holder FROM nodes) ORDER BY started_at, task_id"))
            .Select(row => new LeaseRef(row.Id, row.Token))];

    /// <summary>Which tasks replay these ones of an owner. What replays a task bears a key that is made of its id, so no index over all tasks is needed.</summary>
    public static async Task<IReadOnlyDictionary<Id<AgentTask>, Id<AgentTask>>> FindReplaysAsync(
        SqlSession session, Id<User> owner, IReadOnlyCollection<Id<AgentTask>> ids)
    {
        if (ids.Count == 0)
            return new Dictionary<Id<AgentTask>, Id<AgentTask>>();
        var found = await session.QueryAsync<(string Key, Id<AgentTask> Id, Id<AgentTask> ReplayOf)>(
            """
            SELECT k.key, t.id, t.replay_of FROM idempotency_keys AS k CROSS JOIN tasks AS t
            WHERE k.owner_id = @owner AND k.key IN @keys AND t.id = k.task_id AND t.replay_of IS NOT NULL
            """,
            new { owner, keys = ids.Select(ReplayTask.KeyOf).ToList() });
        // A consumer may have given another task such a key.
        return found.Where(row => row.Key == ReplayTask.KeyOf(row.ReplayOf)).ToDictionary(row => row.ReplayOf, row => row.Id);
    }

    // Those that failed or were cancelled have indexes of their own, under the words themselves and not under a parameter.
    private static string Ended(string state) =>
        $"SELECT task_id FROM task_ends WHERE owner_id = @owner AND state = '{state}' AND task_id < @before ORDER BY task_id DESC LIMIT @limit";

    private static IReadOnlyList<AgentTask> ToTasks(IEnumerable<TaskRow> rows) => [.. rows.Select(row => row.ToTask())];
}
