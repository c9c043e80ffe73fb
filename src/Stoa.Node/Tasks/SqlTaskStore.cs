using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Tasks, their queue, their receipts and the keys of their submissions in the node's database.</summary>
/// <remarks>
/// Every write that a transition makes is guarded by the state and token that it starts from, so that on PostgreSQL, where acts run
/// side by side, the loser of a race changes no row and sees that. In one act a task's row is locked before any account is.
/// </remarks>
public sealed class SqlTaskStore(Database database) : ITaskStore
{
    private const string Select = $"SELECT {TaskRow.Columns} FROM tasks ";
    private const long HeadOfQueue = 0;

    public Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(NewTask submission, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Submitted, TaskRefusal>>(
            async session =>
            {
                var task = submission.Task;
                if (submission.Idempotency is { } key && !await TakeKeyAsync(session, task, key))
                {
                    return (await FindSubmissionAsync(session, task.OwnerId, key)).Match<Outcome<Submitted, TaskRefusal>>(
                        earlier => new Submitted(earlier!, IsNew: false), refusal => refusal);
                }

                if (submission.Hold is { } hold && (await SqlLedger.ApplyAsync(session, [hold])).Refusal is { } refused)
                {
                    session.Abandon();
                    return refused.Code == TransferRefusal.InsufficientFunds
                        ? new Refusal<TaskRefusal>(
                            TaskRefusal.InsufficientFunds,
                            $"The task would hold {hold.Amount} USD, more than your wallet has available. Add funds or ask for less fuel: what is not used is released.")
                        : throw new InvalidOperationException($"The ledger refused the hold of {task.Id}: {refused.Code}: {refused.Detail}");
                }

                var claimed = submission.Claim is { } offer && !await IsAnyDueAsync(session, task.CreatedAt)
                    ? task.Claim(offer.Holder.ToString(), task.CreatedAt, offer.Lease)
                    : task;
                await session.ExecuteAsync(TaskRow.Insert, TaskRow.Of(claimed));
                if (submission.InlineInput is { } input)
                    await WriteContentAsync(session, task.Id, "input", input);
                await SqlEvents.AppendAsync(
                    session,
                    claimed.State is TaskState.Running
                        ? [TaskEvents.Queued(task, task.CreatedAt), TaskEvents.Started(claimed, task.CreatedAt)]
                        : [TaskEvents.Queued(task, task.CreatedAt)]);
                return new Submitted(claimed, IsNew: true);
            },
            cancellationToken);

    public Task<Outcome<AgentTask?, TaskRefusal>> FindSubmissionAsync(Id<User> owner, IdempotencyKey key, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindSubmissionAsync(session, owner, key), cancellationToken);

    public Task<IReadOnlyList<AgentTask>> ClaimAsync(
        LeaseHolder holder, ClaimRoom room, DateTimeOffset now, TimeSpan lease, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<AgentTask>>(
            async session =>
            {
                var due = await session.QueryAsync<TaskRow>(
                    Select + """
                    WHERE state = 'queued' AND queue_position <= @now AND memory_limit_bytes <= @maxMemoryBytes
                    ORDER BY queue_position, id LIMIT @count {for update skip locked}
                    """,
                    new { now, room.MaxMemoryBytes, room.Count });
                var freeBytes = room.FreeMemoryBytes;
                var claimed = due
                    .TakeWhile(row => (freeBytes -= row.MemoryLimitBytes) >= 0)
                    .Select(row => row.ToTask().Claim(holder.ToString(), now, lease))
                    .ToList();
                if (claimed.Count == 0)
                    return [];
                await session.ExecuteEachAsync(TaskRow.Update + " WHERE id = @Id AND state = 'queued'", claimed.Select(TaskRow.Of));
                await SqlEvents.AppendAsync(session, claimed.Select(task => TaskEvents.Started(task, now)));
                return claimed;
            },
            cancellationToken);

    public Task<AgentTask?> ExpediteAsync(Id<AgentTask> id, Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                if (await LockAsync(session, id, owner) is not { State: TaskState.Queued } task)
                    return await GetAsync(session, id, owner);
                var expedited = task.Expedite(now);
                await session.ExecuteAsync(
                    TaskRow.Update + " WHERE id = @Id AND state = 'queued'", TaskRow.Of(expedited) with { QueuePosition = HeadOfQueue });
                return expedited;
            },
            cancellationToken);

    public Task<Renewal> RenewAsync(
        LeaseHolder holder, IReadOnlyList<LeaseRef> leases, DateTimeOffset now, TimeSpan lease, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                var rows = await session.QueryAsync<(Id<AgentTask> Id, long Token, DateTimeOffset? CancelRequestedAt)>(
                    """
                    UPDATE tasks SET lease_expires_at = @expiresAt
                    WHERE state = 'running' AND lease_holder = @holder AND id IN @ids
                    RETURNING id, token, cancel_requested_at
                    """,
                    new { expiresAt = now + lease, holder = holder.ToString(), ids = leases.Select(held => held.TaskId).ToList() });
                var kept = rows.ToDictionary(row => new LeaseRef(row.Id, row.Token), row => row.CancelRequestedAt);
                return new Renewal(
                    [.. leases.Where(held => !kept.ContainsKey(held))],
                    [.. leases.Where(held => kept.GetValueOrDefault(held) is not null)]);
            },
            cancellationToken);

    public Task<AttemptEndOutcome> EndAttemptAsync(AttemptEnd end, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                var task = end.Task;
                var goesBack = task.State is TaskState.Queued;
                var written = await session.ExecuteAsync(
                    goesBack
                        ? TaskRow.Update + " WHERE id = @Id AND state = 'running' AND token = @Token AND cancel_requested_at IS NULL"
                        : TaskRow.Update + ", cancel_requested_at = COALESCE(cancel_requested_at, @CancelRequestedAt) WHERE id = @Id AND state = 'running' AND token = @Token",
                    TaskRow.Of(task));
                if (written == 0)
                {
                    return goesBack && await GetAsync(session, task.Id, task.OwnerId) is { State: TaskState.Running, CancelRequestedAt: not null } now && now.Token == task.Token
                        ? AttemptEndOutcome.CancelRequested
                        : AttemptEndOutcome.LeaseLost;
                }

                await ApplyAsync(session, task.Id, end.Transfers);
                if (end.InlineOutput is { } output)
                    await WriteContentAsync(session, task.Id, "output", output);
                if (!end.Log.IsEmpty)
                    await WriteContentAsync(session, task.Id, "log", end.Log);
                if (end.Receipt is { } receipt)
                {
                    await session.ExecuteAsync(
                        "INSERT INTO receipts (id, task_id, envelope) VALUES (@Id, @TaskId, @envelope)",
                        new { receipt.Id, receipt.TaskId, envelope = receipt.Envelope.ToJson() });
                }

                await SqlEvents.AppendAsync(session, end.Events);
                return AttemptEndOutcome.Written;
            },
            cancellationToken);

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
                await session.ExecuteAsync(TaskRow.Update + ", cancel_requested_at = @CancelRequestedAt WHERE id = @Id", TaskRow.Of(cancelled));
                await ApplyAsync(session, id, Settlement.Release(cancelled, clearing, releaseId, now));
                await SqlEvents.AppendAsync(session, [TaskEvents.Ended(cancelled, now)]);
                return cancelled;
            },
            cancellationToken);

    public Task<IReadOnlyList<AgentTask>> ListAbandonedAsync(
        LeaseHolder self, DateTimeOffset now, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session => ToTasks(await session.QueryAsync<TaskRow>(
                Select + """
                WHERE state = 'running'
                    AND (lease_expires_at <= @now OR (lease_holder <> @self AND SUBSTR(lease_holder, 1, LENGTH(@node)) = @node))
                ORDER BY lease_expires_at, id LIMIT @limit
                """,
                new { now, self = self.ToString(), node = $"{self.Node}/", limit })),
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
                    + (state is null ? "" : " AND state = @state")
                    + (hasCursor ? " AND id < @before" : "")
                    + " ORDER BY id DESC LIMIT @limit",
                    new { owner, state, before, limit = page.Limit + 1 });
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

    public Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>(
                "SELECT due_at FROM tasks WHERE state = 'queued' ORDER BY queue_position, id LIMIT 1"),
            cancellationToken);

    public Task<IReadOnlyDictionary<string, long>> CountOpenAsync(CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyDictionary<string, long>>(
            async session => new Dictionary<string, long>
            {
                [TaskStateNames.Queued] = await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM tasks WHERE state = 'queued'"),
                [TaskStateNames.Running] = await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM tasks WHERE state = 'running'"),
            },
            cancellationToken);

    private static async Task<bool> TakeKeyAsync(SqlSession session, AgentTask task, IdempotencyKey key) =>
        await session.ExecuteAsync(
            """
            INSERT INTO idempotency_keys (owner_id, key, request_hash, task_id) VALUES (@OwnerId, @Key, @RequestHash, @Id)
            ON CONFLICT (owner_id, key) DO NOTHING
            """,
            new { task.OwnerId, key.Key, key.RequestHash, task.Id }) == 1;

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
            "SELECT 1 FROM tasks WHERE state = 'queued' AND queue_position <= @now LIMIT 1", new { now }) is not null;

    private static async Task<AgentTask?> LockAsync(SqlSession session, Id<AgentTask> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id AND owner_id = @owner {for update}", new { id, owner }))?.ToTask();

    private static async Task<AgentTask?> GetAsync(SqlSession session, Id<AgentTask> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToTask();

    private static async Task ApplyAsync(SqlSession session, Id<AgentTask> task, IReadOnlyList<Transfer> transfers)
    {
        // A task's own money was held for it: that the ledger refuses to move it is a bug, and the transaction must not go through.
        if (transfers.Count > 0 && (await SqlLedger.ApplyAsync(session, transfers)).Refusal is { } refused)
            throw new InvalidOperationException($"The ledger refused to settle {task}: {refused.Code}: {refused.Detail}");
    }

    private static Task<int> WriteContentAsync(SqlSession session, Id<AgentTask> taskId, string kind, ReadOnlyMemory<byte> bytes) =>
        session.ExecuteAsync(
            "INSERT INTO task_content (task_id, kind, bytes) VALUES (@taskId, @kind, @bytes)", new { taskId, kind, bytes = bytes.ToArray() });

    private Task<byte[]?> ReadContentAsync(Id<AgentTask> id, string kind, CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<byte[]>("SELECT bytes FROM task_content WHERE task_id = @id AND kind = @kind", new { id, kind }),
            cancellationToken);

    private static IReadOnlyList<AgentTask> ToTasks(IEnumerable<TaskRow> rows) => [.. rows.Select(row => row.ToTask())];

    private sealed record ReceiptRow(Id<Receipt> Id, byte[] Envelope);
}
