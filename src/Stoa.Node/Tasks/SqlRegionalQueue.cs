using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>An entry of the table <c>regional_queue</c>.</summary>
/// <param name="Tag">Its turn.</param>
/// <param name="TaskId">The task.</param>
/// <param name="MemoryLimitBytes">What a claim asks of it.</param>
/// <param name="Token">Of its last lease.</param>
/// <param name="Regions">As they are stored.</param>
internal sealed record RegionalEntry(long Tag, Id<AgentTask> TaskId, long MemoryLimitBytes, long Token, string Regions);

/// <summary>The queue of tasks that run only in certain regions, inside a session.</summary>
/// <remarks>
/// Its lanes are a consumer's tasks of one priority and the same regions, so that what waits for one region does not hold up what waits for another.
/// Turns are counted as in the common queue, and a node takes from both by tag; but where a region lags behind, its virtual time is what is
/// claimed there next: who is new there goes in among those who wait, not behind them.
/// A task has one row in <c>regional_queue</c>, and one in <c>regional_turns</c> for each of its regions. Nodes of several regions may find the same task
/// at the same time: only the one row is locked, and who deletes it deletes the others.
/// </remarks>
internal static class SqlRegionalQueue
{
    private static readonly SqlRows<AgentTask> s_note = SqlRows<AgentTask>.Insert(
        "task_regions",
        [
            SqlField<AgentTask>.OfId("task_id", task => task.Id),
            SqlField<AgentTask>.OfText("regions", task => Join(task.Regions)),
        ]);

    private static readonly SqlRows<RegionalEntry> s_enqueue = SqlRows<RegionalEntry>.Insert(
        "regional_queue",
        [
            SqlField<RegionalEntry>.OfId("task_id", row => row.TaskId),
            SqlField<RegionalEntry>.OfInteger("tag", row => row.Tag),
            SqlField<RegionalEntry>.OfInteger("memory_limit_bytes", row => row.MemoryLimitBytes),
            SqlField<RegionalEntry>.OfInteger("token", row => row.Token),
            SqlField<RegionalEntry>.OfText("regions", row => row.Regions),
        ]);

    private static readonly SqlRows<RegionalEntry> s_dequeue = SqlRows<RegionalEntry>.Delete(
        "regional_queue", "t.task_id = {task_id}", [SqlField<RegionalEntry>.OfId("task_id", row => row.TaskId)]);

    private static readonly SqlRows<Turn> s_addTurns = SqlRows<Turn>.Insert("regional_turns", TurnFields());

    private static readonly SqlRows<Turn> s_deleteTurns = SqlRows<Turn>.Delete(
        "regional_turns", "t.region = {region} AND t.tag = {tag} AND t.task_id = {task_id}", TurnFields());

    /// <summary>Regions as they are stored.</summary>
    public static string Join(IReadOnlyList<string> regions) => string.Join(' ', regions);

    /// <summary>Reads what <see cref="Join"/> wrote.</summary>
    public static IReadOnlyList<string> Split(string regions) => regions.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Notes the regions of new tasks.</summary>
    public static async Task NoteAsync(SqlSession session, IReadOnlyList<AgentTask> tasks)
    {
        var regional = tasks.Where(task => task.Regions.Count > 0).ToList();
        if (regional.Count > 0)
            await session.SendRowsAsync(s_note, regional);
    }

    /// <summary>From where a lane that was idle goes on.</summary>
    /// <param name="session">The act.</param>
    /// <param name="regions">As they are stored; empty for the common queue.</param>
    public static async Task<long> VirtualTimeAsync(SqlSession session, string regions)
    {
        var now = await session.QuerySingleAsync<long>("SELECT virtual_time FROM queue_clock");
        var latest = regions.Length == 0 ? now : 0;
        foreach (var region in Split(regions))
        {
            // What was there before turns were counted waits for nobody's.
            var next = await session.QueryFirstOrDefaultAsync<long?>(
                "SELECT tag FROM regional_turns WHERE region = @region AND tag > @head ORDER BY tag, task_id LIMIT 1", new { region, head = FairQueue.HeadTag });
            latest = Math.Max(latest, next ?? now);
        }

        return Math.Min(now, latest);
    }

    /// <summary>Takes the next turns of a lane.</summary>
    /// <returns>The tag that is reached.</returns>
    public static async Task<long> TakeTurnsAsync(SqlSession session, Id<User> owner, TaskPriority priority, string regions, long length) =>
        await session.QuerySingleAsync<long>(
            """
            INSERT INTO regional_lanes (owner_id, priority, regions, last_tag) VALUES (@owner, @priority, @regions, @last)
            ON CONFLICT (owner_id, priority, regions) DO UPDATE SET last_tag =
                CASE WHEN regional_lanes.last_tag + @length > excluded.last_tag THEN regional_lanes.last_tag + @length ELSE excluded.last_tag END
            RETURNING last_tag
            """,
            new { owner, priority = (long)priority, regions, length, last = await VirtualTimeAsync(session, regions) + length });

    /// <summary>Lets tasks wait for their turns.</summary>
    public static async Task EnqueueAsync(SqlSession session, IReadOnlyList<RegionalEntry> entries)
    {
        if (entries.Count == 0)
            return;
        await session.SendRowsAsync(s_enqueue, entries);
        await session.SendRowsAsync(s_addTurns, TurnsOf(entries));
    }

    /// <summary>What a node has room for of that which asks for its region, in the order of the turns. Locked until the act ends.</summary>
    public static Task<IReadOnlyList<RegionalEntry>> ListAsync(SqlSession session, ClaimRoom room) => session.QueryAsync<RegionalEntry>(
        """
        SELECT q.tag, q.task_id, q.memory_limit_bytes, q.token, q.regions
        FROM regional_turns AS r JOIN regional_queue AS q ON q.task_id = r.task_id
        WHERE r.region = @Region AND q.memory_limit_bytes <= @MaxMemoryBytes
        ORDER BY r.tag, r.task_id LIMIT @Count {for update of q skip locked}
        """,
        room);

    /// <summary>Takes tasks out of the queue.</summary>
    /// <returns>For each whether it waited there.</returns>
    public static async Task<IReadOnlyList<bool>> DequeueAsync(SqlSession session, IReadOnlyList<RegionalEntry> entries)
    {
        if (entries.Count == 0)
            return [];
        var dequeued = await session.ExecuteRowsAsync(s_dequeue, entries);
        await session.SendRowsAsync(s_deleteTurns, TurnsOf([.. entries.Where((_, place) => dequeued[place])]));
        return dequeued;
    }

    /// <summary>Takes out the task of the same owner that has the first turn in the same regions, if that is before another one's; null when there is none, or somebody takes it just now.</summary>
    /// <remarks>Only of what asks for all of these: a turn that was given where a region lags behind would be before everybody's in another one.</remarks>
    public static async Task<(QueueEntry Entry, IReadOnlyList<string> Regions)?> TakeFirstAsync(
        SqlSession session, AgentTask other, long tag)
    {
        var asked = new { region = other.Regions[0], tag, other.Id, other.OwnerId, most = SqlTaskQueue.MaxLookedThrough };
        var found = FirstOf(await session.QueryAsync<RegionalEntry>(
            """
            SELECT q.tag, q.task_id, q.memory_limit_bytes, q.token, q.regions
            FROM (SELECT tag, task_id FROM regional_turns WHERE region = @region AND (tag, task_id) < (@tag, @Id) ORDER BY tag, task_id LIMIT @most) AS r
            CROSS JOIN tasks AS t CROSS JOIN regional_queue AS q
            WHERE t.id = r.task_id AND t.owner_id = @OwnerId AND q.task_id = r.task_id ORDER BY q.tag, q.task_id
            """,
            asked))
            ?? FirstOf(await session.QueryAsync<RegionalEntry>(
            """
            SELECT q.tag, q.task_id, q.memory_limit_bytes, q.token, q.regions
            FROM (SELECT id FROM tasks WHERE owner_id = @OwnerId ORDER BY id DESC LIMIT @most) AS t
            CROSS JOIN regional_queue AS q
            WHERE q.task_id = t.id AND (q.tag, q.task_id) < (@tag, @Id) ORDER BY q.tag, q.task_id
            """,
            asked));
        return found is { } first && (await DequeueAsync(session, [first]))[0]
            ? (new QueueEntry(first.Tag, first.TaskId, first.MemoryLimitBytes, first.Token), Split(first.Regions))
            : null;

        RegionalEntry? FirstOf(IReadOnlyList<RegionalEntry> waiting) => waiting.FirstOrDefault(entry => !other.Regions.Except(Split(entry.Regions)).Any());
    }

    /// <summary>The entry of a task whose regions are known.</summary>
    public static RegionalEntry EntryOf(QueueEntry entry, string regions) =>
        new(entry.Tag, entry.TaskId, entry.MemoryLimitBytes, entry.Token, regions);

    private static IReadOnlyList<Turn> TurnsOf(IReadOnlyList<RegionalEntry> entries) =>
        [.. entries.SelectMany(entry => Split(entry.Regions).Select(region => new Turn(region, entry.Tag, entry.TaskId)))];

    private static SqlField<Turn>[] TurnFields() =>
    [
        SqlField<Turn>.OfText("region", row => row.Region),
        SqlField<Turn>.OfInteger("tag", row => row.Tag),
        SqlField<Turn>.OfId("task_id", row => row.TaskId),
    ];

    private sealed record Turn(string Region, long Tag, Id<AgentTask> TaskId);
}
