using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>A key by which a consumer may send the same submission twice and get one task.</summary>
/// <param name="Key">The consumer's own, 1 to 255 characters.</param>
/// <param name="RequestHash">Of the whole request: the same key with another hash is refused.</param>
public sealed record IdempotencyKey(string Key, ContentHash RequestHash);

/// <summary>A change that ends or hands back an attempt: all of it is written in one transaction, or none.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Token">Fencing token of the lease under which the work was done.</param>
/// <param name="Next">The new state: a final one, or <see cref="TaskState.Queued"/> for a retry.</param>
/// <param name="Attempts">The new count.</param>
/// <param name="Transfers">Linked transfers: capture and shares, or the release of the hold; empty for a retry.</param>
/// <param name="Receipt">The signed receipt of a success.</param>
/// <param name="Events">What is told.</param>
public sealed record AttemptEnd(
    Id<AgentTask> TaskId,
    long Token,
    TaskState Next,
    int Attempts,
    IReadOnlyList<Transfer> Transfers,
    SignedReceipt? Receipt,
    IReadOnlyList<NewEvent> Events);

/// <summary>A receipt with its signature.</summary>
public sealed record SignedReceipt(Id<Receipt> Id, Id<AgentTask> TaskId, DsseEnvelope Envelope);

/// <summary>What a holder learns when it renews its leases.</summary>
/// <param name="Lost">Tasks whose lease it no longer has: stop working on them.</param>
/// <param name="CancelRequested">Tasks that their consumers want stopped.</param>
public sealed record Renewal(IReadOnlyList<Id<AgentTask>> Lost, IReadOnlyList<Id<AgentTask>> CancelRequested);

/// <summary>Keeps tasks, their queue and their receipts. Every method is one transaction.</summary>
public interface ITaskStore
{
    /// <summary>Writes task, queue entry, hold and event together. With an idempotency key that was used for the same request
    /// the earlier task is answered and nothing is written.</summary>
    /// <returns>The task, or <see cref="TaskRefusal.InsufficientFunds"/> or <see cref="TaskRefusal.IdempotencyKeyReused"/>.</returns>
    Task<Outcome<AgentTask, TaskRefusal>> SubmitAsync(
        AgentTask task, Transfer hold, IdempotencyKey? idempotency, NewEvent queued, CancellationToken cancellationToken);

    /// <summary>Leases up to <paramref name="count"/> due tasks, oldest due first, to a holder. No two holders ever get the same task.</summary>
    Task<IReadOnlyList<AgentTask>> ClaimAsync(
        string holder, int count, DateTimeOffset now, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Leases one given task that is queued, whatever its place in the queue; null when it is not queued any more.</summary>
    Task<AgentTask?> ClaimOneAsync(
        Id<AgentTask> id, string holder, DateTimeOffset now, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Extends the leases of a holder.</summary>
    Task<Renewal> RenewAsync(
        string holder, IReadOnlyList<Id<AgentTask>> tasks, DateTimeOffset now, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Ends an attempt. False, and nothing written, when the task is not running under that token any more.</summary>
    Task<bool> EndAttemptAsync(AttemptEnd end, CancellationToken cancellationToken);

    /// <summary>Ends a queued task at once, or marks a running one. The transfer releases the hold and is applied only in the first case.</summary>
    /// <returns>The task as it is now, or <see cref="TaskRefusal.TaskUnknown"/> or <see cref="TaskRefusal.AlreadyFinal"/>.</returns>
    Task<Outcome<AgentTask, TaskRefusal>> CancelAsync(
        Id<AgentTask> id, Id<User> owner, Transfer release, NewEvent cancelled, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Running tasks whose lease has expired or whose holder is one of <paramref name="goneHolders"/> (for instance an
    /// earlier start of this node): they are work to be taken over.</summary>
    Task<IReadOnlyList<AgentTask>> ListAbandonedAsync(
        DateTimeOffset now, IReadOnlyList<string> goneHolders, int limit, CancellationToken cancellationToken);

    /// <summary>Hands an abandoned task back to the queue, counting the loss, or ends it; false when it is not running under that token any more.</summary>
    Task<bool> EndLostAsync(AttemptEnd end, int losses, CancellationToken cancellationToken);

    Task<AgentTask?> GetAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>A consumer's tasks, newest first.</summary>
    /// <param name="owner">The consumer.</param>
    /// <param name="state">A state's lower-case name, or null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<Page<AgentTask>> ListAsync(Id<User> owner, string? state, PageRequest page, CancellationToken cancellationToken);

    Task<SignedReceipt?> GetReceiptAsync(Id<AgentTask> task, CancellationToken cancellationToken);

    /// <summary>When the earliest queued task is due; null when nothing is queued.</summary>
    Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellationToken);

    /// <summary>How many tasks are in each state, by its lower-case name.</summary>
    Task<IReadOnlyDictionary<string, long>> CountAsync(CancellationToken cancellationToken);
}
