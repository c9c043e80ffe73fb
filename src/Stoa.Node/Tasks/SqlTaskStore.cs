using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Selection;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Tasks, their queue, their receipts and the keys of their submissions in the node's database.</summary>
/// <remarks>
/// Every write that a transition makes is guarded by the state and token that it starts from, so that on PostgreSQL, where acts run
/// side by side, the loser of a race changes no row and sees that. In one act a task's row is locked before any account is, and what
/// all of a cell share (its own accounts, a batch, the event stream) comes last. Single submissions and ends are written in groups.
/// </remarks>
public sealed class SqlTaskStore : ITaskStore
{
    private const string Select = $"SELECT {TaskRow.Columns} FROM tasks ";
    private const int MaxGroup = 500;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    private static readonly SqlRows<NewTask> InsertKeys = SqlRows<NewTask>.Insert(
        "idempotency_keys",
        [
            SqlField<NewTask>.OfText("owner_id", submission => submission.Task.OwnerId.ToString()),
            SqlField<NewTask>.OfText("key", submission => submission.Idempotency!.Key),
            SqlField<NewTask>.OfText("request_hash", submission => submission.Idempotency!.RequestHash.ToString()),
            SqlField<NewTask>.OfText("task_id", submission => submission.Task.Id.ToString()),
        ],
        skipsConflictsOf: "owner_id, key",
        key: "task_id");

    private static readonly SqlRows<Content> InsertContent = SqlRows<Content>.Insert(
        "task_content",
        [
            SqlField<Content>.OfText("task_id", content => content.TaskId.ToString()),
            SqlField<Content>.OfText("kind", content => content.Kind),
            SqlField<Content>.OfBytes("bytes", content => content.Bytes.ToArray()),
        ]);

    private static readonly SqlRows<SignedReceipt> InsertReceipts = SqlRows<SignedReceipt>.Insert(
        "receipts",
        [
            SqlField<SignedReceipt>.OfText("id", receipt => receipt.Id.ToString()),
            SqlField<SignedReceipt>.OfText("task_id", receipt => receipt.TaskId.ToString()),
            SqlField<SignedReceipt>.OfBytes("envelope", receipt => receipt.Envelope.ToJson()),
        ]);

    private readonly Database database;
    private readonly TimeProvider time;
    private readonly AgentIndex? index;
    private readonly OpenedAuctions? auctions;
    private readonly GroupCommit<NewTask, Outcome<Submitted, TaskRefusal>> submissions;
    private readonly GroupCommit<AttemptEnd, AttemptEndOutcome> ends;

    /// <param name="database">The cell's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="index">Told what is learnt of agents; null for nobody.</param>
    /// <param name="auctions">Told of new auctions; null for nobody.</param>
    public SqlTaskStore(Database database, TimeProvider time, AgentIndex? index = null, OpenedAuctions? auctions = null)
    {
        this.database = database;
        this.time = time;
        this.index = index;
        this.auctions = auctions;
        submissions = new(group => SubmitAllAsync(group, CancellationToken.None), MaxGroup);
        ends = new(group => EndAttemptsAsync(group, CancellationToken.None), MaxGroup);
    }

    public Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(NewTask submission, CancellationToken cancellationToken) =>
        submissions.WriteAsync(submission, cancellationToken);

    public async Task<IReadOnlyList<Outcome<Submitted, TaskRefusal>>> SubmitAllAsync(IReadOnlyList<NewTask> submissions, CancellationToken cancellationToken)
    {
        var outcomes = new Outcome<Submitted, TaskRefusal>[submissions.Count];
        IReadOnlyList<int> left = [.. Enumerable.Range(0, submissions.Count)];
        // The second of two that bear the same key must see what became of the first.
        while (left.Count > 0)
        {
            var keys = new HashSet<(Id<User>, string)>();
            var now = left.ToLookup(index => submissions[index].Idempotency is not { } key || keys.Add((submissions[index].Task.OwnerId, key.Key)));
            var group = now[true].ToList();
            var written = await database.WriteAsync(session => SubmitAsync(session, [.. group.Select(index => submissions[index])]), cancellationToken);
            for (var place = 0; place < group.Count; place++)
            {
                outcomes[group[place]] = written[place];
                if (submissions[group[place]].Auction is { } auction && written[place].Refusal is null && written[place].Value.IsNew)
                    auctions?.Tell(auction);
            }

            left = [.. now[false]];
        }

        return outcomes;
    }

    /// <summary>Writes submissions inside an act; no two of them bear the same key.</summary>
    internal static async Task<Outcome<Submitted, TaskRefusal>[]> SubmitAsync(SqlSession session, IReadOnlyList<NewTask> submissions)
    {
        var outcomes = new Outcome<Submitted, TaskRefusal>?[submissions.Count];
        await TakeKeysAsync(session, submissions, outcomes);
        await HoldAsync(session, submissions, outcomes);
        var open = Enumerable.Range(0, submissions.Count).Where(index => outcomes[index] is null).ToList();
        if (open.Count == 0)
            return [.. outcomes.Select(outcome => outcome!.Value)];

        var now = open.Max(index => submissions[index].Task.CreatedAt);
        var mayClaim = open.Any(index => submissions[index].Claim is not null) && !await IsAnyDueAsync(session, now);
        var rows = new List<TaskRow>(open.Count);
        var contents = new List<Content>();
        var events = new List<NewEvent>();
        foreach (var index in open)
        {
            var (task, input, _, _, offer) = submissions[index];
            var isDue = ((TaskState.Queued)task.State).DueAt <= task.CreatedAt;
            var written = mayClaim && isDue && offer is not null ? task.Claim(offer.Holder.ToString(), task.CreatedAt) : task;
            rows.Add(TaskRow.Of(written));
            if (input is { } bytes)
                contents.Add(new Content(task.Id, "input", bytes));
            if (task.BatchId is null)
            {
                events.Add(TaskEvents.Queued(task, task.CreatedAt));
                events.AddRange(SqlAuctions.Announced(submissions[index]));
                if (written.State is TaskState.Running)
                    events.Add(TaskEvents.Started(written, task.CreatedAt));
            }

            outcomes[index] = new Submitted(written, IsNew: true);
        }

        await session.ExecuteRowsAsync(TaskRow.Insert, await TakeTurnsAsync(session, rows, row => row.DueAt <= row.CreatedAt));
        await session.ExecuteRowsAsync(InsertContent, contents);
        await SqlTaskChoices.AddAsync(session, [.. open.Select(index => submissions[index])]);
        await SqlAuctions.AddAsync(session, [.. open.Select(index => submissions[index])]);
        await SqlEvents.AppendAsync(session, events);
        return [.. outcomes.Select(outcome => outcome!.Value)];
    }

    public Task<Outcome<AgentTask?, TaskRefusal>> FindSubmissionAsync(Id<User> owner, IdempotencyKey key, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindSubmissionAsync(session, owner, key), cancellationToken);

    public Task<IReadOnlyList<AgentTask>> ClaimAsync(
        LeaseHolder holder, ClaimRoom room, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<AgentTask>>(
            async session =>
            {
                await GiveTurnsAsync(session, now);
                var ready = await session.QueryAsync<TaskRow>(
                    Select + """
                    WHERE state = 'queued' AND tag IS NOT NULL AND memory_limit_bytes <= @maxMemoryBytes
                    ORDER BY tag, id LIMIT @count {for update skip locked}
                    """,
                    new { room.MaxMemoryBytes, room.Count });
                var freeBytes = room.FreeMemoryBytes;
                var claimed = ready
                    .TakeWhile(row => (freeBytes -= row.MemoryLimitBytes) >= 0)
                    .Select(row => row.ToTask().Claim(holder.ToString(), now))
                    .ToList();
                if (claimed.Count == 0)
                    return [];
                var newest = (await session.QueryAsync<long?>(
                    """
                    UPDATE tasks SET state = 'running', token = token + 1, lease_holder = @holder, started_at = @now,
                        due_at = NULL
                    WHERE id IN @ids AND state = 'queued'
                    RETURNING tag
                    """,
                    new { holder = holder.ToString(), now, ids = claimed.Select(task => task.Id) })).Max();
                // Another node that moves the clock on just now does as well: nobody waits for that row.
                await session.ExecuteAsync(
                    """
                    UPDATE queue_clock SET virtual_time = @newest
                    WHERE id IN (SELECT id FROM queue_clock WHERE virtual_time < @newest {for update skip locked})
                    """,
                    new { newest });
                await SqlEvents.AppendAsync(session, claimed.Where(task => task.BatchId is null).Select(task => TaskEvents.Started(task, now)));
                return claimed;
            },
            cancellationToken);

    public Task<AgentTask?> ExpediteAsync(Id<AgentTask> id, Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                if (await LockAsync(session, id, owner) is not { State: TaskState.Queued, IsBidding: false } task)
                    return await GetAsync(session, id, owner);
                var expedited = task.Expedite(now);
                await session.ExecuteAsync(TaskRow.Update + " WHERE id = @Id", TaskRow.Of(expedited) with { Tag = FairQueue.HeadTag });
                return expedited;
            },
            cancellationToken);

    public Task<IReadOnlyList<HeldTask>> ListHeldAsync(LeaseHolder holder, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<HeldTask>>(
        async session => [.. (await session.QueryAsync<(Id<AgentTask> Id, long Token, DateTimeOffset? CancelRequestedAt)>(
            "SELECT id, token, cancel_requested_at FROM tasks WHERE state = 'running' AND lease_holder = @holder", new { holder = holder.ToString() }))
            .Select(row => new HeldTask(new LeaseRef(row.Id, row.Token), row.CancelRequestedAt is not null))],
        cancellationToken);

    public async Task<AttemptEndOutcome> EndAttemptAsync(AttemptEnd end, CancellationToken cancellationToken)
    {
        // The work is done: for as long as the database is away, its end waits. Who has the task by then is told by the token.
        var pause = s_firstPause;
        for (var waited = TimeSpan.Zero; ; waited += pause, pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, s_longestPause.Ticks)))
        {
            try
            {
                return await ends.WriteAsync(end, cancellationToken);
            }
            catch (Exception away) when (away.MayPass() && waited < s_patience)
            {
                await Task.Delay(pause, time, cancellationToken);
            }
        }
    }

    public async Task<IReadOnlyList<AttemptEndOutcome>> EndAttemptsAsync(IReadOnlyList<AttemptEnd> ends, CancellationToken cancellationToken) =>
        await database.WriteAsync(
            async session =>
            {
                var outcomes = new AttemptEndOutcome[ends.Count];
                // The same task twice is two statements: the second finds it ended.
                var seen = new HashSet<Id<AgentTask>>();
                var first = Enumerable.Range(0, ends.Count).Where(index => seen.Add(ends[index].Task.Id)).ToList();
                var kept = await session.ExecuteRowsAsync(TaskRow.EndAttempt, [.. first.Select(index => TaskRow.Of(ends[index].Task))]);
                Array.Fill(outcomes, AttemptEndOutcome.LeaseLost);
                var written = new List<AttemptEnd>(ends.Count);
                for (var place = 0; place < first.Count; place++)
                {
                    var end = ends[first[place]];
                    outcomes[first[place]] = kept[place] ? AttemptEndOutcome.Written : await WhyNotAsync(session, end.Task);
                    if (kept[place])
                        written.Add(end);
                }

                await SettleAsync(session, written, index);
                return outcomes;
            },
            cancellationToken);

    private static async Task<AttemptEndOutcome> WhyNotAsync(SqlSession session, AgentTask ended) =>
        ended.State is TaskState.Queued
            && await GetAsync(session, ended.Id, ended.OwnerId) is { State: TaskState.Running, CancelRequestedAt: not null } now && now.Token == ended.Token
            ? AttemptEndOutcome.CancelRequested
            : AttemptEndOutcome.LeaseLost;

    /// <summary>All that goes with the ends of attempts: contents, receipts, money, progress of batches, events.</summary>
    internal static async Task SettleAsync(SqlSession session, IReadOnlyList<AttemptEnd> written, AgentIndex? index)
    {
        await SqlTaskChoices.ReassignAsync(session, written);
        var contents = new List<Content>();
        foreach (var end in written)
        {
            if (end.InlineOutput is { } output)
                contents.Add(new Content(end.Task.Id, "output", output));
            if (!end.Log.IsEmpty)
                contents.Add(new Content(end.Task.Id, "log", end.Log));
        }

        await session.ExecuteRowsAsync(InsertContent, contents);
        await session.ExecuteRowsAsync(InsertReceipts, [.. written.Select(end => end.Receipt).OfType<SignedReceipt>()]);
        await SettleAsync(session, [.. written.Where(end => end.Transfers.Count > 0).Select(end => (end.Task.Id, end.Transfers))]);
        var suspended = await SqlAgentStats.LearnAsync(session, written, index);
        var progress = await SqlTaskBatches.CountAsync(session, [.. written.Select(end => end.Task)]);
        await SqlEvents.AppendAsync(session, written.Where(end => end.Task.BatchId is null).SelectMany(end => end.Events).Concat(progress).Concat(suspended));
    }

    private static async Task SettleAsync(SqlSession session, IReadOnlyList<(Id<AgentTask> Task, IReadOnlyList<Transfer> Linked)> settlements)
    {
        var refusals = await SqlLedger.ApplyEachAsync(session, [.. settlements.Select(settlement => settlement.Linked)]);
        for (var index = 0; index < refusals.Count; index++)
        {
            // A task's own money was held for it: that the ledger refuses to move it is a bug, and the transaction must not go through.
            if (refusals[index] is { } refused)
                throw new InvalidOperationException($"The ledger refused to settle {settlements[index].Task}: {refused.Code}: {refused.Detail}");
        }
    }

    public Task<Outcome<AgentTask, TaskRefusal>> CancelAsync(
        Id<AgentTask> id, Id<User> owner, Id<Transfer> releaseId, Id<Account> clearing, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<AgentTask, TaskRefusal>>(
            async session =>
            {
                if (await LockAsync(session, id, owner) is not { } task)
                    return new Refusal<TaskRefusal>(TaskRefusal.TaskUnknown, $"You have no task {id}.");
                if (task.State.IsFinal)
                    return new Refusal<TaskRefusal>(TaskRefusal.AlreadyFinal, $"The task has {task.State.Name} already: there is nothing to cancel.");
                if (task.State is TaskState.Running)
                {
                    await session.ExecuteAsync("UPDATE tasks SET cancel_requested_at = COALESCE(cancel_requested_at, @now) WHERE id = @id", new { id, now });
                    return task.RequestCancel(now);
                }

                var cancelled = task.Cancel(now);
                await session.ExecuteAsync(TaskRow.Update + " WHERE id = @Id", TaskRow.Of(cancelled));
                await SettleAsync(session, [new AttemptEnd(
                    cancelled, Settlement.Release(cancelled, clearing, releaseId, now), null, null, ReadOnlyMemory<byte>.Empty, [TaskEvents.Ended(cancelled, now)])], index);
                return cancelled;
            },
            cancellationToken);

    public Task<IReadOnlyList<AgentTask>> ListAbandonedAsync(int limit, CancellationToken cancellationToken) => database.ReadAsync(
        async session => ToTasks(await session.QueryAsync<TaskRow>(
            Select + "WHERE state = 'running' AND lease_holder NOT IN (SELECT holder FROM nodes) ORDER BY started_at, id LIMIT @limit", new { limit })),
        cancellationToken);

    public Task<AgentTask?> GetAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session => (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id", new { id }))?.ToTask(), cancellationToken);

    public Task<Page<AgentTask>> ListAsync(Id<User> owner, string? state, PageRequest page, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                var hasCursor = Id<AgentTask>.TryParse(page.Cursor, out var before);
                var rows = await session.QueryAsync<TaskRow>(
                    Select + "WHERE owner_id = @owner"
                    // The word itself, not a parameter: so the index over the tasks in that state alone is found.
                    + (state is null ? "" : state == TaskStateNames.Queued
                        ? $" AND state IN ('{TaskStateNames.Queued}', '{SqlAuctions.BiddingState}')"
                        : $" AND state = '{TaskStateNames.All.Single(name => name == state)}'")
                    + (hasCursor ? " AND id < @before" : "")
                    + " ORDER BY id DESC LIMIT @limit",
                    new { owner, before, limit = page.Limit + 1 });
                var items = ToTasks(rows.Take(page.Limit));
                return new Page<AgentTask>(items, rows.Count > page.Limit ? items[^1].Id.ToString() : null);
            },
            cancellationToken);

    public Task<byte[]?> ReadInputAsync(Id<AgentTask> id, CancellationToken cancellationToken) => ReadContentAsync(id, "input", cancellationToken);

    public Task<byte[]?> ReadOutputAsync(Id<AgentTask> id, CancellationToken cancellationToken) => ReadContentAsync(id, "output", cancellationToken);

    public Task<byte[]?> ReadLogAsync(Id<AgentTask> id, CancellationToken cancellationToken) => ReadContentAsync(id, "log", cancellationToken);

    public Task<SignedReceipt?> GetReceiptAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session => await session.QueryFirstOrDefaultAsync<ReceiptRow>("SELECT id, envelope FROM receipts WHERE task_id = @task", new { task }) is { } row
                ? new SignedReceipt(row.Id, task, DsseEnvelope.FromJson(row.Envelope))
                : null,
            cancellationToken);

    public Task<StoredSelection?> FindSelectionAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        database.ReadAsync(session => SqlTaskChoices.FindAsync(session, id), cancellationToken);

    public Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>(
                """
                SELECT COALESCE(
                    (SELECT due_at FROM tasks WHERE state = 'queued' AND tag IS NOT NULL ORDER BY tag, id LIMIT 1),
                    (SELECT due_at FROM tasks WHERE state = 'queued' AND tag IS NULL ORDER BY due_at, id LIMIT 1))
                """),
            cancellationToken);

    public Task<IReadOnlyDictionary<string, long>> CountOpenAsync(CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyDictionary<string, long>>(
            async session => new Dictionary<string, long>
            {
                [TaskStateNames.Queued] = await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM tasks WHERE state = 'queued'"),
                [TaskStateNames.Running] = await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM tasks WHERE state = 'running'"),
            },
            cancellationToken);

    /// <summary>Takes the keys of submissions; where one was used before, the earlier task or the refusal is the outcome.</summary>
    private static async Task TakeKeysAsync(SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes)
    {
        var keyed = Enumerable.Range(0, submissions.Count).Where(index => submissions[index].Idempotency is not null).ToList();
        var taken = await session.ExecuteRowsAsync(InsertKeys, [.. keyed.Select(index => submissions[index])]);
        for (var place = 0; place < keyed.Count; place++)
        {
            if (taken[place])
                continue;
            var submission = submissions[keyed[place]];
            outcomes[keyed[place]] = (await FindSubmissionAsync(session, submission.Task.OwnerId, submission.Idempotency!)).Match<Outcome<Submitted, TaskRefusal>>(
                earlier => new Submitted(earlier!, IsNew: false), refusal => refusal);
        }
    }

    /// <summary>Holds what the submissions that are still open cost; one that its wallet does not cover is refused and leaves nothing behind.</summary>
    private static async Task HoldAsync(SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes)
    {
        var priced = Enumerable.Range(0, submissions.Count).Where(index => outcomes[index] is null && submissions[index].Hold is not null).ToList();
        var refusals = await SqlLedger.ApplyEachAsync(session, [.. priced.Select(index => (IReadOnlyList<Transfer>)[submissions[index].Hold!])]);
        for (var place = 0; place < priced.Count; place++)
        {
            if (refusals[place] is not { } refused)
                continue;
            var (task, _, hold, key, _) = submissions[priced[place]];
            if (refused.Code != TransferRefusal.InsufficientFunds)
                throw new InvalidOperationException($"The ledger refused the hold of {task.Id}: {refused.Code}: {refused.Detail}");
            if (key is not null)
                await session.ExecuteAsync("DELETE FROM idempotency_keys WHERE owner_id = @OwnerId AND key = @Key", new { task.OwnerId, key.Key });
            outcomes[priced[place]] = new Refusal<TaskRefusal>(
                TaskRefusal.InsufficientFunds,
                $"The task would hold {hold!.Amount} USD, more than your wallet has available. Add funds or ask for less fuel: what is not used is released.");
        }
    }

    /// <summary>Gives the rows that are queued and due their turns, in order, each lane's one after another.</summary>
    private static async Task<IReadOnlyList<TaskRow>> TakeTurnsAsync(SqlSession session, IReadOnlyList<TaskRow> rows, Func<TaskRow, bool> isDue)
    {
        var lanes = rows.Where(row => row.State == TaskStateNames.Queued && isDue(row)).GroupBy(row => (row.OwnerId, row.Priority))
            .OrderBy(lane => lane.Key.OwnerId).ThenBy(lane => lane.Key.Priority).ToList();
        if (lanes.Count == 0)
            return rows;
        var tags = new Dictionary<Id<AgentTask>, long>();
        foreach (var lane in lanes)
        {
            var step = FairQueue.StepOf((TaskPriority)lane.Key.Priority);
            var length = step * lane.Count();
            var tag = await session.QuerySingleAsync<long>(
                """
                INSERT INTO lanes (owner_id, priority, last_tag)
                VALUES (@OwnerId, @Priority, (SELECT virtual_time FROM queue_clock) + @length)
                ON CONFLICT (owner_id, priority) DO UPDATE SET last_tag =
                    CASE WHEN lanes.last_tag + @length > excluded.last_tag THEN lanes.last_tag + @length ELSE excluded.last_tag END
                RETURNING last_tag
                """,
                new { lane.Key.OwnerId, lane.Key.Priority, length }) - length;
            foreach (var row in lane)
                tags[row.Id] = tag += step;
        }

        return [.. rows.Select(row => tags.TryGetValue(row.Id, out var tag) ? row with { Tag = tag } : row)];
    }

    /// <summary>Lets tasks whose time has come wait for their turns: one that ran before has the next, since its first was paid for.</summary>
    private static async Task GiveTurnsAsync(SqlSession session, DateTimeOffset now)
    {
        var due = await session.QueryAsync<TaskRow>(
            Select + "WHERE state = 'queued' AND tag IS NULL AND due_at <= @now ORDER BY due_at, id LIMIT @limit {for update skip locked}",
            new { now, limit = MaxGroup });
        if (due.Count == 0)
            return;
        var again = due.Where(row => row.Token > 0).Select(row => row.Id).ToList();
        if (again.Count > 0)
            await session.ExecuteAsync("UPDATE tasks SET tag = (SELECT virtual_time FROM queue_clock) WHERE id IN @again", new { again });
        var fresh = await TakeTurnsAsync(session, [.. due.Where(row => row.Token == 0)], _ => true);
        await session.ExecuteRowsAsync(SetTag, fresh);
    }

    private static readonly SqlRows<TaskRow> SetTag = SqlRows<TaskRow>.Update(
        "tasks",
        "tag = {tag}",
        "t.id = {id}",
        [SqlField<TaskRow>.OfText("id", row => row.Id.ToString()), SqlField<TaskRow>.OfInteger("tag", row => row.Tag)]);

    private static async Task<Outcome<AgentTask?, TaskRefusal>> FindSubmissionAsync(SqlSession session, Id<User> owner, IdempotencyKey key)
    {
        var used = await session.QueryFirstOrDefaultAsync<(ContentHash RequestHash, Id<AgentTask> TaskId)?>(
            "SELECT request_hash, task_id FROM idempotency_keys WHERE owner_id = @owner AND key = @Key", new { owner, key.Key });
        if (used is null)
            return (AgentTask?)null;
        if (used.Value.RequestHash != key.RequestHash)
            return new Refusal<TaskRefusal>(TaskRefusal.IdempotencyKeyReused, $"The idempotency key was used for another request, which made {used.Value.TaskId}. Take a new key for a new request.");
        return await GetAsync(session, used.Value.TaskId, owner);
    }

    private static async Task<bool> IsAnyDueAsync(SqlSession session, DateTimeOffset now) =>
        await session.QueryFirstOrDefaultAsync<long?>(
            """
            SELECT COALESCE(
                (SELECT 1 FROM tasks WHERE state = 'queued' AND tag IS NOT NULL LIMIT 1),
                (SELECT 1 FROM tasks WHERE state = 'queued' AND tag IS NULL AND due_at <= @now LIMIT 1))
            """,
            new { now }) is not null;

    private static async Task<AgentTask?> LockAsync(SqlSession session, Id<AgentTask> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id AND owner_id = @owner {for update}", new { id, owner }))?.ToTask();

    private static async Task<AgentTask?> GetAsync(SqlSession session, Id<AgentTask> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToTask();

    private Task<byte[]?> ReadContentAsync(Id<AgentTask> id, string kind, CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<byte[]>("SELECT bytes FROM task_content WHERE task_id = @id AND kind = @kind", new { id, kind }),
            cancellationToken);

    private static IReadOnlyList<AgentTask> ToTasks(IEnumerable<TaskRow> rows) => [.. rows.Select(row => row.ToTask())];

    private sealed record Content(Id<AgentTask> TaskId, string Kind, ReadOnlyMemory<byte> Bytes);

    private sealed record ReceiptRow(Id<Receipt> Id, byte[] Envelope);
}
