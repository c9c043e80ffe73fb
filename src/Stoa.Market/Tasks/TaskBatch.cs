using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Tasks that were submitted together, seen as one thing.</summary>
/// <param name="Id">Made by the node that took the submission.</param>
/// <param name="OwnerId">The consumer.</param>
/// <param name="Size">Tasks in all, at least 1.</param>
/// <param name="First">The task with the least id.</param>
/// <param name="Last">The task with the greatest id.</param>
/// <param name="Succeeded">Tasks that ended so.</param>
/// <param name="Failed">Tasks that ended so.</param>
/// <param name="Cancelled">Tasks that ended so.</param>
/// <param name="Cost">What was captured for all of them so far.</param>
/// <param name="CancelRequestedAt">When the consumer asked to stop it; null when not.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="FinishedAt">When its last task ended; null before.</param>
public sealed record TaskBatch(
    Id<TaskBatch> Id,
    Id<User> OwnerId,
    long Size,
    Id<AgentTask> First,
    Id<AgentTask> Last,
    long Succeeded,
    long Failed,
    long Cancelled,
    Money Cost,
    DateTimeOffset? CancelRequestedAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset? FinishedAt) : IIdentified
{
    /// <summary>The most tasks of one batch.</summary>
    public const int MaxTasks = 10_000;

    public static string IdPrefix => "batch";

    /// <summary>Tasks that have ended.</summary>
    public long Ended => Succeeded + Failed + Cancelled;

    /// <summary>How many ended tasks make a step of progress: about a hundredth of all.</summary>
    public long StepSize => Math.Max(1, (Size + 99) / 100);
}

/// <summary>A batch as it is asked for.</summary>
/// <param name="Batch">As it was written, with what has ended since.</param>
/// <param name="Running">Tasks that a node works on now.</param>
public sealed record TaskBatchProgress(TaskBatch Batch, long Running)
{
    /// <summary>Tasks that wait.</summary>
    public long Queued => Math.Max(0, Batch.Size - Batch.Ended - Running);
}
