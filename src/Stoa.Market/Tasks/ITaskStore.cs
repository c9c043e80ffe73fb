using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>A key by which a consumer may send the same submission twice and get one task.</summary>
/// <param name="Key">The consumer's own, 1 to 255 characters.</param>
/// <param name="RequestHash">Of the whole request: the same key with another hash is refused.</param>
public sealed record IdempotencyKey(string Key, ContentHash RequestHash);

/// <summary>A submission: all of it is written in one transaction, or none.</summary>
/// <param name="Task">Queued: due at once, put off, or out to bids.</param>
/// <param name="InlineInput">The input's bytes when they are kept beside the task.</param>
/// <param name="Hold">The pending transfer; null when the agent is free.</param>
/// <param name="Idempotency">Null when the consumer gave none.</param>
/// <param name="Claim">Lease it to this holder in the same transaction if nothing that is due waits before it; null to only queue it.</param>
public sealed record NewTask(
    AgentTask Task, ReadOnlyMemory<byte>? InlineInput, Transfer? Hold, IdempotencyKey? Idempotency, ImmediateClaim? Claim)
{
    /// <summary>What the agent was chosen by; null when the consumer named it.</summary>
    public TaskSelection? Selection { get; init; }

    /// <summary>The auction that the task waits for; null for none.</summary>
    public Auction? Auction { get; init; }

    /// <summary>The demand factor that was fixed for it, in parts per thousand; null when its agent has none.</summary>
    public int? Demand { get; init; }

    /// <summary>What its hold counts against: refused with <see cref="TaskRefusal.SpendingLimitReached"/> when it is above that. Null for no limit.</summary>
    public SpendingAllowance? Allowance { get; init; }

    /// <summary>Where suppliers of a task stand that they run or may come to run; null of all other tasks.</summary>
    public SupplyPlaces? Places { get; init; }
}

/// <summary>What an agent has to do, as its demand factor counts it.</summary>
/// <param name="Own">For the consumer who asks, up to his share.</param>
/// <param name="Others">For all others, each up to his share.</param>
public readonly record struct OpenTasks(int Own, int Others)
{
    /// <summary>All together, when the consumer has so many more.</summary>
    public int With(int more, DemandFactor demand) => Others + Math.Min(Own + more, demand.ConsumerShare);
}

/// <summary>A node that is idle while it takes a submission offers to work on it at once, which saves a transaction and a wait.</summary>
/// <param name="Holder">Who gets the lease.</param>
/// <param name="Region">Where it stands: what waits for a node there goes before. Null for nowhere in particular.</param>
public sealed record ImmediateClaim(LeaseHolder Holder, string? Region = null);

/// <summary>What a submission gave.</summary>
/// <param name="Task">Queued, or running for the holder that offered itself.</param>
/// <param name="IsNew">False when the idempotency key named an earlier submission of the same request: that task is answered.</param>
public sealed record Submitted(AgentTask Task, bool IsNew);

/// <summary>What a node has room for.</summary>
/// <param name="Count">Tasks.</param>
/// <param name="FreeMemoryBytes">Sum of the memory limits of what it takes.</param>
/// <param name="MaxMemoryBytes">All of its memory: a task that needs more is left to other nodes, one that needs less is waited for, so
/// that small tasks do not pass by a large one for ever.</param>
/// <param name="Region">Where it stands: it takes what asks for this region, too. Null for nowhere in particular.</param>
public sealed record ClaimRoom(int Count, long FreeMemoryBytes, long MaxMemoryBytes, string? Region = null);

/// <summary>The end of an attempt: all of it is written in one transaction, or none.</summary>
/// <param name="Task">The task after the verb that ended its attempt; its token is the one under which the work was done.</param>
/// <param name="Transfers">Linked transfers: capture and shares, or the release of the hold; empty when the task goes back to the queue.</param>
/// <param name="Receipt">Of a success.</param>
/// <param name="InlineOutput">The output's bytes when they are kept beside the task.</param>
/// <param name="Log">The end of what the agent wrote to stderr; empty for none.</param>
/// <param name="Events">What is told.</param>
public sealed record AttemptEnd(
    AgentTask Task,
    IReadOnlyList<Transfer> Transfers,
    SignedReceipt? Receipt,
    ReadOnlyMemory<byte>? InlineOutput,
    KeptLog Log,
    IReadOnlyList<NewEvent> Events)
{
    /// <summary>What each executor of a task gave that several of them ran; empty for all others.</summary>
    public IReadOnlyList<TaskRun> Runs { get; init; } = [];

    /// <summary>The output, where it is in the content store; null where it is not. It becomes the owner's with the end, and is noted to be deleted if somebody else has ended the task.</summary>
    public ContentDescriptor? StoredOutput { get; init; }

    /// <summary>What the attempt says about its agent; null when it says nothing.</summary>
    public EndedAttempt? Verdict { get; init; }

    /// <summary>The agent that is to try next, which the task has already; null when it keeps its agent.</summary>
    public Reassignment? Reassignment { get; init; }
}

/// <summary>What became of the end of an attempt.</summary>
public enum AttemptEndOutcome
{
    /// <summary>Written.</summary>
    Written,

    /// <summary>Nothing was written: the task is not running under that token any more, somebody else has it or has ended it.</summary>
    LeaseLost,

    /// <summary>Nothing was written: it was to go back to the queue, but its consumer wants it stopped. Cancel it.</summary>
    CancelRequested,
}

/// <summary>Tasks that were ended because their deadlines had passed.</summary>
/// <param name="Expired">Each as it is now.</param>
/// <param name="IsMore">There may be more.</param>
public sealed record Expiry(IReadOnlyList<AgentTask> Expired, bool IsMore);

/// <summary>A receipt with its signature.</summary>
public sealed record SignedReceipt(Id<Receipt> Id, Id<AgentTask> TaskId, DsseEnvelope Envelope);

/// <summary>The right to work on one task, as its holder remembers it.</summary>
public readonly record struct LeaseRef(Id<AgentTask> TaskId, long Token);

/// <summary>A task as its holder finds it when it looks whether it still has it.</summary>
/// <param name="Lease">Its task and token.</param>
/// <param name="IsCancelRequested">Its consumer wants it stopped.</param>
public readonly record struct HeldTask(LeaseRef Lease, bool IsCancelRequested);

/// <summary>Keeps tasks, their queue and their receipts. Every method is one transaction, and durable when it returns.</summary>
/// <remarks>
/// Cursors of a page that are not the store's own are treated as the first page's. All instants are kept to the millisecond.
/// </remarks>
public interface ITaskStore
{
    /// <summary>Writes task, queue entry, hold and event together. With an idempotency key that was used for the same request
    /// the earlier task is answered and nothing is written.</summary>
    /// <returns>The task, or <see cref="TaskRefusal.InsufficientFunds"/>, <see cref="TaskRefusal.BudgetExhausted"/> or <see cref="TaskRefusal.IdempotencyKeyReused"/>.</returns>
    Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(NewTask submission, CancellationToken cancellationToken);

    /// <summary>Writes many submissions in one transaction, in order. One that is refused takes no other with it.</summary>
    /// <returns>For each what <see cref="SubmitAsync"/> would have given.</returns>
    Task<IReadOnlyList<Outcome<Submitted, TaskRefusal>>> SubmitAllAsync(IReadOnlyList<NewTask> submissions, CancellationToken cancellationToken);

    /// <summary>The task of an earlier submission under the key, if there is one.</summary>
    /// <returns>The task, null, or <see cref="TaskRefusal.IdempotencyKeyReused"/>.</returns>
    Task<Outcome<AgentTask?, TaskRefusal>> FindSubmissionAsync(Id<User> owner, IdempotencyKey key, CancellationToken cancellationToken);

    /// <summary>Leases due tasks by turns among the lanes, oldest first in each. No two holders ever have the same task.</summary>
    /// <remarks>What asks for regions is only for a holder that stands in one of them. See <see cref="FairQueue"/>. A task that ran before takes the next turn when it is due again: its first one was paid for.</remarks>
    Task<IReadOnlyList<AgentTask>> ClaimAsync(
        LeaseHolder holder, ClaimRoom room, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Moves a queued task of the owner before the owner's other ones, due at once. A task in another state is left as it is.</summary>
    /// <returns>The task as it is now, or null when the owner has no such task.</returns>
    Task<AgentTask?> ExpediteAsync(Id<AgentTask> id, Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>All that runs for a holder.</summary>
    Task<IReadOnlyList<HeldTask>> ListHeldAsync(LeaseHolder holder, CancellationToken cancellationToken);

    /// <summary>Gives the next turn to tasks that ran before and are put off for longer than <see cref="RetryPolicy.LongestDelay"/>: a clock that
    /// was set back since, or that of another node, has put them off.</summary>
    /// <returns>How many.</returns>
    Task<int> BringForwardAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Ends an attempt, if the task is still running under the token of <see cref="AttemptEnd.Task"/>.</summary>
    Task<AttemptEndOutcome> EndAttemptAsync(AttemptEnd end, CancellationToken cancellationToken);

    /// <summary>Ends many attempts in one transaction; one that lost its lease takes no other with it.</summary>
    /// <returns>For each what <see cref="EndAttemptAsync"/> would have given.</returns>
    Task<IReadOnlyList<AttemptEndOutcome>> EndAttemptsAsync(IReadOnlyList<AttemptEnd> ends, CancellationToken cancellationToken);

    /// <summary>Ends a queued task at once and releases its hold, or marks a running one for its node to stop.</summary>
    /// <param name="id">The task.</param>
    /// <param name="owner">The consumer.</param>
    /// <param name="releaseId">Id of the transfer that releases the hold of a queued task.</param>
    /// <param name="clearing">The account that the hold is for.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops the transaction.</param>
    /// <returns>The task as it is now, or <see cref="TaskRefusal.TaskUnknown"/> or <see cref="TaskRefusal.AlreadyFinal"/>.</returns>
    Task<Outcome<AgentTask, TaskRefusal>> CancelAsync(
        Id<AgentTask> id, Id<User> owner, Id<Transfer> releaseId, Id<Account> clearing, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Ends queued tasks whose deadlines have passed, and releases their holds; what is out to bids is left until that is decided.</summary>
    /// <param name="clearing">The account that holds are for.</param>
    /// <param name="ids">Makes the ids of the transfers that release them.</param>
    /// <param name="now">UTC.</param>
    /// <param name="limit">The most deadlines that are looked at.</param>
    /// <param name="cancellationToken">Stops the transaction.</param>
    Task<Expiry> ExpireAsync(Id<Account> clearing, IdSource ids, DateTimeOffset now, int limit, CancellationToken cancellationToken);

    /// <summary>Leases of holders who are not among the nodes of <see cref="INodeStore"/>, the oldest first: work to be taken over. The tasks are not
    /// read, so that one that cannot be hides none of the others.</summary>
    Task<IReadOnlyList<LeaseRef>> ListAbandonedAsync(CancellationToken cancellationToken);

    Task<AgentTask?> GetAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>A consumer's tasks, newest first.</summary>
    /// <param name="owner">The consumer.</param>
    /// <param name="state">One of <see cref="TaskStateNames"/>, or null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<Page<AgentTask>> ListAsync(Id<User> owner, string? state, PageRequest page, CancellationToken cancellationToken);

    /// <summary>The bytes of an inline input; null when it is in the content store or there is no such task.</summary>
    Task<byte[]?> ReadInputAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>The bytes of many inline inputs at once; tasks that have none are left out.</summary>
    Task<IReadOnlyDictionary<Id<AgentTask>, ReadOnlyMemory<byte>>> ReadInputsAsync(IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken);

    /// <summary>The bytes of an inline output; null when there is none, or it is in the content store.</summary>
    Task<byte[]?> ReadOutputAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>The end of what the agent wrote to stderr in the attempt that ended the task; empty when there is nothing.</summary>
    Task<KeptLog> ReadLogAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>What each executor of a task gave that several of them ran; empty when it has not ended, or only one did.</summary>
    Task<IReadOnlyList<TaskRun>> ListRunsAsync(Id<AgentTask> task, CancellationToken cancellationToken);

    Task<SignedReceipt?> GetReceiptAsync(Id<AgentTask> task, CancellationToken cancellationToken);

    /// <summary>What the agents of a task were chosen by; null when the consumer named the agent, or there is no such task.</summary>
    Task<StoredSelection?> FindSelectionAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>Which tasks replay these ones of an owner, by the ids of these; those that were not replayed are left out.</summary>
    Task<IReadOnlyDictionary<Id<AgentTask>, Id<AgentTask>>> FindReplaysAsync(
        Id<User> owner, IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken);

    /// <summary>How many tasks of a version with a demand factor are due or run, of each consumer up to his share, and of all up to the capacity.</summary>
    /// <param name="agent">The version.</param>
    /// <param name="consumer">Whose tasks are counted apart.</param>
    /// <param name="demand">Its demand factor.</param>
    /// <param name="now">UTC. What is due later is not counted.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<OpenTasks> CountOpenOfAsync(Id<AgentVersion> agent, Id<User> consumer, DemandFactor demand, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The demand factor that was fixed for a task that has not ended, in parts per thousand; null when none was.</summary>
    Task<int?> FindDemandAsync(Id<AgentTask> id, CancellationToken cancellationToken);

    /// <summary>For how many tasks of an agent, in all of its versions, a consumer has paid in the calendar month of UTC, as far as usage is added up.</summary>
    /// <param name="consumer">Who paid.</param>
    /// <param name="publisher">Who published the agent.</param>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="now">UTC: in the month.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<long> CountPaidOfAsync(Id<User> consumer, Id<User> publisher, string agent, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The same of all agents, by <c>publisher/name</c>; those that he has not paid for are left out.</summary>
    Task<IReadOnlyDictionary<string, long>> CountPaidAsync(Id<User> consumer, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Which budgets of its consumer have less left than the task holds, among those that do not count it yet: agents of these must not take it over.</summary>
    /// <param name="task">With the agent that it has.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    /// <returns>What they are of: publishers, and agents as <c>publisher/name</c>.</returns>
    Task<IReadOnlyList<string>> FindFullBudgetsAsync(AgentTask task, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>When a queued task is due: of those whose turn has come the next, else the earliest; null when nothing is queued.</summary>
    /// <param name="region">Where a node stands: of what asks for regions only what asks for this one is meant. Null for nowhere in particular.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<DateTimeOffset?> NextDueAsync(string? region, CancellationToken cancellationToken);

    /// <summary>How many tasks wait or run: by state, for the two states that are not final.</summary>
    Task<IReadOnlyDictionary<string, long>> CountOpenAsync(CancellationToken cancellationToken);
}
