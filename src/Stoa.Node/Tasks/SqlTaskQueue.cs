using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The queue inside a session: who waits for his turn or his time, and who has a lease.</summary>
/// <remarks>
/// A task that has not ended is in exactly one of <c>queue</c>, <c>regional_queue</c>, <c>delayed</c> and <c>leases</c>, or in none while its auction is
/// open. Whoever takes it out of one puts it into the next in the same act; on PostgreSQL, where acts run side by side, the loser of a race takes out nothing and sees that.
/// </remarks>
internal static class SqlTaskQueue
{
    /// <summary>How many that wait, and how many of the owner's newest tasks, are looked through for the first of the owner's.</summary>
    public const int MaxLookedThrough = 1_000;

    private const int MaxTurns = 500;

    /// <summary>Adds tasks: those that are due get turns, each lane's one after another; those that run get leases.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<AgentTask> tasks)
    {
        var placed = tasks.Select(task => new PlacedTask(task, null)).ToArray();
        var due = Enumerable.Range(0, placed.Length).Where(index => placed[index] is { Task.State: TaskState.Queued, DueAt: var dueAt } && dueAt <= tasks[index].CreatedAt).ToList();
        var tags = await TakeTurnsAsync(session, [.. due.Select(index => (tasks[index].OwnerId, tasks[index].Priority, SqlRegionalQueue.Join(tasks[index].Regions)))]);
        for (var place = 0; place < due.Count; place++)
            placed[due[place]] = placed[due[place]] with { Tag = tags[place] };
        await session.SendRowsAsync(TaskStatements.Insert, placed);
        await SqlRegionalQueue.NoteAsync(session, tasks);
        await SqlTaskSeals.NoteAsync(session, tasks);
        await SqlTaskWorlds.NoteAsync(session, tasks);
        await EnqueueAsync(session, [.. due.Select(index => (EntryOf(tasks[index], placed[index].Tag!.Value), tasks[index].Regions))]);
        await session.SendRowsAsync(TaskStatements.Delay, [.. placed.Where(task => task is { Task.State: TaskState.Queued, Task.IsBidding: false, Tag: null })]);
        await session.SendRowsAsync(TaskStatements.Lease, [.. tasks.Where(task => task.State is TaskState.Running)]);
    }

    /// <summary>Leases what is due and fits, in the order of the turns.</summary>
    /// <param name="session">The act.</param>
    /// <param name="holder">Who gets the leases.</param>
    /// <param name="room">What it has room for.</param>
    /// <param name="now">UTC.</param>
    /// <param name="known">Tasks as they were submitted, by id: what is found there is not read again. Null for none.</param>
    public static async Task<IReadOnlyList<AgentTask>> ClaimAsync(
        SqlSession session, LeaseHolder holder, ClaimRoom room, DateTimeOffset now, RecentSubmissions? known)
    {
        await GiveTurnsAsync(session, now);
        var ready = await session.QueryAsync<QueueEntry>(
            """
            SELECT tag, task_id, memory_limit_bytes, token FROM queue WHERE memory_limit_bytes <= @MaxMemoryBytes
            ORDER BY tag, task_id LIMIT @Count {for update skip locked}
            """,
            room);
        var regional = room.Region is null ? [] : (await SqlRegionalQueue.ListAsync(session, room)).ToDictionary(entry => entry.TaskId);
        if (regional.Count > 0)
            ready = [.. ready.Concat(regional.Values.Select(entry => new QueueEntry(entry.Tag, entry.TaskId, entry.MemoryLimitBytes, entry.Token))).OrderBy(entry => entry.Tag)];
        var freeBytes = room.FreeMemoryBytes;
        var fitting = ready.Take(room.Count).TakeWhile(entry => (freeBytes -= entry.MemoryLimitBytes) >= 0).ToList();
        if (fitting.Count == 0)
            return [];
        var name = holder.ToString();
        var claimed = (await ReadAsync(session, fitting, known)).Select(task => task.Claim(name, now)).ToList();
        if (session.Dialect.IsSqlite && regional.Count == 0)
        {
            await LeaseUpToAsync(session, fitting[^1], fitting.Count, name, room, now);
        }
        else
        {
            await session.SendRowsAsync(TaskStatements.Dequeue, [.. fitting.Where(entry => !regional.ContainsKey(entry.TaskId))]);
            await SqlRegionalQueue.DequeueAsync(session, [.. fitting.Where(entry => regional.ContainsKey(entry.TaskId)).Select(entry => regional[entry.TaskId])]);
            await session.SendRowsAsync(TaskStatements.Lease, claimed);
        }

        // Another node that moves the clock on just now does as well: nobody waits for that row.
        await session.SendAsync(
            """
            UPDATE queue_clock SET virtual_time = @newest
            WHERE id IN (SELECT id FROM queue_clock WHERE virtual_time < @newest {for update skip locked})
            """,
            new { newest = fitting[^1].Tag });
        return claimed;
    }

    /// <summary>Takes a task that waits out of the queue, or of those that are not due; false when it waits there no more.</summary>
    public static async Task<bool> TakeOutAsync(SqlSession session, Id<AgentTask> id)
    {
        var (tag, dueAt, regions) = await session.QuerySingleAsync<(long? Tag, DateTimeOffset DueAt, string? Regions)>(
            "SELECT t.tag, t.due_at, r.regions FROM tasks AS t LEFT JOIN task_regions AS r ON r.task_id = t.id WHERE t.id = @id", new { id });
        if (tag is not null && regions is not null)
            return (await SqlRegionalQueue.DequeueAsync(session, [new RegionalEntry(tag.Value, id, 0, 0, regions)]))[0];
        return await session.ExecuteAsync(
            tag is null ? "DELETE FROM delayed WHERE due_at = @dueAt AND task_id = @id" : "DELETE FROM queue WHERE tag = @tag AND task_id = @id",
            new { id, tag, dueAt }) == 1;
    }

    /// <summary>Takes tasks that wait out, and answers those that still waited.</summary>
    public static async Task<IReadOnlyList<AgentTask>> TakeOutAsync(SqlSession session, IReadOnlyList<TaskRow> waiting)
    {
        var tasks = waiting.Select(row => row.ToTask()).ToList();
        var turns = Enumerable.Range(0, tasks.Count).Where(index => waiting[index] is { Tag: not null, Regions: null }).ToList();
        var regional = Enumerable.Range(0, tasks.Count).Where(index => waiting[index] is { Tag: not null, Regions: not null }).ToList();
        var rest = Enumerable.Range(0, tasks.Count).Where(index => waiting[index].Tag is null).ToList();
        var dequeued = await session.ExecuteRowsAsync(
            TaskStatements.Dequeue, [.. turns.Select(index => new QueueEntry(waiting[index].Tag!.Value, tasks[index].Id, 0, 0))]);
        var regionalDequeued = await SqlRegionalQueue.DequeueAsync(
            session, [.. regional.Select(index => new RegionalEntry(waiting[index].Tag!.Value, tasks[index].Id, 0, 0, waiting[index].Regions!))]);
        var undelayed = await session.ExecuteRowsAsync(TaskStatements.Undelay, [.. rest.Select(index => new PlacedTask(tasks[index], null))]);
        return [.. turns.Where((_, place) => dequeued[place])
            .Concat(regional.Where((_, place) => regionalDequeued[place]))
            .Concat(rest.Where((_, place) => undelayed[place]))
            .Order()
            .Select(index => tasks[index])];
    }

    /// <summary>Lets a task that was taken out change turns with the one of its owner's that comes first.</summary>
    /// <remarks>So who hurries puts his own tasks off and nobody else's, however many he hurries. All writing waits for this: of one whose first waits behind
    /// <see cref="MaxLookedThrough"/> others, the first of as many of his newest tasks is taken.</remarks>
    public static async Task PutFirstAsync(SqlSession session, AgentTask task)
    {
        var regions = SqlRegionalQueue.Join(task.Regions);
        var own = await session.QuerySingleAsync<long?>("SELECT tag FROM tasks WHERE id = @Id", new { task.Id })
            ?? (task.Token > 0
                ? await SqlRegionalQueue.VirtualTimeAsync(session, regions)
                : (await TakeTurnsAsync(session, [(task.OwnerId, task.Priority, regions)]))[0]);
        var first = task.Regions.Count > 0
            ? await SqlRegionalQueue.TakeFirstAsync(session, task, own)
            : await TakeFirstAsync(session, task, own);
        List<(QueueEntry Entry, IReadOnlyList<string> Regions)> entries = [(EntryOf(task, own), task.Regions)];
        if (first is { } passed)
        {
            // Two lanes of his may have reached the same tag: then the least step decides.
            var tag = Math.Min(passed.Entry.Tag, own - 1);
            entries = [(EntryOf(task, tag), task.Regions), (passed.Entry with { Tag = own }, passed.Regions)];
        }

        await session.SendRowsAsync(TaskStatements.Return, [task]);
        await PlaceAsync(session, entries);
    }

    /// <summary>Takes out the task of the same owner that has the first turn, if that is before another one's; null when there is none, or somebody takes it just now.</summary>
    private static async Task<(QueueEntry Entry, IReadOnlyList<string> Regions)?> TakeFirstAsync(SqlSession session, AgentTask other, long tag)
    {
        var asked = new { tag, other.Id, other.OwnerId, most = MaxLookedThrough };
        var first = await session.QueryFirstOrDefaultAsync<QueueEntry>(
            """
            SELECT q.tag, q.task_id, q.memory_limit_bytes, q.token
            FROM (SELECT tag, task_id, memory_limit_bytes, token FROM queue WHERE (tag, task_id) < (@tag, @Id) ORDER BY tag, task_id LIMIT @most) AS q
            CROSS JOIN tasks AS t WHERE t.id = q.task_id AND t.owner_id = @OwnerId ORDER BY q.tag, q.task_id LIMIT 1
            """,
            asked)
            ?? await session.QueryFirstOrDefaultAsync<QueueEntry>(
            """
            SELECT q.tag, q.task_id, q.memory_limit_bytes, q.token
            FROM (SELECT id, tag FROM tasks WHERE owner_id = @OwnerId ORDER BY id DESC LIMIT @most) AS t
            CROSS JOIN queue AS q WHERE q.tag = t.tag AND q.task_id = t.id AND (q.tag, q.task_id) < (@tag, @Id) ORDER BY q.tag, q.task_id LIMIT 1
            """,
            asked);
        return first is not null && (await session.ExecuteRowsAsync(TaskStatements.Dequeue, [first]))[0] ? (first, []) : null;
    }

    /// <summary>
    /// Lets tasks wait that were not in the queue: what ran before and is due has the next turn, since its first was paid for; the rest gets a turn when
    /// its time has come.
    /// </summary>
    public static async Task ReturnAsync(SqlSession session, IReadOnlyList<AgentTask> tasks, DateTimeOffset now)
    {
        if (tasks.Count == 0)
            return;
        var isDue = tasks.ToLookup(task => task.Token > 0 && ((TaskState.Queued)task.State).DueAt is var dueAt && (dueAt <= now || dueAt > now + RetryPolicy.LongestDelay));
        await session.SendRowsAsync(TaskStatements.Return, tasks);
        await session.SendRowsAsync(TaskStatements.Delay, [.. isDue[false].Select(task => new PlacedTask(task, null))]);
        await TakeNextTurnAsync(session, [.. isDue[true].Select(task => (EntryOf(task, 0), task.Regions))]);
    }

    /// <summary>Gives the next turn to tasks that ran before and are put off for longer than any retry is; how many.</summary>
    public static async Task<int> BringForwardAsync(SqlSession session, DateTimeOffset now)
    {
        var late = await session.QueryAsync<DueTask>(
            """
            SELECT d.due_at, t.id, t.owner_id, t.priority, t.memory_limit_bytes, t.token, r.regions
            FROM delayed AS d JOIN tasks AS t ON t.id = d.task_id
            LEFT JOIN task_regions AS r ON r.task_id = t.id
            WHERE d.due_at > @latest AND t.token > 0
            """,
            new { latest = now + RetryPolicy.LongestDelay });
        var taken = await session.ExecuteRowsAsync(s_undelay, late);
        var entries = late.Where((_, place) => taken[place]).Select(task => (task.EntryAt(0), task.AllRegions)).ToList();
        await TakeNextTurnAsync(session, entries);
        return entries.Count;
    }

    /// <summary>Whether anything waits that is due.</summary>
    /// <param name="session">The act.</param>
    /// <param name="now">UTC.</param>
    /// <param name="region">Of what asks for regions only what asks for this one is meant; null for none of it.</param>
    public static async Task<bool> IsAnyDueAsync(SqlSession session, DateTimeOffset now, string? region) =>
        await session.QueryFirstOrDefaultAsync<long?>(
            """
            SELECT COALESCE(
                (SELECT 1 FROM queue LIMIT 1),
                (SELECT 1 FROM regional_turns WHERE region = @region LIMIT 1),
                (SELECT 1 FROM delayed WHERE due_at <= @now LIMIT 1))
            """,
            new { now, region = region ?? "" }) is not null;

    /// <summary>When the next task is due: long ago when one waits for its turn, whatever its own time says, since the clock may have been set back.</summary>
    /// <param name="session">The act.</param>
    /// <param name="region">Of what asks for regions only what asks for this one is meant; null for none of it.</param>
    public static Task<DateTimeOffset?> NextDueAsync(SqlSession session, string? region) => session.QueryFirstOrDefaultAsync<DateTimeOffset?>(
        """
        SELECT COALESCE(
            (SELECT CAST(0 AS BIGINT) FROM queue LIMIT 1),
            (SELECT CAST(0 AS BIGINT) FROM regional_turns WHERE region = @region LIMIT 1),
            (SELECT due_at FROM delayed ORDER BY due_at, task_id LIMIT 1))
        """,
        new { region = region ?? "" });

    /// <summary>Leases all that was found up to an entry, as two statements: where acts run one by one, what was found is all that is there.</summary>
    private static async Task LeaseUpToAsync(SqlSession session, QueueEntry last, int count, string holder, ClaimRoom room, DateTimeOffset now)
    {
        const string found = "FROM queue WHERE (tag, task_id) <= (@Tag, @TaskId) AND memory_limit_bytes <= @MaxMemoryBytes";
        var upTo = new { last.Tag, last.TaskId, room.MaxMemoryBytes, holder, now };
        var leased = await session.ExecuteAsync($"INSERT INTO leases (task_id, token, holder, started_at) SELECT task_id, token + 1, @holder, @now {found}", upTo);
        var taken = await session.ExecuteAsync($"DELETE {found}", upTo);
        if (leased != count || taken != count)
            throw new InvalidOperationException($"Of {count} tasks {leased} were leased and {taken} taken out of the queue.");
    }

    /// <summary>The tasks of entries, in their order.</summary>
    private static async Task<IReadOnlyList<AgentTask>> ReadAsync(SqlSession session, List<QueueEntry> entries, RecentSubmissions? known)
    {
        var tasks = known?.TakeTasks([.. entries.Select(entry => entry.TaskId)]) ?? new AgentTask?[entries.Count];
        // What ran before has changed since it was submitted.
        var unknown = Enumerable.Range(0, tasks.Length).Where(index => entries[index].Token != 0 || tasks[index] is null).ToList();
        if (unknown.Count > 0)
        {
            var rows = (await session.QueryAsync<TaskRow>(TaskRow.Select + "WHERE id IN @ids", new { ids = unknown.Select(index => entries[index].TaskId) }))
                .ToDictionary(row => row.Id);
            foreach (var index in unknown)
                tasks[index] = rows[entries[index].TaskId].ToTask();
        }

        return tasks!;
    }

    /// <summary>Takes the next turns of lanes, an entry a turn, each lane's in order.</summary>
    private static async Task<long[]> TakeTurnsAsync(SqlSession session, IReadOnlyList<(Id<User> Owner, TaskPriority Priority, string Regions)> entries)
    {
        var tags = new long[entries.Count];
        foreach (var lane in Enumerable.Range(0, entries.Count).GroupBy(index => entries[index]).OrderBy(lane => lane.Key.Owner).ThenBy(lane => lane.Key.Priority).ThenBy(lane => lane.Key.Regions, StringComparer.Ordinal))
        {
            var step = FairQueue.StepOf(lane.Key.Priority);
            var length = step * lane.Count();
            var last = lane.Key.Regions.Length > 0
                ? await SqlRegionalQueue.TakeTurnsAsync(session, lane.Key.Owner, lane.Key.Priority, lane.Key.Regions, length)
                : await session.QuerySingleAsync<long>(
                    """
                    INSERT INTO lanes (owner_id, priority, last_tag)
                    VALUES (@Owner, @priority, (SELECT virtual_time FROM queue_clock) + @length)
                    ON CONFLICT (owner_id, priority) DO UPDATE SET last_tag =
                        CASE WHEN lanes.last_tag + @length > excluded.last_tag THEN lanes.last_tag + @length ELSE excluded.last_tag END
                    RETURNING last_tag
                    """,
                    new { lane.Key.Owner, priority = (long)lane.Key.Priority, length });
            var tag = last - length;
            foreach (var index in lane)
                tags[index] = tag += step;
        }

        return tags;
    }

    /// <summary>Lets tasks whose time has come wait for their turns: one that ran before has the next, since its first was paid for.</summary>
    private static async Task GiveTurnsAsync(SqlSession session, DateTimeOffset now)
    {
        var due = await session.QueryAsync<DueTask>(
            """
            SELECT d.due_at, t.id, t.owner_id, t.priority, t.memory_limit_bytes, t.token, r.regions
            FROM (SELECT due_at, task_id FROM delayed WHERE due_at <= @now ORDER BY due_at, task_id LIMIT @limit {for update skip locked}) AS d
            JOIN tasks AS t ON t.id = d.task_id
            LEFT JOIN task_regions AS r ON r.task_id = t.id
            ORDER BY d.due_at, t.id
            """,
            new { now, limit = MaxTurns });
        if (due.Count == 0)
            return;
        var fresh = due.Where(task => task.Token == 0).ToList();
        var tags = await TakeTurnsAsync(session, [.. fresh.Select(task => (task.OwnerId, (TaskPriority)task.Priority, task.Regions ?? ""))]);
        List<(QueueEntry Entry, IReadOnlyList<string> Regions)> entries =
        [
            .. fresh.Select((task, index) => (task.EntryAt(tags[index]), task.AllRegions)),
            .. await NextTurnsAsync(session, [.. due.Where(task => task.Token > 0).Select(task => (task.EntryAt(0), task.AllRegions))]),
        ];
        await session.SendRowsAsync(s_undelay, due);
        await PlaceAsync(session, entries);
    }

    /// <summary>The turn that comes next: their first one was paid for.</summary>
    private static async Task TakeNextTurnAsync(SqlSession session, IReadOnlyList<(QueueEntry Entry, IReadOnlyList<string> Regions)> tasks) =>
        await PlaceAsync(session, await NextTurnsAsync(session, tasks));

    private static async Task<IReadOnlyList<(QueueEntry Entry, IReadOnlyList<string> Regions)>> NextTurnsAsync(
        SqlSession session, IReadOnlyList<(QueueEntry Entry, IReadOnlyList<string> Regions)> tasks)
    {
        var times = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var regions in tasks.Select(task => SqlRegionalQueue.Join(task.Regions)).Distinct())
            times.Add(regions, await SqlRegionalQueue.VirtualTimeAsync(session, regions));
        return [.. tasks.Select(task => (task.Entry with { Tag = times[SqlRegionalQueue.Join(task.Regions)] }, task.Regions))];
    }

    /// <summary>Notes the turns of tasks that had others or none, and lets them wait for these.</summary>
    private static async Task PlaceAsync(SqlSession session, IReadOnlyList<(QueueEntry Entry, IReadOnlyList<string> Regions)> entries)
    {
        await session.SendRowsAsync(TaskStatements.SetTag, [.. entries.Select(entry => entry.Entry)]);
        await EnqueueAsync(session, entries);
    }

    /// <summary>Lets tasks wait for their turns, each where it is claimed.</summary>
    private static async Task EnqueueAsync(SqlSession session, IReadOnlyList<(QueueEntry Entry, IReadOnlyList<string> Regions)> entries)
    {
        await session.SendRowsAsync(TaskStatements.Enqueue, [.. entries.Where(entry => entry.Regions.Count == 0).Select(entry => entry.Entry)]);
        await SqlRegionalQueue.EnqueueAsync(
            session, [.. entries.Where(entry => entry.Regions.Count > 0).Select(entry => SqlRegionalQueue.EntryOf(entry.Entry, SqlRegionalQueue.Join(entry.Regions)))]);
    }

    private static QueueEntry EntryOf(AgentTask task, long tag) => new(tag, task.Id, task.Limits.MemoryBytes, task.Token);

    private static readonly SqlRows<DueTask> s_undelay = SqlRows<DueTask>.Delete(
        "delayed",
        "t.due_at = {due_at} AND t.task_id = {task_id}",
        [
            SqlField<DueTask>.OfInteger("due_at", row => row.DueAt.ToUnixTimeMilliseconds()),
            SqlField<DueTask>.OfId("task_id", row => row.Id),
        ]);

    private sealed record DueTask(DateTimeOffset DueAt, Id<AgentTask> Id, Id<User> OwnerId, long Priority, long MemoryLimitBytes, long Token, string? Regions)
    {
        public IReadOnlyList<string> AllRegions => SqlRegionalQueue.Split(Regions ?? "");

        public QueueEntry EntryAt(long tag) => new(tag, Id, MemoryLimitBytes, Token);
    }
}
