using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Batches in the node's database.</summary>
/// <param name="database">The cell's.</param>
/// <param name="recent">Remembers submissions until they are claimed; null for nobody.</param>
/// <param name="quota">What everybody may take up; null for any number of tasks.</param>
public sealed class SqlTaskBatchStore(Database database, RecentSubmissions? recent = null, UserQuota? quota = null) : ITaskBatchStore
{
    private const string Select = $"SELECT {SqlTaskBatches.Columns} FROM task_batches ";

    // The ids of a batch's tasks lie between its first and its last, so the index over the owner's tasks leads to them.
    private const string OfBatch = "WHERE owner_id = @OwnerId AND id >= @from AND id <= @Last AND batch_id = @Id";

    public async Task<Outcome<TaskBatch, TaskRefusal>> SubmitAsync(TaskBatch batch, IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken)
    {
        // Before the act, so that a claim of the same group finds them: until they are written nobody asks for them.
        recent?.AddQueued([.. tasks.Select(task => (task.Task, task.InlineInput))]);
        var isNew = false;
        try
        {
            (var outcome, isNew) = await WriteAsync(batch, tasks, cancellationToken);
            return outcome;
        }
        finally
        {
            if (!isNew)
                recent?.Forget(tasks.Select(task => task.Task.Id));
        }
    }

    private Task<(Outcome<TaskBatch, TaskRefusal> Outcome, bool IsNew)> WriteAsync(TaskBatch batch, IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken) =>
        database.WriteAsync<(Outcome<TaskBatch, TaskRefusal>, bool)>(
            async session =>
            {
                var added = await session.ExecuteAsync(
                    $"""
                    INSERT INTO task_batches ({SqlTaskBatches.Columns})
                    VALUES (@Id, @OwnerId, @Size, @First, @Last, 0, 0, 0, 0, NULL, @CreatedAt, NULL)
                    ON CONFLICT (id) DO NOTHING
                    """,
                    batch);
                if (added == 0)
                    return ((await FindAsync(session, batch.Id, batch.OwnerId))!, false);

                foreach (var submitted in await SqlTaskSubmissions.AddAsync(session, tasks, quota, recent))
                {
                    if (submitted.Refusal is not { } refusal)
                        continue;
                    session.Abandon();
                    return (refusal.Code switch
                    {
                        TaskRefusal.InsufficientFunds => refusal with { Detail = $"The tasks of the batch would hold {TotalOf(tasks)} USD in all, more than your wallet has available. Add funds, or ask for fewer tasks or less fuel: what is not used is released." },
                        TaskRefusal.OpenTasksTooMany => refusal with { Detail = $"The batch has {tasks.Count} tasks. {refusal.Detail}" },
                        _ => refusal,
                    }, false);
                }

                await SqlEvents.AppendAsync(session, [BatchEvents.Progress(batch, batch.CreatedAt)]);
                return (batch, true);
            },
            cancellationToken);

    public Task<TaskBatchProgress?> GetAsync(Id<TaskBatch> id, Id<User> owner, CancellationToken cancellationToken) =>
        database.ReadAsync(
            // Leases are few: CROSS JOIN has SQLite begin with them, and not read all tasks for the batch's.
            async session => await FindAsync(session, id, owner) is { } batch
                ? new TaskBatchProgress(
                    batch, await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM leases AS l CROSS JOIN tasks AS t WHERE t.id = l.task_id AND t.batch_id = @id", new { id }))
                : null,
            cancellationToken);

    public Task<Page<TaskBatchProgress>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                var hasCursor = Id<TaskBatch>.TryParse(page.Cursor, out var before);
                var rows = await session.QueryAsync<BatchRow>(
                    Select + "WHERE owner_id = @owner" + (hasCursor ? " AND id < @before" : "") + " ORDER BY id DESC LIMIT @limit",
                    new { owner, before, limit = page.Limit + 1 });
                List<TaskBatch> items = [.. rows.Take(page.Limit).Select(row => row.ToBatch())];
                var running = (await session.QueryAsync<(Id<TaskBatch> Id, long Count)>(
                    "SELECT t.batch_id, COUNT(*) FROM leases AS l CROSS JOIN tasks AS t WHERE t.id = l.task_id AND t.batch_id IN @ids GROUP BY t.batch_id",
                    new { ids = items.Select(batch => batch.Id) })).ToDictionary(row => row.Id, row => row.Count);
                return new Page<TaskBatchProgress>(
                    [.. items.Select(batch => new TaskBatchProgress(batch, running.GetValueOrDefault(batch.Id)))],
                    rows.Count > page.Limit ? items[^1].Id.ToString() : null);
            },
            cancellationToken);

    public Task<Page<AgentTask>> ListTasksAsync(TaskBatch batch, string? state, PageRequest page, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                // A cursor from elsewhere must not have more read than the batch.
                var hasCursor = Id<AgentTask>.TryParse(page.Cursor, out var after) && after >= batch.First;
                var rows = await session.QueryAsync<TaskRow>(
                    TaskRow.Select + OfBatch + (hasCursor ? " AND id > @from" : "") + (state is null ? "" : " AND state = @state") + " ORDER BY id LIMIT @limit",
                    new { batch.OwnerId, batch.Id, batch.Last, from = hasCursor ? after : batch.First, state, limit = page.Limit + 1 });
                List<AgentTask> items = [.. rows.Take(page.Limit).Select(row => row.ToTask())];
                return new Page<AgentTask>(items, rows.Count > page.Limit ? items[^1].Id.ToString() : null);
            },
            cancellationToken);

    public Task<Outcome<BatchCancellation, TaskRefusal>> CancelAsync(
        Id<TaskBatch> id, Id<User> owner, Id<Account> clearing, IdSource ids, DateTimeOffset now, int limit, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<BatchCancellation, TaskRefusal>>(
            async session =>
            {
                if (await FindAsync(session, id, owner) is not { } batch)
                    return new Refusal<TaskRefusal>(TaskRefusal.BatchUnknown, $"You have no batch {id}.");
                if (batch.FinishedAt is not null)
                    return new Refusal<TaskRefusal>(TaskRefusal.AlreadyFinal, "All tasks of the batch have ended: there is nothing to cancel.");

                var found = new { batch.OwnerId, batch.Id, batch.Last, from = batch.First, limit, now };
                var waiting = await session.QueryAsync<TaskRow>(
                    TaskRow.Select + OfBatch + " AND state = 'queued' ORDER BY id LIMIT @limit", found);
                List<AgentTask> cancelled = [.. (await SqlTaskQueue.TakeOutAsync(session, waiting)).Select(task => task.Cancel(now))];
                await session.SendRowsAsync(TaskStatements.End, [.. cancelled.Select(TaskEnd.Of)]);
                await session.SendAsync(
                    """
                    UPDATE leases SET cancel_requested_at = COALESCE(cancel_requested_at, @now)
                    WHERE task_id IN (SELECT l.task_id FROM leases AS l CROSS JOIN tasks AS t WHERE t.id = l.task_id AND t.batch_id = @Id)
                    """,
                    found);
                await SqlTaskStore.SettleAsync(session, [.. cancelled.Select(task => new AttemptEnd(
                    task, Settlement.Release(task, clearing, ids.Next<Transfer>(), now), null, null, ReadOnlyMemory<byte>.Empty, []))], index: null);
                await session.SendAsync("UPDATE task_batches SET cancel_requested_at = COALESCE(cancel_requested_at, @now) WHERE id = @id", new { id, now });
                return new BatchCancellation((await FindAsync(session, id, owner))!, cancelled, waiting.Count == limit);
            },
            cancellationToken);

    private static async Task<TaskBatch?> FindAsync(SqlSession session, Id<TaskBatch> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<BatchRow>(
            Select + "WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToBatch();

    private static Money TotalOf(IReadOnlyList<NewTask> tasks) => new(tasks.Sum(task => task.Hold?.Amount.Nanodollars ?? 0));
}
