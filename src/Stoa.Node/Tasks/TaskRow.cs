using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>A task as a row of the table <c>tasks</c>: its parameters and properties bear the names of the columns.</summary>
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
    DateTimeOffset? DueAt,
    long? QueuePosition,
    string? LeaseHolder,
    DateTimeOffset? LeaseExpiresAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    string? Outcome,
    DateTimeOffset? CancelRequestedAt,
    string? TraceParent,
    DateTimeOffset CreatedAt)
{
    public const string Columns =
        """
        id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters,
        fuel_limit, memory_limit_bytes, timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount,
        attempts, losses, token, state, due_at, queue_position, lease_holder, lease_expires_at, started_at, finished_at, outcome,
        cancel_requested_at, trace_parent, created_at
        """;

    public const string Insert =
        $"""
        INSERT INTO tasks ({Columns})
        VALUES (@Id, @OwnerId, @AgentId, @Agent, @InputDigest, @InputBytes, @InputInline, @Parameters,
            @FuelLimit, @MemoryLimitBytes, @TimeoutMs, @OutputLimitBytes, @LogLimitBytes, @HoldId, @HoldPayerId, @HoldAmount,
            @Attempts, @Losses, @Token, @State, @DueAt, @QueuePosition, @LeaseHolder, @LeaseExpiresAt, @StartedAt, @FinishedAt, @Outcome,
            @CancelRequestedAt, @TraceParent, @CreatedAt)
        """;

    /// <summary>Sets what a verb changes; to be followed by <c>WHERE id = @Id</c> and a guard.</summary>
    public const string Update =
        """
        UPDATE tasks SET attempts = @Attempts, losses = @Losses, token = @Token, state = @State,
            due_at = @DueAt, queue_position = @QueuePosition, lease_holder = @LeaseHolder, lease_expires_at = @LeaseExpiresAt,
            started_at = @StartedAt, finished_at = @FinishedAt, outcome = @Outcome
        """;

    /// <summary>The row of a task.</summary>
    public static TaskRow Of(AgentTask task)
    {
        var queued = task.State as TaskState.Queued;
        var running = task.State as TaskState.Running;
        return new TaskRow(
            task.Id,
            task.OwnerId,
            task.AgentId,
            task.Agent,
            task.Input.Digest,
            task.Input.SizeBytes,
            task.Input.IsInline,
            JsonSerializer.Serialize(task.Parameters, TaskRowJson.Default.IReadOnlyListTaskParameter),
            task.Limits.Fuel,
            task.Limits.MemoryBytes,
            task.Limits.TimeoutMs,
            task.Limits.OutputBytes,
            task.Limits.LogBytes,
            task.Hold?.Id,
            task.Hold?.PayerId,
            task.Hold?.Amount,
            task.Attempts,
            task.Losses,
            task.Token,
            task.State.Name,
            queued?.DueAt,
            queued?.DueAt.ToUnixTimeMilliseconds(),
            running?.Lease.Holder,
            running?.Lease.ExpiresAt,
            running?.StartedAt,
            FinishedAtOf(task.State),
            OutcomeOf(task.State),
            task.CancelRequestedAt,
            task.TraceParent,
            task.CreatedAt);
    }

    /// <summary>The task of a row.</summary>
    public AgentTask ToTask() => new(
        Id,
        OwnerId,
        AgentId,
        Agent,
        new TaskInput(InputDigest, InputBytes, InputInline),
        JsonSerializer.Deserialize(Parameters, TaskRowJson.Default.IReadOnlyListTaskParameter)!,
        new AgentLimits(FuelLimit, MemoryLimitBytes, TimeoutMs, OutputLimitBytes, LogLimitBytes),
        HoldId is { } hold ? new TaskHold(hold, HoldPayerId!.Value, HoldAmount!.Value) : null,
        Attempts,
        Losses,
        Token,
        ToState(),
        CancelRequestedAt,
        TraceParent,
        CreatedAt);

    private TaskState ToState() => State switch
    {
        TaskStateNames.Queued => new TaskState.Queued(DueAt!.Value),
        TaskStateNames.Running => new TaskState.Running(new Lease(LeaseHolder!, Token, LeaseExpiresAt!.Value), StartedAt!.Value),
        TaskStateNames.Succeeded => new TaskState.Succeeded(JsonSerializer.Deserialize(Outcome!, TaskRowJson.Default.TaskResult)!, FinishedAt!.Value),
        TaskStateNames.Failed => new TaskState.Failed(JsonSerializer.Deserialize(Outcome!, TaskRowJson.Default.TaskFailure)!, FinishedAt!.Value),
        TaskStateNames.Cancelled => new TaskState.Cancelled(FinishedAt!.Value),
        _ => throw new InvalidOperationException($"{Id} is stored in the unknown state {State}."),
    };

    private static DateTimeOffset? FinishedAtOf(TaskState state) => state switch
    {
        TaskState.Succeeded succeeded => succeeded.FinishedAt,
        TaskState.Failed failed => failed.FinishedAt,
        TaskState.Cancelled cancelled => cancelled.FinishedAt,
        _ => null,
    };

    private static string? OutcomeOf(TaskState state) => state switch
    {
        TaskState.Succeeded succeeded => JsonSerializer.Serialize(succeeded.Result, TaskRowJson.Default.TaskResult),
        TaskState.Failed failed => JsonSerializer.Serialize(failed.Failure, TaskRowJson.Default.TaskFailure),
        _ => null,
    };
}

/// <summary>The parts of a task that are stored as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(IReadOnlyList<TaskParameter>))]
[JsonSerializable(typeof(TaskResult))]
[JsonSerializable(typeof(TaskFailure))]
internal sealed partial class TaskRowJson : JsonSerializerContext;
