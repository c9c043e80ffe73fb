using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Where a task is. The picture of all transitions is docs/task-states.md; the verbs are on <see cref="AgentTask"/>.</summary>
public abstract record TaskState
{
    private TaskState()
    {
    }

    /// <summary>The lower-case word for it: <c>queued</c>, <c>running</c>, <c>succeeded</c>, <c>failed</c> or <c>cancelled</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether the task has ended for good.</summary>
    public bool IsFinal => this is Succeeded or Failed or Cancelled;

    /// <summary>What its consumer has paid: the price of a success; of all else mostly nothing.</summary>
    public virtual Money Charged => Money.Zero;

    /// <summary>Waits for a node.</summary>
    /// <param name="DueAt">Not before this instant: later than now while a retry backs off.</param>
    public sealed record Queued(DateTimeOffset DueAt) : TaskState
    {
        public override string Name => TaskStateNames.Queued;
    }

    /// <summary>A node works on it.</summary>
    public sealed record Running(Lease Lease, DateTimeOffset StartedAt) : TaskState
    {
        public override string Name => TaskStateNames.Running;
    }

    /// <summary>Done, paid for and shared out.</summary>
    public sealed record Succeeded(TaskResult Result, DateTimeOffset FinishedAt) : TaskState
    {
        public override Money Charged => Result.Price;

        public override string Name => TaskStateNames.Succeeded;
    }

    /// <summary>Ended without a result. Nothing was charged, but for what others had done for it by then: see <see cref="TaskFailure.Detail"/>.</summary>
    public sealed record Failed(TaskFailure Failure, DateTimeOffset FinishedAt) : TaskState
    {
        public override Money Charged => Failure.Charged;

        public override string Name => TaskStateNames.Failed;
    }

    /// <summary>Stopped by its consumer. Nothing was charged, but for what models had answered it by then.</summary>
    /// <param name="FinishedAt">UTC.</param>
    /// <param name="Cost">Of those answers.</param>
    public sealed record Cancelled(DateTimeOffset FinishedAt, Money Cost = default) : TaskState
    {
        public override Money Charged => Cost;

        public override string Name => TaskStateNames.Cancelled;
    }
}

/// <summary>The words for the states, as they are stored, sent and filtered by.</summary>
public static class TaskStateNames
{
    public const string Queued = "queued";
    public const string Running = "running";
    public const string Succeeded = "succeeded";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";

    /// <summary>All of them, in the order of a task's life.</summary>
    public static IReadOnlyList<string> All { get; } = [Queued, Running, Succeeded, Failed, Cancelled];
}

/// <summary>The right to work on a task, for as long as its holder is alive: see <see cref="INodeStore"/>.</summary>
/// <param name="Holder">One start of one node, see <see cref="LeaseHolder"/>: a restarted node is another holder.</param>
/// <param name="Token">Fencing token: rises with every lease of the task; a write with an older one is refused.</param>
public sealed record Lease(string Holder, long Token);

/// <summary>What the sandbox measured.</summary>
/// <param name="Fuel">Units burnt.</param>
/// <param name="PeakMemoryBytes">Linear memory at its largest.</param>
/// <param name="InputBytes">Read from stdin.</param>
/// <param name="OutputBytes">Written to stdout.</param>
/// <param name="DurationMs">Wall time in the sandbox.</param>
public sealed record Usage(long Fuel, long PeakMemoryBytes, long InputBytes, long OutputBytes, long DurationMs);

/// <summary>What a task produced.</summary>
/// <param name="Output">SHA-256 of the output.</param>
/// <param name="OutputBytes">Its size.</param>
/// <param name="IsInline">It is kept beside the task; otherwise it is in the content store.</param>
/// <param name="MediaType">From the manifest.</param>
/// <param name="Usage">What was measured.</param>
/// <param name="Price">What was captured.</param>
/// <param name="ReceiptId">The signed receipt.</param>
public sealed record TaskResult(
    ContentHash Output, long OutputBytes, bool IsInline, string MediaType, Usage Usage, Money Price, Id<Receipt> ReceiptId)
{
    /// <summary>The longest output that is kept beside the task: 64 KiB. Longer ones go to the content store.</summary>
    public const int MaxInlineBytes = 64 << 10;

    /// <summary>The other agents that were called for it; null when none was. The price has theirs in it.</summary>
    public IReadOnlyList<TaskCall>? Calls { get; init; }

    /// <summary>The requests to models that were made for it; null when none was. The price has theirs in it.</summary>
    public IReadOnlyList<TaskModelRequest>? Models { get; init; }

    /// <summary>Who ran it, when that was another operator's node; null when it was a node of this cell.</summary>
    public SuppliedBy? Supplied { get; init; }
}

/// <summary>Another operator's node that ran a task, and signed its receipt.</summary>
/// <param name="Node">Its peer id.</param>
/// <param name="Task">Id of the task there: the receipt names it.</param>
public sealed record SuppliedBy(string Node, string Task);

/// <summary>A call of another agent, with who earned what by it.</summary>
/// <param name="Number">From 1, in the order in which they began.</param>
/// <param name="Parent">The number of the call that made it; null for the task's own agent.</param>
/// <param name="Agent">Full name of the version.</param>
/// <param name="PublisherId">Who published it.</param>
/// <param name="Usage">What was measured.</param>
/// <param name="Failure">How it failed, in camelCase; null when it did not.</param>
/// <param name="Price">What it cost, without the calls that it made.</param>
/// <param name="Node">Of that, to the operator.</param>
/// <param name="Platform">To the market.</param>
/// <param name="Creators">The rest: to its publisher, and to others by its royalties.</param>
public sealed record TaskCall(
    int Number, int? Parent, string Agent, Id<User> PublisherId, Usage Usage, string? Failure, Money Price, Money Node, Money Platform, IReadOnlyList<CreatorPart> Creators);

/// <summary>A request to a model, with who earned what by it.</summary>
/// <param name="Number">From 1, in the order in which they were made.</param>
/// <param name="Call">The number of the call that made it; null for the task's own agent.</param>
/// <param name="Asked">What it named as its model.</param>
/// <param name="Model">Full name of the version that answered; null when nothing was used.</param>
/// <param name="PublisherId">Who published that; null when nobody of this cell did.</param>
/// <param name="InputTokens">Read by it.</param>
/// <param name="OutputTokens">Written by it.</param>
/// <param name="Failure">Why there was no answer, by its name in OpenAI's API; null when there was one.</param>
/// <param name="Price">What it cost.</param>
/// <param name="Node">Of that, to the operator.</param>
/// <param name="Platform">To the market.</param>
/// <param name="Creators">The rest: to its publisher.</param>
public sealed record TaskModelRequest(
    int Number, int? Call, string Asked, string? Model, Id<User>? PublisherId, long InputTokens, long OutputTokens, string? Failure, Money Price, Money Node, Money Platform,
    IReadOnlyList<CreatorPart> Creators);

/// <summary>What one gets of a creator's share.</summary>
/// <param name="PayeeId">Who.</param>
/// <param name="Handle">Of the payee.</param>
/// <param name="Agent">For which version.</param>
/// <param name="Amount">Above zero.</param>
public sealed record CreatorPart(Id<User> PayeeId, string Handle, string Agent, Money Amount);

/// <summary>Why a task failed.</summary>
/// <param name="Code">The case.</param>
/// <param name="Detail">What happened and what to do next.</param>
/// <param name="Log">The end of what the agent wrote to stderr, at most 4 KiB.</param>
/// <param name="Usage">What the last attempt used; null when it never ran.</param>
public sealed record TaskFailure(FailureCode Code, string Detail, string Log, Usage? Usage)
{
    private const string Nothing = "Nothing was charged.";

    /// <summary>What it costs all the same: the runs of several executors that nobody contradicts, or what models have answered.</summary>
    public Money Charged { get; init; }

    /// <summary>Of a task that was not done by its deadline.</summary>
    /// <param name="what">What happened.</param>
    /// <param name="usage">What the last attempt used; null when it never ran.</param>
    /// <param name="log">The end of what the agent wrote.</param>
    /// <param name="charged">For runs that nobody contradicts.</param>
    public static TaskFailure Late(string what, Usage? usage = null, string log = "", Money charged = default) =>
        new(FailureCode.DeadlinePassed, $"{what} {TellCharged(charged)} Submit it again with a longer deadline, or with none.", log, usage) { Charged = charged };

    /// <summary>The same failure of a task that pays for what models have answered.</summary>
    internal TaskFailure WithModels(Money charged) => this with
    {
        Detail = $"{Detail.Replace($" {Nothing}", "", StringComparison.Ordinal)} {charged} USD were charged for what models have answered: that is paid, whatever becomes of the task.",
        Charged = charged,
    };

    /// <summary>What a task that failed costs: of several executors those are paid whom nobody contradicts.</summary>
    internal static string TellCharged(Money charged) => charged == Money.Zero ? Nothing : $"{charged} USD were charged for the runs that nobody contradicts.";
}

/// <summary>Every way in which an attempt fails.</summary>
public enum FailureCode
{
    /// <summary>The agent ended with an exit code other than 0 and 75: it does not take this input.</summary>
    AgentExit,

    /// <summary>The agent ended with exit code 75 (EX_TEMPFAIL: try again later), in its last attempt.</summary>
    AgentUnavailable,

    /// <summary>The program trapped: unreachable, out of bounds, division by zero and so on.</summary>
    Trap,

    /// <summary>The calls went too deep.</summary>
    CallStackExhausted,

    /// <summary>The fuel of the task was burnt.</summary>
    OutOfFuel,

    /// <summary>The wall time of the attempt was over.</summary>
    TimedOut,

    /// <summary>It was not done by the deadline that its consumer had set.</summary>
    DeadlinePassed,

    /// <summary>More output than the task allows.</summary>
    OutputTooLarge,

    /// <summary>The output does not fit the JSON Schema of the agent's own manifest.</summary>
    OutputInvalid,

    /// <summary>The program cannot be started: it needs more memory than the task allows, or an import or export is missing.</summary>
    NotStartable,

    /// <summary>The task was put out to bids, and nobody made one that could win.</summary>
    NoBids,

    /// <summary>The nodes that worked on it vanished too often.</summary>
    NodeLost,

    /// <summary>The nodes of other operators that were to run it did not, or what they gave back was not to be believed.</summary>
    SupplierFailed,

    /// <summary>Several executors were to agree on the output, and too few did; each one's is told.</summary>
    NoQuorum,

    /// <summary>The sealed input does not verify: it was changed, cut off, or sealed for another account.</summary>
    SealBroken,

    /// <summary>The input is sealed to a key that the node which was to run it does not have.</summary>
    SealingKeyUnknown,

    /// <summary>The node could not read the input or the program, or could not store the output.</summary>
    StorageUnavailable,

    /// <summary>There was no room for the output on the node's disk, for about an hour of attempts.</summary>
    StorageFull,
}
