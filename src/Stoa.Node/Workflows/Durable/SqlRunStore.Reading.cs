using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <content>What is asked of runs from outside.</content>
public sealed partial class SqlRunStore
{
    /// <summary>A run with what it gave; null when the account has none such.</summary>
    internal Task<FoundRun?> FindAsync(Id<DurableRun> id, Id<User> owner, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await FindAsync(session, id, owner) is { } run ? await ShowAsync(session, run) : null, cancellationToken);

    /// <summary>An account's runs, newest first.</summary>
    /// <param name="owner">The account.</param>
    /// <param name="state">Those in one state; null for all.</param>
    /// <param name="workflow">Those of one workflow, by its name; null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Page<DurableRun>> ListAsync(Id<User> owner, RunState? state, string? workflow, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<DurableRun>.TryParse(page.Cursor, out var last) ? last : new Id<DurableRun>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<RunRow>(
                $"SELECT {RunRow.Columns} FROM workflow_runs WHERE owner_id = @owner AND id < @before"
                + (state is null ? "" : " AND state = @state") + (workflow is null ? "" : " AND workflow = @workflow") + " ORDER BY id DESC LIMIT @limit",
                new { owner, before, state, workflow, limit = page.Limit + 1 });
            return new Page<DurableRun>([.. rows.Take(page.Limit).Select(row => row.ToRun())], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Has something come to a run.</summary>
    /// <param name="id">The run.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="kind">What.</param>
    /// <param name="name">Of an event its name.</param>
    /// <param name="value">JSON.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    /// <returns>The run, or <see cref="WorkflowRefusal.RunUnknown"/>, <see cref="WorkflowRefusal.RunEnded"/> or <see cref="WorkflowRefusal.SignalsTooMany"/>.</returns>
    internal Task<Outcome<DurableRun, WorkflowRefusal>> SignalAsync(
        Id<DurableRun> id, Id<User> owner, SignalKind kind, string name, string value, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<DurableRun, WorkflowRefusal>>(
        async session =>
        {
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM workflow_runs WHERE id = @id {for update}", new { id });
            if (await FindAsync(session, id, owner) is not { } run)
                return Unknown(id);
            if (run.EndedAt is not null || (kind is SignalKind.Cancel && run.State is RunState.Stopping))
                return new Refusal<WorkflowRefusal>(WorkflowRefusal.RunEnded, run.EndedAt is null ? $"{id} is being stopped already." : $"{id} is over: it is {EnumWord.Of(run.State)}.");
            return await AddSignalAsync(session, run, kind, name, value, now) ?? (Outcome<DurableRun, WorkflowRefusal>)run;
        },
        cancellationToken);

    /// <summary>Answers what a run asks.</summary>
    /// <param name="id">The run.</param>
    /// <param name="account">For whom the person acts.</param>
    /// <param name="handle">Of the person.</param>
    /// <param name="path">The node that asks.</param>
    /// <param name="isYes">The answer.</param>
    /// <param name="comment">What goes with it.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    internal Task<Outcome<DurableRun, WorkflowRefusal>> AnswerAsync(
        Id<DurableRun> id, Id<User> account, string handle, string path, bool isYes, string comment, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<DurableRun, WorkflowRefusal>>(
        async session =>
        {
            var row = await session.QueryFirstOrDefaultAsync<RunRow>($"SELECT {RunRow.Columns} FROM workflow_runs WHERE id = @id {{for update}}", new { id });
            var asked = await session.QueryFirstOrDefaultAsync<Asking>("SELECT path, asked, text FROM workflow_steps WHERE run_id = @id AND path = @path AND kind = 'Approval'", new { id, path });
            // Whoever is asked may answer, whoever's the run is; to all others it does not exist.
            if (row is null || (row.OwnerId != account && asked?.Handles?.Contains(handle) is not true))
                return Unknown(id);
            if (asked is null || await session.QueryFirstOrDefaultAsync<long?>("SELECT id FROM workflow_signals WHERE run_id = @id AND kind = 'Answer' AND name = @path", new { id, path }) is not null)
                return new Refusal<WorkflowRefusal>(WorkflowRefusal.ApprovalUnknown, $"{id} asks nothing at {path}, or was answered.");
            if (!asked.MayAnswer(handle))
                return new Refusal<WorkflowRefusal>(WorkflowRefusal.ApproverOther, $"At {path} {string.Join(" or ", asked.Handles!)} is asked.");
            var run = row.ToRun();
            return await AddSignalAsync(session, run, SignalKind.Answer, path, new AnswerValue(handle, isYes, comment).ToJson(), now) ?? (Outcome<DurableRun, WorkflowRefusal>)run;
        },
        cancellationToken);

    /// <summary>The document that a run began with; null when the account has none such.</summary>
    public Task<(ContentHash Digest, string Json)?> FindDocumentAsync(Id<DurableRun> id, Id<User> owner, CancellationToken cancellationToken) => database.ReadAsync<(ContentHash, string)?>(
        async session => await session.QueryFirstOrDefaultAsync<DocumentRow>(
            "SELECT d.digest, d.document FROM workflow_runs AS r JOIN workflow_documents AS d ON d.owner_id = r.owner_id AND d.digest = r.digest WHERE r.id = @id AND r.owner_id = @owner", new { id, owner }) is { } found
                ? (found.Digest, found.Document)
                : null,
        cancellationToken);

    /// <summary>Has a run that has failed or was cancelled go on: it is written, and whoever has room carries it. One that is not over is answered as it is.</summary>
    /// <param name="id">The run.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="allowance">What the API key may spend that asks for it; null for all that the account has.</param>
    /// <param name="most">What all of it may cost from now on; null for as before.</param>
    /// <param name="mostOpen">How many runs of an account may not be over.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up; once it is written it stays.</param>
    internal Task<Outcome<DurableRun, WorkflowRefusal>> ResumeAsync(
        Id<DurableRun> id, Id<User> owner, SpendingAllowance? allowance, Money? most, int mostOpen, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<DurableRun, WorkflowRefusal>>(
        async session =>
        {
            // As where one is begun: none is one too many.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @owner {for update}", new { owner });
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM workflow_runs WHERE id = @id {for update}", new { id });
            if (await FindAsync(session, id, owner) is not { } run)
                return Unknown(id);
            if (run.EndedAt is null)
                return run;
            if (run.State is RunState.Succeeded)
                return new Refusal<WorkflowRefusal>(WorkflowRefusal.RunSucceeded, $"{id} has succeeded: there is nothing in it to go on with.");
            if (await TooManyAsync(session, owner, mostOpen) is { } tooMany)
                return tooMany;
            var entry = new RunLogEntry(new RunEvent.Resumed(), now);
            var json = entry.ToJson();
            var resumed = run with
            {
                State = RunState.Running,
                EndedAt = null,
                CancelRequestedAt = null,
                MaxPrice = most ?? run.MaxPrice,
                LogLength = run.LogLength + 1,
                LogBytes = run.LogBytes + json.Length,
                Allowance = allowance,
            };
            await session.SendAsync("INSERT INTO workflow_log (run_id, seq, at, event) VALUES (@Id, @LogLength, @now, @json)", new { run.Id, run.LogLength, now, json });
            await session.SendAsync(
                """
                UPDATE workflow_runs SET state = @State, output = NULL, error = NULL, ended_at = NULL, cancel_requested_at = NULL, lease_token = NULL, max_price = @MaxPrice,
                    log_length = @LogLength, log_bytes = @LogBytes, key_id = @keyId, key_per_day = @perDay WHERE id = @Id
                """,
                new { resumed.Id, resumed.State, resumed.MaxPrice, resumed.LogLength, resumed.LogBytes, keyId = allowance?.KeyId, perDay = allowance?.PerDay });
            await SqlEvents.AppendAsync(session, [WorkflowEvents.Resumed(resumed, now)]);
            return resumed;
        },
        cancellationToken);

    /// <summary>Where what is told of a run begins that is not over, or was last: after that position.</summary>
    internal async Task<long> FindBeginAsync(Id<DurableRun> id, CancellationToken cancellationToken) => await database.ReadAsync(
        session => session.QuerySingleAsync<long?>("SELECT MAX(sequence) FROM events WHERE subject = @subject AND type = @type", new { subject = id.ToString(), type = EventTypes.WorkflowResumed }),
        cancellationToken) is { } resumed ? resumed - 1 : 0;

    /// <summary>Forgets runs that were over before an instant, and documents that nothing refers to any more.</summary>
    /// <returns>How many runs.</returns>
    public Task<int> ForgetAsync(DateTimeOffset before, int count, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var old = await session.QueryAsync<Id<DurableRun>>("SELECT id FROM workflow_runs WHERE ended_at < @before ORDER BY ended_at LIMIT @count", new { before, count });
            if (old.Count > 0)
            {
                await session.SendAsync("DELETE FROM workflow_log WHERE run_id IN @old", new { old });
                await session.SendAsync("DELETE FROM workflow_runs WHERE id IN @old", new { old });
            }

            await session.SendAsync(
                """
                DELETE FROM workflow_documents WHERE used_at < @before
                    AND NOT EXISTS (SELECT 1 FROM workflow_runs AS r WHERE r.owner_id = workflow_documents.owner_id AND r.digest = workflow_documents.digest)
                    AND NOT EXISTS (SELECT 1 FROM workflows AS w WHERE w.owner_id = workflow_documents.owner_id AND w.digest = workflow_documents.digest)
                """,
                new { before });
            return old.Count;
        },
        cancellationToken);

    private static async Task<FoundRun> ShowAsync(SqlSession session, DurableRun run)
    {
        var (output, error) = await session.QuerySingleAsync<(string? Output, string? Error)>("SELECT output, error FROM workflow_runs WHERE id = @Id", new { run.Id });
        var waits = await session.QueryAsync<WaitRow>(
            "SELECT path, kind, due_at, asked, text FROM workflow_steps WHERE run_id = @Id AND kind IN ('Event', 'Approval', 'Wait') ORDER BY path LIMIT @most", new { run.Id, most = FoundRun.MaxWaits });
        return new FoundRun(run, output, RunEnd.ReadError(error), waits);
    }

    private static async Task<Refusal<WorkflowRefusal>?> AddSignalAsync(SqlSession session, DurableRun run, SignalKind kind, string name, string value, DateTimeOffset now)
    {
        if (await session.QuerySingleAsync<long>("SELECT count(*) FROM workflow_signals WHERE run_id = @Id", new { run.Id }) >= DurableRun.MaxSignals)
            return new Refusal<WorkflowRefusal>(WorkflowRefusal.SignalsTooMany, $"{DurableRun.MaxSignals} events wait in {run.Id} for a node to wait for them, which is all that may.");
        await session.SendAsync(
            "INSERT INTO workflow_signals (run_id, kind, name, value, is_read, at) VALUES (@Id, @kind, @name, @value, @isRead, @now)", new { run.Id, kind, name, value, isRead = false, now });
        await SqlEvents.AppendAsync(session, [WorkflowEvents.Signalled(run, EnumWord.Of(kind), name, now)]);
        return null;
    }

    internal static Refusal<WorkflowRefusal> Unknown(Id<DurableRun> id) => new(WorkflowRefusal.RunUnknown, $"You have no run {id}. List those that you have with GET /api/v1/workflow-runs.");

    private sealed record DocumentRow(ContentHash Digest, string Document);

    private sealed record Asking(string Path, string? Asked, string? Text)
    {
        public IReadOnlyList<string>? Handles => Asked is null ? null : System.Text.Json.JsonSerializer.Deserialize<List<string>>(Asked);

        public bool MayAnswer(string handle) => Handles?.Contains(handle) ?? true;
    }
}

/// <summary>A run as it is shown.</summary>
/// <param name="Run">It.</param>
/// <param name="Output">JSON.</param>
/// <param name="Error">Why it has failed.</param>
/// <param name="Waits">What it waits for, by path; the first ones.</param>
internal sealed record FoundRun(DurableRun Run, string? Output, StepError? Error, IReadOnlyList<WaitRow> Waits)
{
    /// <summary>The most that is told of what it waits for.</summary>
    public const int MaxWaits = 100;
}

/// <summary>What a run waits for.</summary>
internal sealed record WaitRow(string Path, StepKind Kind, DateTimeOffset? DueAt, string? Asked, string? Text);
