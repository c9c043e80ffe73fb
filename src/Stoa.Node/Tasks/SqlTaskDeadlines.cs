using Stoa.Market.Ledger;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The deadlines of tasks, inside a session: <c>task_deadlines</c> has those of tasks that may still wait then.</summary>
internal static class SqlTaskDeadlines
{
    /// <summary>Adds those of new tasks.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<NewTask> submissions)
    {
        var hurried = submissions.Where(submission => submission.Task.DeadlineAt is not null).Select(submission => submission.Task).ToList();
        if (hurried.Count > 0)
        {
            await session.SendEachAsync(
                "INSERT INTO task_deadlines (deadline_at, task_id) VALUES (@DeadlineAt, @Id)", hurried.Select(task => new { task.DeadlineAt, task.Id }));
        }
    }

    /// <summary>Ends what waits although its deadline has passed, and forgets the deadlines of what has ended.</summary>
    /// <remarks>What runs is ended by its node. What is out to bids gets its turn first.</remarks>
    public static async Task<Expiry> ExpireAsync(
        SqlSession session, Id<Account> clearing, IdSource ids, DateTimeOffset now, int limit, AgentIndex? index)
    {
        var passed = await session.QueryAsync<Id<AgentTask>>(
            "SELECT task_id FROM task_deadlines WHERE deadline_at <= @now ORDER BY deadline_at, task_id LIMIT @limit {for update skip locked}", new { now, limit });
        if (passed.Count == 0)
            return new Expiry([], IsMore: false);
        var rows = await session.QueryAsync<TaskRow>(TaskRow.Select + "WHERE id IN @passed", new { passed });
        var tasks = rows.Select(row => row.ToTask()).ToList();
        // What suppliers have, or have done while its end was not written, is settled by the node that takes it next.
        var elsewhere = (await session.QueryAsync<Id<AgentTask>>(
            "SELECT DISTINCT task_id FROM supplier_calls WHERE task_id IN @passed AND state IN ('Open', 'Done')", new { passed })).ToHashSet();
        var waiting = rows.Where((_, place) => tasks[place] is { State: TaskState.Queued, IsBidding: false } task && !elsewhere.Contains(task.Id)).ToList();
        List<AgentTask> expired = [.. (await SqlTaskQueue.TakeOutAsync(session, waiting)).Select(task => task.Expire(now))];
        await session.SendRowsAsync(TaskStatements.End, [.. expired.Select(TaskEnd.Of)]);
        await SqlTaskStore.SettleAsync(
            session,
            [.. expired.Select(task => new AttemptEnd(
                task, Settlement.Release(task, clearing, ids.Next<Transfer>(), now), null, null, ReadOnlyMemory<byte>.Empty, [TaskEvents.Ended(task, now)]))],
            index);
        var ended = expired.Concat(tasks.Where(task => task.State.IsFinal)).ToList();
        await session.SendEachAsync(
            "DELETE FROM task_deadlines WHERE deadline_at = @DeadlineAt AND task_id = @Id", ended.Select(task => new { task.DeadlineAt, task.Id }));
        return new Expiry(expired, IsMore: passed.Count == limit && ended.Count > 0);
    }
}
