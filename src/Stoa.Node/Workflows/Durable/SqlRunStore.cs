using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Node.Auctions;
using Stoa.Node.Membership;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>Runs, what has happened to them and what they have under way, and the leases under which nodes carry them.</summary>
/// <param name="database">The cell's.</param>
/// <param name="recent">Remembers submissions until they are claimed; null for nobody.</param>
/// <param name="quota">What everybody may take up; null for any number of tasks.</param>
/// <param name="auctions">Told of new auctions; null for nobody.</param>
public sealed partial class SqlRunStore(Database database, RecentSubmissions? recent = null, UserQuota? quota = null, OpenedAuctions? auctions = null)
{
    private const string StepColumns = "path, kind, attempt, task_id, amount, due_at, asked, text";
    private const string SignalColumns = "id, run_id, kind, name, value, at";

    /// <summary>Takes runs that nobody carries, the oldest first.</summary>
    /// <param name="self">The node.</param>
    /// <param name="token">Of its lease, see <see cref="HolderLease"/>: that of all runs that it carries.</param>
    /// <param name="count">The most that it takes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Id<DurableRun>>> ClaimAsync(LeaseHolder self, string token, int count, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var free = await session.QueryAsync<Id<DurableRun>>(
                $$"""
                SELECT id FROM workflow_runs WHERE ended_at IS NULL AND {{HolderLease.IsFree}} ORDER BY id LIMIT @count {for update skip locked}
                """,
                new { count, self = self.ToString(), working = new[] { token } });
            if (free.Count > 0)
                await session.SendAsync("UPDATE workflow_runs SET lease_token = @token WHERE id IN @free", new { token, free });
            return free;
        },
        cancellationToken);

    /// <summary>Whether there is a run that nobody carries: a look costs less than a transaction.</summary>
    public Task<bool> IsAnyFreeAsync(LeaseHolder self, string token, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<string>(
            $"SELECT id FROM workflow_runs WHERE ended_at IS NULL AND {HolderLease.IsFree} LIMIT 1", new { self = self.ToString(), working = new[] { token } }) is not null,
        cancellationToken);

    /// <summary>All runs under a token.</summary>
    public Task<IReadOnlyList<Id<DurableRun>>> ListHeldAsync(string token, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<DurableRun>>("SELECT id FROM workflow_runs WHERE ended_at IS NULL AND lease_token = @token", new { token }), cancellationToken);

    /// <summary>Gives all runs under a token to whoever takes them next.</summary>
    public Task ReleaseAsync(string token, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("UPDATE workflow_runs SET lease_token = NULL WHERE ended_at IS NULL AND lease_token = @token", new { token }), cancellationToken);

    /// <summary>All of a run; null when it is not there.</summary>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal Task<StoredRun?> LoadAsync(Id<DurableRun> id, CancellationToken cancellationToken) => database.ReadAsync<StoredRun?>(
        async session =>
        {
            if (await session.QueryFirstOrDefaultAsync<RunRow>($"SELECT {RunRow.Columns} FROM workflow_runs WHERE id = @id", new { id }) is not { } row)
                return null;
            var input = await session.QuerySingleAsync<string>("SELECT input FROM workflow_runs WHERE id = @id", new { id });
            var document = await session.QuerySingleAsync<string>(
                "SELECT document FROM workflow_documents WHERE owner_id = @OwnerId AND digest = @Digest", new { row.OwnerId, row.Digest });
            var log = await session.QueryAsync<(string Json, DateTimeOffset At)>("SELECT event, at FROM workflow_log WHERE run_id = @id ORDER BY seq", new { id });
            var steps = await session.QueryAsync<StepColumnsRow>($"SELECT {StepColumns} FROM workflow_steps WHERE run_id = @id", new { id });
            var signals = await session.QueryAsync<RunSignal>($"SELECT {SignalColumns} FROM workflow_signals WHERE run_id = @id ORDER BY id", new { id });
            return new StoredRun(row.ToRun(), input, document, [.. log.Select(entry => RunLogEntry.Read(entry.Json, entry.At))], [.. steps.Select(step => step.ToStep())], signals);
        },
        cancellationToken);

    /// <summary>Writes what runs come to.</summary>
    /// <param name="commits">No two of one run.</param>
    /// <param name="token">Under which the node carries them.</param>
    /// <param name="cancellationToken">Gives up; what is written stays.</param>
    internal async Task<IReadOnlyList<RunCommitted>> CommitAsync(IReadOnlyList<RunCommit> commits, string token, CancellationToken cancellationToken)
    {
        var tasks = commits.SelectMany(commit => commit.Opened).Select(opened => opened.Task).OfType<NewTask>().ToList();
        // Before the act, so that a claim of the same group finds them: until they are written nobody asks for them.
        recent?.AddQueued([.. tasks.Select(task => (task.Task, task.InlineInput))]);
        RunCommitted[] results = [];
        try
        {
            results = await database.WriteAsync(session => SqlRunCommits.WriteAsync(session, commits, token, quota, recent), cancellationToken);
        }
        catch
        {
            recent?.Forget(tasks.Select(task => task.Task.Id));
            throw;
        }

        for (var place = 0; place < results.Length; place++)
        {
            var unwritten = results[place].Refused.Select(entry => entry.Path).Concat(results[place].PutOff.Select(key => key.Path)).ToHashSet(StringComparer.Ordinal);
            foreach (var opened in commits[place].Opened.Where(opened => opened.Task is not null))
            {
                if (results[place].IsLost || unwritten.Contains(opened.Step.Key.Path) || results[place].Claimed.Any(claimed => claimed.Id == opened.Task!.Task.Id))
                    recent?.Forget([opened.Task!.Task.Id]);
                else if (opened.Task!.Auction is { } auction)
                    auctions?.Tell(auction);
            }
        }

        return results;
    }

    /// <summary>Signals that came to runs under a token and were not read yet, or to one run.</summary>
    internal Task<IReadOnlyList<RunSignal>> ReadSignalsAsync(string token, int count, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<RunSignal>(
            $"""
            SELECT {SignalColumns} FROM workflow_signals AS s
            WHERE s.is_read = @isRead AND EXISTS (SELECT 1 FROM workflow_runs AS r WHERE r.id = s.run_id AND r.lease_token = @token) ORDER BY id LIMIT @count
            """,
            new { token, count, isRead = false }),
        cancellationToken);

    /// <summary>Tasks of some that have ended, with their outputs where these are kept beside them.</summary>
    internal Task<IReadOnlyList<EndedTask>> ReadEndedAsync(IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<EndedTask>>(
            async session =>
            {
                var tasks = (await session.QueryAsync<TaskRow>(TaskRow.Select + "WHERE id IN @ids", new { ids })).Select(row => row.ToTask()).Where(task => task.State.IsFinal).ToList();
                var outputs = (await session.QueryAsync<(Id<AgentTask> TaskId, byte[] Bytes)>(
                    "SELECT task_id, bytes FROM task_content WHERE kind = 'output' AND task_id IN @ids", new { ids = tasks.Select(task => task.Id) })).ToDictionary(row => row.TaskId, row => row.Bytes);
                return [.. tasks.Select(task => new EndedTask(task, outputs.TryGetValue(task.Id, out var bytes) ? bytes : (ReadOnlyMemory<byte>?)null))];
            },
            cancellationToken);

    /// <summary>Tasks of runs under a token that have ended.</summary>
    internal Task<IReadOnlyList<Id<AgentTask>>> ListEndedAsync(string token, int count, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<AgentTask>>(
            """
            SELECT s.task_id FROM workflow_runs AS r JOIN workflow_steps AS s ON s.run_id = r.id JOIN task_ends AS e ON e.task_id = s.task_id
            WHERE r.ended_at IS NULL AND r.lease_token = @token LIMIT @count
            """,
            new { token, count }),
        cancellationToken);

    /// <summary>What the event stream tells of some types behind a position: the position and subject of each, in order.</summary>
    internal Task<IReadOnlyList<(long Sequence, string Type, string Subject)>> ReadToldAsync(IReadOnlyList<string> types, long after, int count, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<(long Sequence, string Type, string Subject)>(
            "SELECT sequence, type, subject FROM events WHERE sequence > @after AND type IN @types ORDER BY sequence LIMIT @count", new { types, after, count }),
        cancellationToken);

    /// <summary>Adds a run, with its document, that this node carries from then on; the same id again changes nothing.</summary>
    /// <param name="run">It.</param>
    /// <param name="input">JSON.</param>
    /// <param name="document">JSON.</param>
    /// <param name="mostOpen">How many runs of an account may not be over.</param>
    /// <param name="token">Of the node's lease; null where it has no room for it.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    public Task<Outcome<(DurableRun Run, bool IsNew), WorkflowRefusal>> StartAsync(
        DurableRun run, string input, string document, int mostOpen, string? token, CancellationToken cancellationToken) => database.WriteAsync<Outcome<(DurableRun Run, bool IsNew), WorkflowRefusal>>(
        async session =>
        {
            // Whoever begins another one of the same account waits here, so that none is one too many.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @OwnerId {for update}", new { run.OwnerId });
            if (await FindAsync(session, run.Id, run.OwnerId) is { } earlier)
                return (earlier, false);
            if (await TooManyAsync(session, run.OwnerId, mostOpen) is { } tooMany)
                return tooMany;
            await SqlWorkflowDocuments.UseAsync(session, run.OwnerId, run.Digest, document, run.CreatedAt);
            await session.SendAsync(
                """
                INSERT INTO workflow_runs (id, owner_id, workflow, version, digest, input, state, max_price, spent, key_id, key_per_day, trace_parent, log_length, log_bytes, lease_token, created_at)
                VALUES (@Id, @OwnerId, @Workflow, @Version, @Digest, @input, @State, @MaxPrice, 0, @keyId, @perDay, @TraceParent, 0, 0, @token, @CreatedAt)
                """,
                new { run.Id, run.OwnerId, run.Workflow, run.Version, run.Digest, input, run.State, run.MaxPrice, keyId = run.Allowance?.KeyId, perDay = run.Allowance?.PerDay, run.TraceParent, token, run.CreatedAt });
            await Events.SqlEvents.AppendAsync(session, [WorkflowEvents.Started(run, run.CreatedAt)]);
            return (run, true);
        },
        cancellationToken);

    private static async Task<Refusal<WorkflowRefusal>?> TooManyAsync(SqlSession session, Id<User> owner, int mostOpen) =>
        await session.QuerySingleAsync<long>("SELECT count(*) FROM workflow_runs WHERE owner_id = @owner AND ended_at IS NULL", new { owner }) >= mostOpen
            ? new Refusal<WorkflowRefusal>(WorkflowRefusal.RunsTooMany, $"{mostOpen} runs of yours are not over, which is all that an account may have. Wait until some have ended, or cancel some.")
            : null;

    internal static async Task<DurableRun?> FindAsync(SqlSession session, Id<DurableRun> id, Id<User> owner) =>
        (await session.QueryFirstOrDefaultAsync<RunRow>($"SELECT {RunRow.Columns} FROM workflow_runs WHERE id = @id AND owner_id = @owner", new { id, owner }))?.ToRun();

    private sealed record StepColumnsRow(string Path, StepKind Kind, int Attempt, Id<AgentTask>? TaskId, Money Amount, DateTimeOffset? DueAt, string? Asked, string? Text)
    {
        public OpenStep ToStep() => new(new StepKey(Path, Kind, Attempt), TaskId, Amount, DueAt, Asked, Text);
    }
}
