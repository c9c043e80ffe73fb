using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Batches inside a session: what has ended is counted with the ends themselves.</summary>
internal static class SqlTaskBatches
{
    public const string Columns =
        "id, owner_id, size, first_task_id, last_task_id, succeeded, failed, cancelled, cost, cancel_requested_at, created_at, finished_at";

    /// <summary>Counts tasks that ended, once a batch, and answers what is to be told: one event for each step that was passed.</summary>
    public static async Task<IReadOnlyList<NewEvent>> CountAsync(SqlSession session, IReadOnlyList<AgentTask> tasks)
    {
        var batches = tasks.Where(task => task.BatchId is not null && task.State.IsFinal).GroupBy(task => task.BatchId!.Value).OrderBy(batch => batch.Key);
        var events = new List<NewEvent>();
        foreach (var ended in batches)
        {
            var now = ended.Max(FinishedAt);
            var row = await session.QuerySingleAsync<BatchRow>(
                $"""
                UPDATE task_batches SET succeeded = succeeded + @succeeded, failed = failed + @failed, cancelled = cancelled + @cancelled,
                    cost = cost + @cost,
                    finished_at = CASE WHEN succeeded + failed + cancelled + @count >= size THEN CAST(@now AS BIGINT) END
                WHERE id = @id
                RETURNING {Columns}
                """,
                new
                {
                    id = ended.Key,
                    succeeded = ended.Count(task => task.State is TaskState.Succeeded),
                    failed = ended.Count(task => task.State is TaskState.Failed),
                    cancelled = ended.Count(task => task.State is TaskState.Cancelled),
                    cost = new Money(ended.Sum(task => task.State.Charged.Nanodollars)),
                    count = ended.Count(),
                    now,
                });
            var batch = row.ToBatch();
            if (batch.Ended == batch.Size || batch.Ended / batch.StepSize > (batch.Ended - ended.Count()) / batch.StepSize)
                events.Add(BatchEvents.Progress(batch, now));
        }

        return events;
    }

    private static DateTimeOffset FinishedAt(AgentTask task) => task.State switch
    {
        TaskState.Succeeded succeeded => succeeded.FinishedAt,
        TaskState.Failed failed => failed.FinishedAt,
        TaskState.Cancelled cancelled => cancelled.FinishedAt,
        _ => throw new InvalidOperationException($"{task.Id} has not ended."),
    };
}

/// <summary>A batch as a row of the table <c>task_batches</c>.</summary>
internal sealed record BatchRow(
    Id<TaskBatch> Id,
    Id<User> OwnerId,
    long Size,
    Id<AgentTask> FirstTaskId,
    Id<AgentTask> LastTaskId,
    long Succeeded,
    long Failed,
    long Cancelled,
    Money Cost,
    DateTimeOffset? CancelRequestedAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset? FinishedAt)
{
    public TaskBatch ToBatch() => new(
        Id, OwnerId, Size, FirstTaskId, LastTaskId, Succeeded, Failed, Cancelled, Cost, CancelRequestedAt, CreatedAt, FinishedAt);
}
