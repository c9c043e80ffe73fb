using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Node.Tasks;

/// <summary>A task as a row of the view <c>tasks_now</c>: its parameters bear the names of the columns.</summary>
internal sealed record TaskRow(
    Id<AgentTask> Id,
    Id<User> OwnerId,
    Id<AgentVersion> AgentId,
    ListingName Agent,
    ContentHash InputDigest,
    long InputBytes,
    bool InputInline,
    string Parameters,
    long FuelLimit,
    long MemoryLimitBytes,
    long TimeoutMs,
    long OutputLimitBytes,
    long LogLimitBytes,
    Id<Transfer>? HoldId,
    Id<Account>? HoldPayerId,
    Money? HoldAmount,
    int Attempts,
    int Losses,
    long Token,
    string State,
    DateTimeOffset DueAt,
    long? Tag,
    string? LeaseHolder,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    string? Outcome,
    DateTimeOffset? CancelRequestedAt,
    string? TraceParent,
    DateTimeOffset CreatedAt,
    Id<TaskBatch>? BatchId,
    string? ScheduleId,
    Id<AgentTask>? ReplayOf,
    long Priority,
    string? Auction,
    DateTimeOffset? DeadlineAt,
    long? Volume,
    string? Regions,
    string? SealedTo,
    string? World)
{
    /// <summary>What is stored for a task without parameters.</summary>
    public const string NoParameters = "[]";

    private const string Columns =
        """
        id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters,
        fuel_limit, memory_limit_bytes, timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount,
        attempts, losses, token, state, due_at, tag, lease_holder, started_at, finished_at, outcome,
        cancel_requested_at, trace_parent, created_at, batch_id, schedule_id, replay_of, priority, auction, deadline_at, volume,
        (SELECT r.regions FROM task_regions AS r WHERE r.task_id = tasks_now.id) AS regions,
        (SELECT s.key_id FROM task_seals AS s WHERE s.task_id = tasks_now.id) AS sealed_to,
        (SELECT w.seed || ' ' || w.clock_ms || ' ' || w.runs || ' ' || w.agree FROM task_worlds AS w WHERE w.task_id = tasks_now.id) AS world
        """;

    /// <summary>To be followed by the rest of a query over <c>tasks_now</c>.</summary>
    public const string Select = $"SELECT {Columns} FROM tasks_now ";

    /// <summary>The task of a row.</summary>
    public AgentTask ToTask() => new(
        Id,
        OwnerId,
        AgentId,
        Agent,
        new TaskInput(InputDigest, InputBytes, InputInline) { SealedTo = SealedTo is null ? null : SealingKeyId.Parse(SealedTo) },
        Parameters == NoParameters ? [] : JsonSerializer.Deserialize(Parameters, TaskRowJson.Default.IReadOnlyListTaskParameter)!,
        new AgentLimits(FuelLimit, MemoryLimitBytes, TimeoutMs, OutputLimitBytes, LogLimitBytes),
        HoldId is { } hold ? new TaskHold(hold, HoldPayerId!.Value, HoldAmount!.Value) : null,
        Attempts,
        Losses,
        Token,
        ToState(),
        CancelRequestedAt,
        TraceParent,
        CreatedAt)
    {
        Priority = (TaskPriority)Priority,
        BatchId = BatchId,
        ScheduleId = ScheduleId,
        ReplayOf = ReplayOf,
        Auction = Auction is null ? null : SqlAuctions.Read(Auction),
        DeadlineAt = DeadlineAt,
        Volume = (int?)Volume,
        Regions = Regions is null ? [] : SqlRegionalQueue.Split(Regions),
        World = World is null ? null : SqlTaskWorlds.Read(World).World,
        Redundancy = World is null ? null : SqlTaskWorlds.Read(World).Redundancy,
    };

    private TaskState ToState() => State switch
    {
        TaskStateNames.Queued => new TaskState.Queued(DueAt),
        TaskStateNames.Running => new TaskState.Running(new Lease(LeaseHolder!, Token), StartedAt!.Value),
        TaskStateNames.Succeeded => new TaskState.Succeeded(JsonSerializer.Deserialize(Outcome!, TaskRowJson.Default.TaskResult)!, FinishedAt!.Value),
        TaskStateNames.Failed => new TaskState.Failed(JsonSerializer.Deserialize(Outcome!, TaskRowJson.Default.TaskFailure)!, FinishedAt!.Value),
        TaskStateNames.Cancelled => new TaskState.Cancelled(FinishedAt!.Value, EndedCost.Of(State, Outcome)),
        _ => throw new InvalidOperationException($"{Id} is stored in the unknown state {State}."),
    };
}

/// <summary>The parts of a task that are stored as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(IReadOnlyList<TaskParameter>))]
[JsonSerializable(typeof(TaskResult))]
[JsonSerializable(typeof(TaskFailure))]
[JsonSerializable(typeof(EndedCost))]
internal sealed partial class TaskRowJson : JsonSerializerContext;

/// <summary>What of a stored outcome says what a task has cost that has failed or was cancelled.</summary>
/// <param name="Charged">As in <see cref="TaskState.Charged"/>.</param>
internal sealed record EndedCost(Money Charged)
{
    /// <summary>What a task has cost that has ended.</summary>
    /// <param name="state">Its state as it is stored.</param>
    /// <param name="outcome">What is stored beside it.</param>
    public static Money Of(string state, string? outcome) => outcome switch
    {
        null => Money.Zero,
        _ when state == TaskStateNames.Succeeded => JsonSerializer.Deserialize(outcome, TaskRowJson.Default.TaskResult)!.Price,
        _ => JsonSerializer.Deserialize(outcome, TaskRowJson.Default.EndedCost)!.Charged,
    };
}
