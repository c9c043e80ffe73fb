using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Market.Tasks;

/// <summary>One piece of work for one agent, from submission to its single final state.</summary>
/// <remarks>The verbs are in AgentTask.Verbs.cs; nothing else makes one state out of another.</remarks>
/// <param name="Id">Made by the node that took the submission.</param>
/// <param name="OwnerId">The consumer, who pays.</param>
/// <param name="AgentId">The version that does it.</param>
/// <param name="Agent">Its full name.</param>
/// <param name="Input">What it reads.</param>
/// <param name="Parameters">Named settings, checked against the manifest and in its order.</param>
/// <param name="Limits">The most that one attempt may use; never above the manifest's.</param>
/// <param name="Hold">The money that waits for it; null when the agent is free.</param>
/// <param name="Attempts">Executions that ended by themselves, well or badly.</param>
/// <param name="Losses">Executions that ended because their node vanished.</param>
/// <param name="Token">Fencing token of the newest lease; 0 before the first.</param>
/// <param name="State">See <see cref="TaskState"/>.</param>
/// <param name="CancelRequestedAt">When the consumer asked to stop it; null when not.</param>
/// <param name="TraceParent">W3C trace context of the submission, carried through the queue; null when not traced.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed partial record AgentTask(
    Id<AgentTask> Id,
    Id<User> OwnerId,
    Id<AgentVersion> AgentId,
    ListingName Agent,
    TaskInput Input,
    IReadOnlyList<TaskParameter> Parameters,
    AgentLimits Limits,
    TaskHold? Hold,
    int Attempts,
    int Losses,
    long Token,
    TaskState State,
    DateTimeOffset? CancelRequestedAt,
    string? TraceParent,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "task";

    /// <summary>Among its consumer's own tasks.</summary>
    public TaskPriority Priority { get; init; } = TaskPriority.Normal;

    /// <summary>The batch that it was submitted with; null for none. What becomes of such a task is told of the batch.</summary>
    public Id<TaskBatch>? BatchId { get; init; }

    /// <summary>The schedule that made it; null for none.</summary>
    public string? ScheduleId { get; init; }

    /// <summary>The task that it does again; null for none.</summary>
    public Id<AgentTask>? ReplayOf { get; init; }

    /// <summary>The auction that it was put out to; null for none.</summary>
    public TaskAuction? Auction { get; init; }

    /// <summary>When it must be done: after that it fails, whatever it is doing. Null for no hurry.</summary>
    public DateTimeOffset? DeadlineAt { get; init; }

    /// <summary>What its price is multiplied by for what its agent had done for the consumer in the month when it got it, in parts per thousand; null for nothing.</summary>
    public int? Volume { get; init; }

    /// <summary>It waits for the end of its auction: nobody works on it before that.</summary>
    public bool IsBidding => State is TaskState.Queued && Auction is { IsOpen: true };

    /// <summary>It is queued, and was not put off when it was submitted.</summary>
    public bool IsDueAtOnce => State is TaskState.Queued queued && queued.DueAt <= CreatedAt;

    /// <summary>What it is paid by: the rates that were awarded, otherwise those that are posted.</summary>
    public AgentPrice RatesOr(AgentPrice posted) => Auction?.Current?.Rates ?? posted;

    /// <summary>Only nodes that stand in one of these run it, in the order of the alphabet; empty: any node.</summary>
    public IReadOnlyList<string> Regions { get; init; } = [];

    /// <summary>What is chance otherwise, where it is fixed; null where the node draws it.</summary>
    public TaskWorld? World { get; init; }

    /// <summary>How many executors run it, and how many have to agree; null for one. Its world is fixed then.</summary>
    public Redundancy? Redundancy { get; init; }

    /// <summary>Other operators' nodes run it, or some of its runs: what was begun there has to be ended there, too.</summary>
    public bool IsSupplied => Redundancy is not null || Agent.IsKeyed;

    /// <summary>The most that the task can cost.</summary>
    public Money MaxPrice => Hold?.Amount ?? Money.Zero;
}

/// <summary>The bytes on the agent's stdin.</summary>
/// <param name="Digest">Their SHA-256.</param>
/// <param name="SizeBytes">Their number.</param>
/// <param name="IsInline">They came with the submission and are kept beside the task; otherwise they are in the content store.</param>
public sealed record TaskInput(ContentHash Digest, long SizeBytes, bool IsInline)
{
    /// <summary>The longest input that comes with a submission: 1 MiB. Longer ones are uploaded first.</summary>
    public const int MaxInlineBytes = 1 << 20;

    /// <summary>The key that they are sealed to, and so the output too; null when they are in the clear.</summary>
    public SealingKeyId? SealedTo { get; init; }
}

/// <summary>One named setting, given to the program as <c>--name value</c>.</summary>
public sealed record TaskParameter(string Name, string Value);

/// <summary>Money that waits for the outcome of a task.</summary>
/// <param name="Id">The pending transfer.</param>
/// <param name="PayerId">The wallet that it is held in.</param>
/// <param name="Amount">The price at the task's limits; above zero.</param>
public sealed record TaskHold(Id<Transfer> Id, Id<Account> PayerId, Money Amount);
