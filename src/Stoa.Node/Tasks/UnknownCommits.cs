using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>What is to be written.</summary>
/// <param name="Item">It.</param>
/// <param name="MayBeWritten">Whether it was given to a commit before of which nobody knows whether it happened.</param>
internal readonly record struct Pending<T>(T Item, bool MayBeWritten);

/// <summary>Finds what an earlier act has written whose commit was not heard of (<see cref="CommitUnknownException"/>), inside a session.</summary>
internal static class UnknownCommits
{
    /// <summary>Those of submissions that are there.</summary>
    public static async Task<IReadOnlyDictionary<Id<AgentTask>, Submitted>> FindAsync(SqlSession session, IEnumerable<NewTask> submissions)
    {
        var asked = submissions.ToDictionary(submission => submission.Task.Id);
        if (asked.Count == 0)
            return new Dictionary<Id<AgentTask>, Submitted>();
        return (await session.QueryAsync<TaskRow>(TaskRow.Select + "WHERE id IN @ids", new { ids = asked.Keys }))
            .Select(row => row.ToTask())
            .ToDictionary(task => task.Id, task => new Submitted(task, IsNew: task.State is not TaskState.Running running || IsItsOwn(task, running, asked[task.Id])));
    }

    /// <summary>Whether the end of an attempt is what the task's row tells.</summary>
    public static async Task<bool> IsWrittenAsync(SqlSession session, AgentTask ended) =>
        await session.QuerySingleAsync<long>(
            ended.State.IsFinal
                ? "SELECT COUNT(*) FROM task_ends WHERE task_id = @Id AND token = @Token AND state = @Name AND finished_at = @finishedAt"
                : "SELECT COUNT(*) FROM tasks WHERE id = @Id AND token = @Token AND attempts = @Attempts AND losses = @Losses",
            new { ended.Id, ended.Token, ended.State.Name, finishedAt = TaskStatements.FinishedAtOf(ended.State), ended.Attempts, ended.Losses }) == 1;

    // Claimed with its submission, and not by somebody who found it in the queue since: who submits begins with the work then.
    private static bool IsItsOwn(AgentTask task, TaskState.Running running, NewTask submission) =>
        task.Token == 1 && running.StartedAt == submission.Task.CreatedAt && running.Lease.Holder == submission.Claim?.Holder.ToString();
}
