using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>What runs come to, inside a session: all of many runs in one transaction, a statement for all of a kind.</summary>
internal static class SqlRunCommits
{
    private static readonly SqlRows<Guarded> s_advance = SqlRows<Guarded>.Update(
        "workflow_runs",
        "state = {state}, spent = {spent}, output = {output}, error = {error}, log_length = {log_length}, log_bytes = {log_bytes}, cancel_requested_at = COALESCE(t.cancel_requested_at, {cancel_requested_at}), ended_at = {ended_at}, lease_token = CASE WHEN {is_over} THEN NULL ELSE t.lease_token END",
        "t.id = {id} AND t.lease_token = {token} AND t.log_length = {length_before}",
        [
            SqlField<Guarded>.OfId("id", row => row.Commit.Run.Id),
            SqlField<Guarded>.OfText("token", row => row.Token),
            SqlField<Guarded>.OfInteger("length_before", row => row.Commit.LengthBefore),
            SqlField<Guarded>.OfText("state", row => row.Commit.Run.State),
            SqlField<Guarded>.OfInteger("spent", row => row.Commit.Run.Spent.Nanodollars),
            SqlField<Guarded>.OfText("output", row => row.Commit.Output),
            SqlField<Guarded>.OfText("error", row => row.Commit.Error),
            SqlField<Guarded>.OfInteger("log_length", row => row.Commit.Run.LogLength),
            SqlField<Guarded>.OfInteger("log_bytes", row => row.Commit.Run.LogBytes),
            SqlField<Guarded>.OfInteger("cancel_requested_at", row => row.Commit.Run.CancelRequestedAt?.ToUnixTimeMilliseconds()),
            SqlField<Guarded>.OfInteger("ended_at", row => row.Commit.Run.EndedAt?.ToUnixTimeMilliseconds()),
            SqlField<Guarded>.OfFlag("is_over", row => row.Commit.Run.EndedAt is not null),
        ]);

    private static readonly SqlRows<LogRow> s_log = SqlRows<LogRow>.Insert(
        "workflow_log",
        [
            SqlField<LogRow>.OfId("run_id", row => row.Run),
            SqlField<LogRow>.OfInteger("seq", row => row.Seq),
            SqlField<LogRow>.OfInteger("at", row => row.At.ToUnixTimeMilliseconds()),
            SqlField<LogRow>.OfText("event", row => row.Json),
        ]);

    private static readonly SqlRows<StepRow> s_open = SqlRows<StepRow>.Insert(
        "workflow_steps",
        [
            SqlField<StepRow>.OfId("run_id", row => row.Run),
            SqlField<StepRow>.OfText("path", row => row.Step.Key.Path),
            SqlField<StepRow>.OfText("kind", row => row.Step.Key.Kind),
            SqlField<StepRow>.OfInteger("attempt", row => row.Step.Key.Attempt),
            SqlField<StepRow>.OfId("task_id", row => row.Step.TaskId),
            SqlField<StepRow>.OfInteger("amount", row => row.Step.Amount.Nanodollars),
            SqlField<StepRow>.OfInteger("due_at", row => row.Step.DueAt?.ToUnixTimeMilliseconds()),
            SqlField<StepRow>.OfText("asked", row => row.Step.Asked),
            SqlField<StepRow>.OfText("text", row => row.Step.Text),
        ]);

    private static readonly SqlRows<ClosedRow> s_close = SqlRows<ClosedRow>.Delete(
        "workflow_steps",
        "t.run_id = {run_id} AND t.path = {path} AND t.kind = {kind} AND t.attempt = {attempt}",
        [
            SqlField<ClosedRow>.OfId("run_id", row => row.Run),
            SqlField<ClosedRow>.OfText("path", row => row.Key.Path),
            SqlField<ClosedRow>.OfText("kind", row => row.Key.Kind),
            SqlField<ClosedRow>.OfInteger("attempt", row => row.Key.Attempt),
        ]);

    /// <summary>Writes commits of runs that this node carries under a token; no two of one run.</summary>
    public static async Task<RunCommitted[]> WriteAsync(SqlSession session, IReadOnlyList<RunCommit> commits, string token, UserQuota? quota, RecentSubmissions? recent)
    {
        var results = new RunCommitted[commits.Count];
        // The row of a run is locked before anything else of it is, and rows in the order of their ids: nobody waits in a circle.
        var order = Enumerable.Range(0, commits.Count).OrderBy(index => commits[index].Run.Id).ToList();
        var isHeld = await session.ExecuteRowsAsync(s_advance, [.. order.Select(index => new Guarded(commits[index], token))]);
        List<int> held = [];
        for (var place = 0; place < order.Count; place++)
        {
            if (isHeld[place])
                held.Add(order[place]);
            else
                results[order[place]] = RunCommitted.Lost;
        }

        var kept = held.ConvertAll(index => commits[index]);
        await session.SendRowsAsync(s_log, [.. kept.SelectMany(commit => commit.Happened.Select((one, place) => new LogRow(commit.Run.Id, commit.LengthBefore + place, one.Entry.At, one.Json)))]);
        var over = kept.Where(commit => commit.Run.EndedAt is not null).Select(commit => commit.Run.Id).ToList();
        await session.ExecuteRowsAsync(s_close, [.. kept.SelectMany(commit => commit.Run.EndedAt is null ? commit.Closed.Select(key => new ClosedRow(commit.Run.Id, key)) : [])]);
        if (over.Count > 0)
        {
            await session.SendAsync("DELETE FROM workflow_steps WHERE run_id IN @over", new { over });
            await session.SendAsync("DELETE FROM workflow_signals WHERE run_id IN @over", new { over });
        }

        var taken = kept.SelectMany(commit => commit.Taken).ToList();
        if (taken.Count > 0)
            await session.SendAsync("DELETE FROM workflow_signals WHERE id IN @taken", new { taken });
        var read = kept.SelectMany(commit => commit.Read).ToList();
        if (read.Count > 0)
            await session.SendAsync("UPDATE workflow_signals SET is_read = @isRead WHERE id IN @read", new { read, isRead = true });
        await OpenAsync(session, held, commits, results, quota, recent);
        await SqlEvents.AppendAsync(session, kept.SelectMany(commit => commit.Events));
        return results;
    }

    private static async Task OpenAsync(
        SqlSession session, IReadOnlyList<int> held, IReadOnlyList<RunCommit> commits, RunCommitted[] results, UserQuota? quota, RecentSubmissions? recent)
    {
        var tasks = held.SelectMany(index => commits[index].Opened.Select(opened => opened.Task).OfType<NewTask>()).ToList();
        var outcomes = new Queue<Market.Outcome<Submitted, TaskRefusal>>(tasks.Count == 0 ? [] : await SqlTaskSubmissions.AddAsync(session, tasks, quota, recent));
        var open = new List<StepRow>();
        var log = new List<LogRow>();
        foreach (var index in held)
        {
            var (run, refused, putOff, claimed) = (commits[index].Run, new List<RunLogEntry>(), new List<StepKey>(), new List<AgentTask>());
            var bytes = run.LogBytes;
            foreach (var opened in commits[index].Opened)
            {
                if (opened.Task is not { } task)
                {
                    open.Add(new StepRow(run.Id, opened.Step));
                }
                else if (outcomes.Dequeue().TryGet(out var submitted, out var refusal))
                {
                    open.Add(new StepRow(run.Id, opened.Step));
                    if (submitted.Task.State is TaskState.Running)
                        claimed.Add(submitted.Task);
                }
                else if (refusal.Code is TaskRefusal.OpenTasksTooMany)
                {
                    putOff.Add(opened.Step.Key);
                }
                else
                {
                    // With it, or it could be thought of as not submitted, and be submitted after all.
                    var entry = new RunLogEntry(new RunEvent.WorkEnded(opened.Step.Key.Path, opened.Step.Key.Attempt, StepOutcomes.Of(refusal)), task.Task.CreatedAt);
                    var json = entry.ToJson();
                    log.Add(new LogRow(run.Id, run.LogLength + refused.Count, entry.At, json));
                    refused.Add(entry);
                    bytes += json.Length;
                }
            }

            results[index] = new RunCommitted(false, refused, putOff, run.LogLength + refused.Count, bytes, claimed);
        }

        await session.SendRowsAsync(s_open, open);
        await session.SendRowsAsync(s_log, log);
        await session.SendEachAsync(
            "UPDATE workflow_runs SET log_length = @length, log_bytes = @bytes WHERE id = @id",
            held.Where(index => results[index].Refused.Count > 0).Select(index => (object)new { id = commits[index].Run.Id, length = results[index].LogLength, bytes = results[index].LogBytes }));
    }

    private readonly record struct Guarded(RunCommit Commit, string Token);

    private readonly record struct LogRow(Id<DurableRun> Run, long Seq, DateTimeOffset At, string Json);

    private readonly record struct StepRow(Id<DurableRun> Run, OpenStep Step);

    private readonly record struct ClosedRow(Id<DurableRun> Run, StepKey Key);
}
