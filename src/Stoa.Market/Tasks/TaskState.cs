using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Where a task is. The picture of all transitions is docs/task-states.md.</summary>
public abstract record TaskState
{
    private TaskState()
    {
    }

    /// <summary>Whether the task has ended for good.</summary>
    public bool IsFinal => this is Succeeded or Failed or Cancelled;

    /// <summary>Waits for a node.</summary>
    /// <param name="DueAt">Not before this instant: later than now while a retry backs off.</param>
    public sealed record Queued(DateTimeOffset DueAt) : TaskState;

    /// <summary>A node works on it.</summary>
    public sealed record Running(Lease Lease, DateTimeOffset StartedAt) : TaskState;

    /// <summary>Done, paid for and shared out.</summary>
    public sealed record Succeeded(TaskResult Result, DateTimeOffset FinishedAt) : TaskState;

    /// <summary>Ended without a result; nothing was charged.</summary>
    public sealed record Failed(TaskFailure Failure, DateTimeOffset FinishedAt) : TaskState;

    /// <summary>Stopped by its consumer; nothing was charged.</summary>
    public sealed record Cancelled(DateTimeOffset FinishedAt) : TaskState;
}

/// <summary>The right to work on a task, for a while.</summary>
/// <param name="Holder">One start of one node: a restarted node is another holder.</param>
/// <param name="Token">Fencing token: rises with every lease of the task; a write with an older one is refused.</param>
/// <param name="ExpiresAt">When the lease ends unless it is renewed.</param>
public sealed record Lease(string Holder, long Token, DateTimeOffset ExpiresAt);

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
/// <param name="Inline">The output itself up to 64 KiB; null when it is in the content store.</param>
/// <param name="MediaType">From the manifest.</param>
/// <param name="Usage">What was measured.</param>
/// <param name="Price">What was captured.</param>
/// <param name="ReceiptId">The signed receipt.</param>
public sealed record TaskResult(
    ContentHash Output, long OutputBytes, ReadOnlyMemory<byte>? Inline, string MediaType, Usage Usage, Money Price, Id<Receipt> ReceiptId);

/// <summary>Why a task failed.</summary>
/// <param name="Code">The case.</param>
/// <param name="Detail">What happened and what to do next.</param>
/// <param name="Log">The end of what the agent wrote to stderr, at most 4 KiB.</param>
/// <param name="Usage">What the last attempt used; null when it never ran.</param>
public sealed record TaskFailure(FailureCode Code, string Detail, string Log, Usage? Usage);

/// <summary>Every way in which a task fails.</summary>
public enum FailureCode
{
    /// <summary>The agent ended with an exit code other than 0 (or with 75 in its last attempt).</summary>
    AgentExit,

    /// <summary>The program trapped: unreachable, out of bounds, division by zero and so on.</summary>
    Trap,

    /// <summary>The calls went too deep.</summary>
    CallStackExhausted,

    /// <summary>The fuel of the task was burnt.</summary>
    OutOfFuel,

    /// <summary>The wall time of the attempt was over.</summary>
    TimedOut,

    /// <summary>More output than the task allows.</summary>
    OutputTooLarge,

    /// <summary>The program cannot be started: it needs more memory than the task allows, or an import or export is missing.</summary>
    NotStartable,

    /// <summary>The nodes that worked on it vanished too often.</summary>
    NodeLost,

    /// <summary>The node could not read the input or the program, or could not store the output.</summary>
    StorageUnavailable,
}
