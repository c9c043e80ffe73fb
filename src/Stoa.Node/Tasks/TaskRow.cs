using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Storage;
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
    string? Auction)
{
    private const string NoParameters = "[]";

    public const string Columns =
        """
        id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters,
        fuel_limit, memory_limit_bytes, timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount,
        attempts, losses, token, state, due_at, lease_holder, started_at, finished_at, outcome,
        cancel_requested_at, trace_parent, created_at, batch_id, schedule_id, replay_of, priority, auction
        """;

    /// <summary>Adds tasks.</summary>
    public static readonly SqlRows<TaskRow> Insert = SqlRows<TaskRow>.Insert(
        "tasks",
        [
            SqlField<TaskRow>.OfText("id", row => row.Id.ToString()),
            SqlField<TaskRow>.OfText("owner_id", row => row.OwnerId.ToString()),
            SqlField<TaskRow>.OfText("agent_id", row => row.AgentId.ToString()),
            SqlField<TaskRow>.OfText("agent", row => row.Agent.ToString()),
            SqlField<TaskRow>.OfText("input_digest", row => row.InputDigest.ToString()),
            SqlField<TaskRow>.OfInteger("input_bytes", row => row.InputBytes),
            SqlField<TaskRow>.OfFlag("input_inline", row => row.InputInline),
            SqlField<TaskRow>.OfText("parameters", row => row.Parameters),
            SqlField<TaskRow>.OfInteger("fuel_limit", row => row.FuelLimit),
            SqlField<TaskRow>.OfInteger("memory_limit_bytes", row => row.MemoryLimitBytes),
            SqlField<TaskRow>.OfInteger("timeout_ms", row => row.TimeoutMs),
            SqlField<TaskRow>.OfInteger("output_limit_bytes", row => row.OutputLimitBytes),
            SqlField<TaskRow>.OfInteger("log_limit_bytes", row => row.LogLimitBytes),
            SqlField<TaskRow>.OfText("hold_id", row => row.HoldId?.ToString()),
            SqlField<TaskRow>.OfText("hold_payer_id", row => row.HoldPayerId?.ToString()),
            SqlField<TaskRow>.OfInteger("hold_amount", row => row.HoldAmount?.Nanodollars),
            SqlField<TaskRow>.OfInteger("attempts", row => row.Attempts),
            SqlField<TaskRow>.OfInteger("losses", row => row.Losses),
            SqlField<TaskRow>.OfInteger("token", row => row.Token),
            SqlField<TaskRow>.OfText("state", row => row.State),
            SqlField<TaskRow>.OfInteger("due_at", row => row.DueAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfInteger("tag", row => row.Tag),
            SqlField<TaskRow>.OfText("lease_holder", row => row.LeaseHolder),
            SqlField<TaskRow>.OfInteger("started_at", row => row.StartedAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfInteger("finished_at", row => row.FinishedAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfText("outcome", row => row.Outcome),
            SqlField<TaskRow>.OfInteger("cancel_requested_at", row => row.CancelRequestedAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfText("trace_parent", row => row.TraceParent),
            SqlField<TaskRow>.OfInteger("created_at", row => row.CreatedAt.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfText("batch_id", row => row.BatchId?.ToString()),
            SqlField<TaskRow>.OfText("schedule_id", row => row.ScheduleId),
            SqlField<TaskRow>.OfText("replay_of", row => row.ReplayOf?.ToString()),
            SqlField<TaskRow>.OfInteger("priority", row => row.Priority),
        ]);

    /// <summary>Ends attempts, where the task is still running under the token. What goes back to the queue has no turn until it is looked for;
    /// it does not go back when its consumer wants it stopped.</summary>
    public static readonly SqlRows<TaskRow> EndAttempt = SqlRows<TaskRow>.Update(
        "tasks",
        """
        attempts = {attempts}, losses = {losses}, state = {state}, due_at = {due_at}, tag = NULL,
        lease_holder = NULL, started_at = NULL, finished_at = {finished_at}, outcome = {outcome},
        cancel_requested_at = COALESCE(t.cancel_requested_at, {cancel_requested_at})
        """,
        "t.id = {id} AND t.state = 'running' AND t.token = {token} AND ({state} <> 'queued' OR t.cancel_requested_at IS NULL)",
        [
            SqlField<TaskRow>.OfText("id", row => row.Id.ToString()),
            SqlField<TaskRow>.OfInteger("attempts", row => row.Attempts),
            SqlField<TaskRow>.OfInteger("losses", row => row.Losses),
            SqlField<TaskRow>.OfInteger("token", row => row.Token),
            SqlField<TaskRow>.OfText("state", row => row.State),
            SqlField<TaskRow>.OfInteger("due_at", row => row.DueAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfInteger("finished_at", row => row.FinishedAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfText("outcome", row => row.Outcome),
            SqlField<TaskRow>.OfInteger("cancel_requested_at", row => row.CancelRequestedAt?.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Ends tasks that wait, as cancelled.</summary>
    public static readonly SqlRows<TaskRow> Cancel = SqlRows<TaskRow>.Update(
        "tasks",
        "state = {state}, due_at = NULL, tag = NULL, finished_at = {finished_at}, cancel_requested_at = {cancel_requested_at}",
        "t.id = {id} AND t.state = 'queued'",
        [
            SqlField<TaskRow>.OfText("id", row => row.Id.ToString()),
            SqlField<TaskRow>.OfText("state", row => row.State),
            SqlField<TaskRow>.OfInteger("finished_at", row => row.FinishedAt?.ToUnixTimeMilliseconds()),
            SqlField<TaskRow>.OfInteger("cancel_requested_at", row => row.CancelRequestedAt?.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Sets what a verb changes of one task whose row is locked; to be followed by <c>WHERE id = @Id</c>.</summary>
    public const string Update =
        """
        UPDATE tasks SET attempts = @Attempts, losses = @Losses, token = @Token, state = @State,
            due_at = @DueAt, tag = @Tag, lease_holder = @LeaseHolder,
            started_at = @StartedAt, finished_at = @FinishedAt, outcome = @Outcome, cancel_requested_at = @CancelRequestedAt
        """;

    /// <summary>Its turn, while it is queued and due; null when it has none.</summary>
    public long? Tag { get; init; }

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
            task.Parameters.Count == 0 ? NoParameters : JsonSerializer.Serialize(task.Parameters, TaskRowJson.Default.IReadOnlyListTaskParameter),
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
            running?.Lease.Holder,
            running?.StartedAt,
            FinishedAtOf(task.State),
            OutcomeOf(task.State),
            task.CancelRequestedAt,
            task.TraceParent,
            task.CreatedAt,
            task.BatchId,
            task.ScheduleId,
            task.ReplayOf,
            (long)task.Priority,
            // Written with the auction itself: see SqlAuctions.
            Auction: null);
    }

    /// <summary>The task of a row.</summary>
    public AgentTask ToTask() => new(
        Id,
        OwnerId,
        AgentId,
        Agent,
        new TaskInput(InputDigest, InputBytes, InputInline),
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
    };

    private TaskState ToState() => State switch
    {
        TaskStateNames.Queued or SqlAuctions.BiddingState => new TaskState.Queued(DueAt!.Value),
        TaskStateNames.Running => new TaskState.Running(new Lease(LeaseHolder!, Token), StartedAt!.Value),
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
