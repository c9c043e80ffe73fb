using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Metering;
using Stoa.Node.Plans;
using Stoa.Node.Quotas;
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
    private const string Select = TaskRow.Select;
    private const int MaxGroup = 500;
    private const int MaxLooks = 100;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    private static readonly SqlRows<SignedReceipt> s_insertReceipts = SqlRows<SignedReceipt>.Insert(
        "receipts",
        [
            SqlField<SignedReceipt>.OfId("id", receipt => receipt.Id),
            SqlField<SignedReceipt>.OfId("task_id", receipt => receipt.TaskId),
            SqlField<SignedReceipt>.OfBytes("envelope", receipt => receipt.Envelope.ToJson()),
        ]);

    private readonly Database _database;
    private readonly TimeProvider _time;
    private readonly AgentIndex? _index;
    private readonly RecentSubmissions? _recent;
    private readonly OpenedAuctions? _auctions;
    private readonly UserQuota? _quota;
    private readonly GroupCommit<Pending<NewTask>, Outcome<Submitted, TaskRefusal>> _submissions;
    private readonly GroupCommit<Pending<AttemptEnd>, AttemptEndOutcome> _ends;

    /// <param name="database">The cell's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="index">Told what is learnt of agents; null for nobody.</param>
    /// <param name="recent">Remembers submissions until they are claimed; null for nobody.</param>
    /// <param name="quota">What everybody may take up; null for any number of tasks.</param>
    /// <param name="auctions">Told of new auctions; null for nobody.</param>
    public SqlTaskStore(
        Database database,
        TimeProvider time,
        AgentIndex? index = null,
        RecentSubmissions? recent = null,
        UserQuota? quota = null,
        OpenedAuctions? auctions = null)
    {
        _database = database;
        _time = time;
        _index = index;
        _recent = recent;
        _auctions = auctions;
        _quota = quota;
        _submissions = new(group => SubmitAllAsync(group, CancellationToken.None), MaxGroup);
        _ends = new(group => EndAttemptsAsync(group, CancellationToken.None), MaxGroup);
    }

    public async Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(NewTask submission, CancellationToken cancellationToken)
    {
        try
        {
            return await _submissions.WriteAsync(new(submission, MayBeWritten: false), cancellationToken);
        }
        catch (CommitUnknownException)
        {
            return await SubmitAgainAsync(submission, cancellationToken);
        }
    }

    public Task<IReadOnlyList<Outcome<Submitted, TaskRefusal>>> SubmitAllAsync(IReadOnlyList<NewTask> submissions, CancellationToken cancellationToken) =>
        SubmitAllAsync([.. submissions.Select(submission => new Pending<NewTask>(submission, MayBeWritten: false))], cancellationToken);

    private async Task<Outcome<Submitted, TaskRefusal>> SubmitAgainAsync(NewTask submission, CancellationToken cancellationToken)
    {
        var again = _submissions.WriteAsync(new(submission, MayBeWritten: true), cancellationToken);
        await ((Task)again).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if ((again.IsCompletedSuccessfully && again.Result.Refusal is null) || again.IsCanceled || again.Exception?.InnerException?.MayPass() == true)
            return await again;
        // The server may have been at the first commit when it was looked for, and this one then stumbled over what that wrote.
        var found = await _database.ReadAsync(session => UnknownCommits.FindAsync(session, [submission]), cancellationToken);
        return found.TryGetValue(submission.Task.Id, out var written) ? written : await again;
    }

    private async Task<IReadOnlyList<Outcome<Submitted, TaskRefusal>>> SubmitAllAsync(
        IReadOnlyList<Pending<NewTask>> pending, CancellationToken cancellationToken)
    {
        var submissions = pending.Select(one => one.Item).ToList();
        var outcomes = new Outcome<Submitted, TaskRefusal>[submissions.Count];
        IReadOnlyList<int> left = [.. Enumerable.Range(0, submissions.Count)];
        // The second of two that bear the same key must see what became of the first.
        while (left.Count > 0)
        {
            var keys = new HashSet<(Id<User>, string)>();
            var now = left.ToLookup(index => submissions[index].Idempotency is not { } key || keys.Add((submissions[index].Task.OwnerId, key.Key)));
            var group = now[true].ToList();
            // Before the act, so that a claim of the same group finds them: until they are written nobody asks for them.
            _recent?.AddQueued([.. group.Where(index => !pending[index].MayBeWritten).Select(index => (submissions[index].Task, submissions[index].InlineInput))]);
            Outcome<Submitted, TaskRefusal>[] written;
            try
            {
                written = await _database.WriteAsync(session => SqlTaskSubmissions.AddAsync(session, [.. group.Select(index => pending[index])], _quota, _recent), cancellationToken);
            }
            catch
            {
                _recent?.Forget(group.Select(index => submissions[index].Task.Id));
                throw;
            }

            for (var place = 0; place < group.Count; place++)
            {
                outcomes[group[place]] = written[place];
                var isNew = written[place].Refusal is null && written[place].Value.IsNew;
                if (!isNew || written[place].Value.Task.State is TaskState.Running)
                    _recent?.Forget([submissions[group[place]].Task.Id]);
                if (isNew && submissions[group[place]].Auction is { } auction)
                    _auctions?.Tell(auction);
            }

            left = [.. now[false]];
        }

        return outcomes;
    }

    public Task<Outcome<AgentTask?, TaskRefusal>> FindSubmissionAsync(Id<User> owner, IdempotencyKey key, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskSubmissions.FindAsync(session, owner, key), cancellationToken);

    public Task<IReadOnlyList<AgentTask>> ClaimAsync(
        LeaseHolder holder, ClaimRoom room, DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.WriteAsync<IReadOnlyList<AgentTask>>(
            async session =>
            {
                var claimed = await SqlTaskQueue.ClaimAsync(session, holder, room, now, _recent);
                await SqlEvents.AppendAsync(session, claimed.Where(task => task.BatchId is null).Select(task => TaskEvents.Started(task, now)));
                return claimed;
            },
            cancellationToken);

    public Task<int> BringForwardAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.WriteAsync(session => SqlTaskQueue.BringForwardAsync(session, now), cancellationToken);

    public Task<AgentTask?> ExpediteAsync(Id<AgentTask> id, Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.WriteAsync(
            async session =>
            {
                for (var look = 0; look < MaxLooks; look++)
                {
                    if (await GetAsync(session, id, owner) is not { State: TaskState.Queued, IsBidding: false } task)
                        return await GetAsync(session, id, owner);
                    if (!await SqlTaskQueue.TakeOutAsync(session, id))
                        continue;
                    var expedited = (await ReadTakenOutAsync(session, task)).Expedite(now);
                    await SqlTaskQueue.PutFirstAsync(session, expedited);
                    await SqlTaskDemand.BringForwardAsync(session, id, now);
                    return expedited;
                }

                throw NotInItsPlace(id);
            },
            cancellationToken);

    public Task<IReadOnlyList<HeldTask>> ListHeldAsync(LeaseHolder holder, CancellationToken cancellationToken) => _database.ReadAsync<IReadOnlyList<HeldTask>>(
        async session => [.. (await session.QueryAsync<(Id<AgentTask> Id, long Token, DateTimeOffset? CancelRequestedAt)>(
            "SELECT task_id, token, cancel_requested_at FROM leases WHERE holder = @holder", new { holder = holder.ToString() }))
            .Select(row => new HeldTask(new LeaseRef(row.Id, row.Token), row.CancelRequestedAt is not null))],
        cancellationToken);

    public async Task<AttemptEndOutcome> EndAttemptAsync(AttemptEnd end, CancellationToken cancellationToken)
    {
        // The work is done: for as long as the database is away, its end waits. Who has the task by then is told by the token.
        var pause = s_firstPause;
        var mayBeWritten = false;
        for (var waited = TimeSpan.Zero; ; waited += pause, pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, s_longestPause.Ticks)))
        {
            try
            {
                return await _ends.WriteAsync(new(end, mayBeWritten), cancellationToken);
            }
            catch (Exception away) when (away.MayPass() && waited < s_patience)
            {
                mayBeWritten |= away is CommitUnknownException;
                await Task.Delay(pause, _time, cancellationToken);
            }
        }
    }

    public Task<IReadOnlyList<AttemptEndOutcome>> EndAttemptsAsync(IReadOnlyList<AttemptEnd> ends, CancellationToken cancellationToken) =>
        EndAttemptsAsync([.. ends.Select(end => new Pending<AttemptEnd>(end, MayBeWritten: false))], cancellationToken);

    private async Task<IReadOnlyList<AttemptEndOutcome>> EndAttemptsAsync(IReadOnlyList<Pending<AttemptEnd>> pending, CancellationToken cancellationToken)
    {
        var ends = pending.Select(one => one.Item).ToList();
        var rows = ends.Select(end => end.Task.State.IsFinal ? TaskEnd.Of(end.Task) : default).ToArray();
        return await _database.WriteAsync(
            async session =>
            {
                var outcomes = new AttemptEndOutcome[ends.Count];
                Array.Fill(outcomes, AttemptEndOutcome.LeaseLost);
                var kept = new bool[ends.Count];
                // The same lease twice is two statements: the second finds it ended. Of two leases of a task one at most is there.
                var seen = new HashSet<LeaseRef>();
                var places = Enumerable.Range(0, ends.Count).Where(index => seen.Add(new(ends[index].Task.Id, ends[index].Task.Token))).ToLookup(index => ends[index].Task.State.IsFinal);
                await EndLeasesAsync(TaskStatements.EndLease, [.. places[true]]);
                await EndLeasesAsync(TaskStatements.HandBackLease, [.. places[false]]);
                await session.SendRowsAsync(TaskStatements.End, [.. places[true].Where(IsWritten).Select(index => rows[index])]);
                await SqlTaskQueue.ReturnAsync(session, [.. places[false].Where(IsWritten).Select(index => ends[index].Task)], _time.GetUtcNow());
                await SettleAsync(session, [.. Enumerable.Range(0, ends.Count).Where(IsWritten).Select(index => ends[index])], _index);
                await SqlTaskOutputs.GiveUpAsync(session, ends.Where((end, index) => outcomes[index] is AttemptEndOutcome.LeaseLost), _time.GetUtcNow());
                return outcomes;

                bool IsWritten(int index) => kept[index];

                async Task EndLeasesAsync(SqlRows<AgentTask> statement, IReadOnlyList<int> some)
                {
                    var ended = await session.ExecuteRowsAsync(statement, [.. some.Select(index => ends[index].Task)]);
                    for (var place = 0; place < some.Count; place++)
                    {
                        kept[some[place]] = ended[place];
                        outcomes[some[place]] = ended[place] ? AttemptEndOutcome.Written : await WhyNotAsync(session, pending[some[place]]);
                    }
                }
            },
            cancellationToken);
    }

    private static async Task<AttemptEndOutcome> WhyNotAsync(SqlSession session, Pending<AttemptEnd> end)
    {
        var ended = end.Item.Task;
        if (end.MayBeWritten && await UnknownCommits.IsWrittenAsync(session, ended))
            return AttemptEndOutcome.Written;
        return ended.State is TaskState.Queued
            && await GetAsync(session, ended.Id, ended.OwnerId) is { State: TaskState.Running, CancelRequestedAt: not null } now && now.Token == ended.Token
            ? AttemptEndOutcome.CancelRequested
            : AttemptEndOutcome.LeaseLost;
    }

    /// <summary>All that goes with the ends of attempts: contents, receipts, money, progress of batches, events.</summary>
    internal static async Task SettleAsync(SqlSession session, IReadOnlyList<AttemptEnd> written, AgentIndex? index)
    {
        await SqlBudgets.ReassignAsync(session, written);
        await SqlTaskChoices.ReassignAsync(session, written);
        await SqlTaskDemand.ReassignAsync(session, written);
        var contents = new List<TaskContent>();
        foreach (var end in written)
        {
            if (end.InlineOutput is { } output)
                contents.Add(new TaskContent(end.Task.Id, "output", output));
            if (!end.Log.IsEmpty)
                contents.Add(new TaskContent(end.Task.Id, "log", end.Log.Bytes));
        }

        await session.SendRowsAsync(TaskStatements.InsertContent, contents);
        await SqlTaskLogs.AddStartsAsync(session, written);
        await SqlTaskRuns.AddAsync(session, written);
        await session.SendRowsAsync(s_insertReceipts, [.. written.Select(end => end.Receipt).OfType<SignedReceipt>()]);
        await SettleAsync(session, [.. written.Where(end => end.Transfers.Count > 0)]);
        var suspended = await SqlAgentStats.LearnAsync(session, written, index);
        await SqlTaskOutputs.GrantAsync(session, written);
        await SqlUserUsage.EndAsync(session, written);
        var progress = await SqlTaskBatches.CountAsync(session, [.. written.Select(end => end.Task)]);
        await SqlEvents.AppendAsync(session, written.Where(end => end.Task.BatchId is null).SelectMany(end => end.Events).Concat(progress).Concat(suspended));
    }

    private static async Task SettleAsync(SqlSession session, IReadOnlyList<AttemptEnd> ends)
    {
        var refusals = await SqlLedger.ApplyEachAsync(session, await SqlCreditHolds.SettleAsync(session, ends));
        for (var index = 0; index < refusals.Count; index++)
        {
            // A task's own money was held for it: that the ledger refuses to move it is a bug, and the transaction must not go through.
            if (refusals[index] is { } refused)
                throw new InvalidOperationException($"The ledger refused to settle {ends[index].Task.Id}: {refused.Code}: {refused.Detail}");
        }
    }

    public Task<Outcome<AgentTask, TaskRefusal>> CancelAsync(
        Id<AgentTask> id, Id<User> owner, Id<Transfer> releaseId, Id<Account> clearing, DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.WriteAsync<Outcome<AgentTask, TaskRefusal>>(
            async session =>
            {
                for (var look = 0; look < MaxLooks; look++)
                {
                    if (await GetAsync(session, id, owner) is not { } task)
                        return new Refusal<TaskRefusal>(TaskRefusal.TaskUnknown, $"You have no task {id}.");
                    if (task.State.IsFinal)
                        return new Refusal<TaskRefusal>(TaskRefusal.AlreadyFinal, $"The task has {task.State.Name} already: there is nothing to cancel.");
                    if (task.State is TaskState.Running)
                    {
                        if (await session.ExecuteAsync(
                            "UPDATE leases SET cancel_requested_at = COALESCE(cancel_requested_at, @now) WHERE task_id = @id AND token = @Token",
                            new { id, task.Token, now }) == 1)
                        {
                            return task.RequestCancel(now);
                        }

                        continue;
                    }

                    if (!(task.IsBidding ? await SqlAuctions.TakeOutAsync(session, id, now) : await SqlTaskQueue.TakeOutAsync(session, id)))
                        continue;
                    var cancelled = (await ReadTakenOutAsync(session, task)).Cancel(now);
                    await session.SendRowsAsync(TaskStatements.End, [TaskEnd.Of(cancelled)]);
                    await SettleAsync(session, [new AttemptEnd(
                        cancelled, Settlement.Release(cancelled, clearing, releaseId, now), null, null, ReadOnlyMemory<byte>.Empty, [TaskEvents.Ended(cancelled, now)])], _index);
                    return cancelled;
                }

                throw NotInItsPlace(id);
            },
            cancellationToken);

    public Task<Expiry> ExpireAsync(Id<Account> clearing, IdSource ids, DateTimeOffset now, int limit, CancellationToken cancellationToken) =>
        _database.WriteAsync(session => SqlTaskDeadlines.ExpireAsync(session, clearing, ids, now, limit, _index), cancellationToken);

    public Task<IReadOnlyList<LeaseRef>> ListAbandonedAsync(CancellationToken cancellationToken) =>
        _database.ReadAsync(SqlTaskLists.ListAbandonedAsync, cancellationToken);

    public Task<AgentTask?> GetAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        _database.ReadAsync(
            async session => (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id", new { id }))?.ToTask(), cancellationToken);

    public Task<Page<AgentTask>> ListAsync(Id<User> owner, string? state, PageRequest page, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskLists.ListAsync(session, owner, state, page), cancellationToken);

    public Task<byte[]?> ReadInputAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        _recent?.TakeInput(id) is { } bytes ? Task.FromResult<byte[]?>(bytes.ToArray()) : ReadContentAsync(id, "input", cancellationToken);

    public async Task<IReadOnlyDictionary<Id<AgentTask>, ReadOnlyMemory<byte>>> ReadInputsAsync(
        IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken)
    {
        var inputs = new Dictionary<Id<AgentTask>, ReadOnlyMemory<byte>>(ids.Count);
        foreach (var id in ids)
        {
            if (_recent?.TakeInput(id) is { } bytes)
                inputs.Add(id, bytes);
        }

        var unknown = ids.Where(id => !inputs.ContainsKey(id)).ToList();
        if (unknown.Count == 0)
            return inputs;
        var rows = await _database.ReadAsync(
            session => session.QueryAsync<(Id<AgentTask> TaskId, byte[] Bytes)>(
                "SELECT task_id, bytes FROM task_content WHERE kind = 'input' AND task_id IN @unknown", new { unknown }),
            cancellationToken);
        foreach (var (id, bytes) in rows)
            inputs.Add(id, bytes);
        return inputs;
    }

    public Task<byte[]?> ReadOutputAsync(Id<AgentTask> id, CancellationToken cancellationToken) => ReadContentAsync(id, "output", cancellationToken);

    public Task<KeptLog> ReadLogAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskLogs.ReadAsync(session, id), cancellationToken);

    public Task<SignedReceipt?> GetReceiptAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        _database.ReadAsync(
            async session => await session.QueryFirstOrDefaultAsync<ReceiptRow>("SELECT id, envelope FROM receipts WHERE task_id = @task AND node IS NULL", new { task }) is { } row
                ? new SignedReceipt(row.Id, task, DsseEnvelope.FromJson(row.Envelope))
                : null,
            cancellationToken);

    public Task<IReadOnlyList<TaskRun>> ListRunsAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskRuns.ListAsync(session, task), cancellationToken);

    public Task<StoredSelection?> FindSelectionAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskChoices.FindAsync(session, id), cancellationToken);

    public Task<IReadOnlyDictionary<Id<AgentTask>, Id<AgentTask>>> FindReplaysAsync(
        Id<User> owner, IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskLists.FindReplaysAsync(session, owner, ids), cancellationToken);

    public Task<OpenTasks> CountOpenOfAsync(
        Id<AgentVersion> agent, Id<User> consumer, DemandFactor demand, DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskDemand.CountOpenAsync(session, agent, consumer, demand, now), cancellationToken);

    public Task<int?> FindDemandAsync(Id<AgentTask> id, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskDemand.FindAsync(session, id), cancellationToken);

    public Task<long> CountPaidOfAsync(Id<User> consumer, Id<User> publisher, string agent, DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlUsage.CountTasksAsync(session, consumer, publisher, agent, now), cancellationToken);

    public Task<IReadOnlyDictionary<string, long>> CountPaidAsync(Id<User> consumer, DateTimeOffset now, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlUsage.CountTasksAsync(session, consumer, now), cancellationToken);

    public Task<IReadOnlyList<string>> FindFullBudgetsAsync(AgentTask task, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.Hold is null ? Task.FromResult<IReadOnlyList<string>>([]) : _database.ReadAsync(session => SqlBudgets.FindFullAsync(session, task, now), cancellationToken);
    }

    public Task<DateTimeOffset?> NextDueAsync(string? region, CancellationToken cancellationToken) =>
        _database.ReadAsync(session => SqlTaskQueue.NextDueAsync(session, region), cancellationToken);

    public Task<IReadOnlyDictionary<string, long>> CountOpenAsync(CancellationToken cancellationToken) =>
        _database.ReadAsync<IReadOnlyDictionary<string, long>>(
            async session => new Dictionary<string, long>
            {
                [TaskStateNames.Queued] = await session.QuerySingleAsync<long>(
                    "SELECT (SELECT COUNT(*) FROM queue) + (SELECT COUNT(*) FROM regional_queue) + (SELECT COUNT(*) FROM delayed)"),
                [TaskStateNames.Running] = await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM leases"),
            },
            cancellationToken);

    internal static async Task<AgentTask?> GetAsync(SqlSession session, Id<AgentTask> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<TaskRow>(Select + "WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToTask();

    /// <summary>A task that this act has taken out of where it waited. Where acts run side by side it may have run and come back since it was read.</summary>
    private static async Task<AgentTask> ReadTakenOutAsync(SqlSession session, AgentTask before) =>
        session.Dialect.IsSqlite ? before : (await GetAsync(session, before.Id, before.OwnerId))!;

    private static InvalidOperationException NotInItsPlace(Id<AgentTask> id) => new($"{id} is said to be where it is not found.");

    private Task<byte[]?> ReadContentAsync(Id<AgentTask> id, string kind, CancellationToken cancellationToken) =>
        _database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<byte[]>("SELECT bytes FROM task_content WHERE task_id = @id AND kind = @kind", new { id, kind }),
            cancellationToken);

    private sealed record ReceiptRow(Id<Receipt> Id, byte[] Envelope);
}
