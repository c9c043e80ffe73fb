using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What was cancelled of a batch in one transaction.</summary>
/// <param name="Batch">As it is now.</param>
/// <param name="Cancelled">Tasks that waited and have ended now.</param>
/// <param name="IsMore">Whether more wait: ask again.</param>
public sealed record BatchCancellation(TaskBatch Batch, IReadOnlyList<AgentTask> Cancelled, bool IsMore);

/// <summary>Keeps batches. Every method is one transaction, and durable when it returns.</summary>
public interface ITaskBatchStore
{
    /// <summary>Writes a batch with all of its tasks, their holds and queue entries, or nothing. One with an id that is there already is answered as it is.</summary>
    /// <returns>The batch, or the refusal of its first task that is refused.</returns>
    Task<Outcome<TaskBatch, TaskRefusal>> SubmitAsync(TaskBatch batch, IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken);

    /// <summary>A batch of the owner; null when the owner has no such batch.</summary>
    Task<TaskBatchProgress?> GetAsync(Id<TaskBatch> id, Id<User> owner, CancellationToken cancellationToken);

    /// <summary>A consumer's batches, newest first.</summary>
    Task<Page<TaskBatchProgress>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken);

    /// <summary>The tasks of a batch in the order in which they were given.</summary>
    /// <param name="batch">Which.</param>
    /// <param name="state">One of <see cref="TaskStateNames"/>, or null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<Page<AgentTask>> ListTasksAsync(TaskBatch batch, string? state, PageRequest page, CancellationToken cancellationToken);

    /// <summary>Marks a batch to be stopped, ends some of its tasks that wait and marks those that run.</summary>
    /// <param name="id">Which.</param>
    /// <param name="owner">The consumer.</param>
    /// <param name="clearing">The account that the holds are for.</param>
    /// <param name="ids">Makes the ids of the releases.</param>
    /// <param name="now">UTC.</param>
    /// <param name="limit">The most tasks that are ended.</param>
    /// <param name="cancellationToken">Stops the transaction.</param>
    /// <returns>What was done, or <see cref="TaskRefusal.BatchUnknown"/> or <see cref="TaskRefusal.AlreadyFinal"/>.</returns>
    Task<Outcome<BatchCancellation, TaskRefusal>> CancelAsync(
        Id<TaskBatch> id, Id<User> owner, Id<Account> clearing, IdSource ids, DateTimeOffset now, int limit, CancellationToken cancellationToken);
}
