using System.Text.Json;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>A task on its way into the queue.</summary>
/// <param name="Task">Queued, or claimed in the moment of its submission.</param>
/// <param name="Tag">Its turn; null when it is not due yet, or runs already.</param>
internal readonly record struct PlacedTask(AgentTask Task, long? Tag)
{
    public DateTimeOffset DueAt => Task.State is TaskState.Queued queued ? queued.DueAt : Task.CreatedAt;
}

/// <summary>An entry of the table <c>queue</c>.</summary>
internal sealed record QueueEntry(long Tag, Id<AgentTask> TaskId, long MemoryLimitBytes, long Token);

/// <summary>A row of the table <c>task_ends</c>.</summary>
/// <param name="Task">As it ended.</param>
/// <param name="Outcome">Its result, its failure or what its cancellation costs, as JSON; null when it was cancelled and costs nothing.</param>
internal readonly record struct TaskEnd(AgentTask Task, string? Outcome)
{
    /// <summary>Made before the act where that is possible: writing JSON is no work for a thread that all writing waits for.</summary>
    public static TaskEnd Of(AgentTask task) => new(task, task.State switch
    {
        TaskState.Succeeded succeeded => JsonSerializer.Serialize(succeeded.Result, TaskRowJson.Default.TaskResult),
        TaskState.Failed failed => JsonSerializer.Serialize(failed.Failure, TaskRowJson.Default.TaskFailure),
        TaskState.Cancelled { Cost: var cost } when cost > Money.Zero => JsonSerializer.Serialize(new EndedCost(cost), TaskRowJson.Default.EndedCost),
        _ => null,
    });
}

/// <summary>A row of the table <c>task_content</c>.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Kind"><c>input</c>, <c>output</c> or <c>log</c>.</param>
/// <param name="Bytes">All of it.</param>
internal sealed record TaskContent(Id<AgentTask> TaskId, string Kind, ReadOnlyMemory<byte> Bytes);

/// <summary>What moves tasks from table to table, many rows a statement.</summary>
internal static class TaskStatements
{
    /// <summary>Adds tasks.</summary>
    public static readonly SqlRows<PlacedTask> Insert = SqlRows<PlacedTask>.Insert(
        "tasks",
        [
            SqlField<PlacedTask>.OfId("id", row => row.Task.Id),
            SqlField<PlacedTask>.OfId("owner_id", row => row.Task.OwnerId),
            SqlField<PlacedTask>.OfId("agent_id", row => row.Task.AgentId),
            SqlField<PlacedTask>.OfText("agent", row => row.Task.Agent),
            SqlField<PlacedTask>.OfText("input_digest", row => row.Task.Input.Digest),
            SqlField<PlacedTask>.OfInteger("input_bytes", row => row.Task.Input.SizeBytes),
            SqlField<PlacedTask>.OfFlag("input_inline", row => row.Task.Input.IsInline),
            SqlField<PlacedTask>.OfText("parameters", row => ParametersOf(row.Task)),
            SqlField<PlacedTask>.OfInteger("fuel_limit", row => row.Task.Limits.Fuel),
            SqlField<PlacedTask>.OfInteger("memory_limit_bytes", row => row.Task.Limits.MemoryBytes),
            SqlField<PlacedTask>.OfInteger("timeout_ms", row => row.Task.Limits.TimeoutMs),
            SqlField<PlacedTask>.OfInteger("output_limit_bytes", row => row.Task.Limits.OutputBytes),
            SqlField<PlacedTask>.OfInteger("log_limit_bytes", row => row.Task.Limits.LogBytes),
            SqlField<PlacedTask>.OfId("hold_id", row => row.Task.Hold?.Id),
            SqlField<PlacedTask>.OfId("hold_payer_id", row => row.Task.Hold?.PayerId),
            SqlField<PlacedTask>.OfInteger("hold_amount", row => row.Task.Hold?.Amount.Nanodollars),
            SqlField<PlacedTask>.OfId("batch_id", row => row.Task.BatchId),
            SqlField<PlacedTask>.OfText("schedule_id", row => row.Task.ScheduleId),
            SqlField<PlacedTask>.OfId("replay_of", row => row.Task.ReplayOf),
            SqlField<PlacedTask>.OfInteger("priority", row => (long)row.Task.Priority),
            SqlField<PlacedTask>.OfInteger("volume", row => row.Task.Volume),
            SqlField<PlacedTask>.OfInteger("attempts", row => row.Task.Attempts),
            SqlField<PlacedTask>.OfInteger("losses", row => row.Task.Losses),
            SqlField<PlacedTask>.OfInteger("token", _ => 0),
            SqlField<PlacedTask>.OfInteger("due_at", row => row.DueAt.ToUnixTimeMilliseconds()),
            SqlField<PlacedTask>.OfInteger("tag", row => row.Tag),
            SqlField<PlacedTask>.OfText("trace_parent", row => row.Task.TraceParent),
            SqlField<PlacedTask>.OfInteger("created_at", row => row.Task.CreatedAt.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Lets tasks wait for their turns.</summary>
    public static readonly SqlRows<QueueEntry> Enqueue = SqlRows<QueueEntry>.Insert(
        "queue",
        [
            SqlField<QueueEntry>.OfInteger("tag", row => row.Tag),
            SqlField<QueueEntry>.OfId("task_id", row => row.TaskId),
            SqlField<QueueEntry>.OfInteger("memory_limit_bytes", row => row.MemoryLimitBytes),
            SqlField<QueueEntry>.OfInteger("token", row => row.Token),
        ]);

    /// <summary>Takes tasks out of the queue.</summary>
    public static readonly SqlRows<QueueEntry> Dequeue = SqlRows<QueueEntry>.Delete(
        "queue",
        "t.tag = {tag} AND t.task_id = {task_id}",
        [
            SqlField<QueueEntry>.OfInteger("tag", row => row.Tag),
            SqlField<QueueEntry>.OfId("task_id", row => row.TaskId),
        ]);

    /// <summary>Says which turns tasks have that had none.</summary>
    public static readonly SqlRows<QueueEntry> SetTag = SqlRows<QueueEntry>.Update(
        "tasks",
        "tag = {tag}",
        "t.id = {id}",
        [
            SqlField<QueueEntry>.OfId("id", row => row.TaskId),
            SqlField<QueueEntry>.OfInteger("tag", row => row.Tag),
        ]);

    /// <summary>Lets tasks wait for their time.</summary>
    public static readonly SqlRows<PlacedTask> Delay = SqlRows<PlacedTask>.Insert(
        "delayed",
        [
            SqlField<PlacedTask>.OfInteger("due_at", row => row.DueAt.ToUnixTimeMilliseconds()),
            SqlField<PlacedTask>.OfId("task_id", row => row.Task.Id),
        ]);

    /// <summary>Takes tasks out of those that wait for their time.</summary>
    public static readonly SqlRows<PlacedTask> Undelay = SqlRows<PlacedTask>.Delete(
        "delayed",
        "t.due_at = {due_at} AND t.task_id = {task_id}",
        [
            SqlField<PlacedTask>.OfInteger("due_at", row => row.DueAt.ToUnixTimeMilliseconds()),
            SqlField<PlacedTask>.OfId("task_id", row => row.Task.Id),
        ]);

    /// <summary>Leases running tasks to those who run them.</summary>
    public static readonly SqlRows<AgentTask> Lease = SqlRows<AgentTask>.Insert(
        "leases",
        [
            SqlField<AgentTask>.OfId("task_id", task => task.Id),
            SqlField<AgentTask>.OfInteger("token", task => task.Token),
            SqlField<AgentTask>.OfText("holder", task => ((TaskState.Running)task.State).Lease.Holder),
            SqlField<AgentTask>.OfInteger("started_at", task => ((TaskState.Running)task.State).StartedAt.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Ends leases that are still those of the tokens.</summary>
    public static readonly SqlRows<AgentTask> EndLease = SqlRows<AgentTask>.Delete(
        "leases",
        "t.task_id = {task_id} AND t.token = {token}",
        [
            SqlField<AgentTask>.OfId("task_id", task => task.Id),
            SqlField<AgentTask>.OfInteger("token", task => task.Token),
        ]);

    /// <summary>The same for what goes back to the queue: not when its consumer wants it stopped.</summary>
    public static readonly SqlRows<AgentTask> HandBackLease = SqlRows<AgentTask>.Delete(
        "leases",
        "t.task_id = {task_id} AND t.token = {token} AND t.cancel_requested_at IS NULL",
        [
            SqlField<AgentTask>.OfId("task_id", task => task.Id),
            SqlField<AgentTask>.OfInteger("token", task => task.Token),
        ]);

    /// <summary>Says how tasks ended.</summary>
    public static readonly SqlRows<TaskEnd> End = SqlRows<TaskEnd>.Insert(
        "task_ends",
        [
            SqlField<TaskEnd>.OfId("task_id", end => end.Task.Id),
            SqlField<TaskEnd>.OfId("owner_id", end => end.Task.OwnerId),
            SqlField<TaskEnd>.OfText("state", end => end.Task.State.Name),
            SqlField<TaskEnd>.OfInteger("attempts", end => end.Task.Attempts),
            SqlField<TaskEnd>.OfInteger("losses", end => end.Task.Losses),
            SqlField<TaskEnd>.OfInteger("token", end => end.Task.Token),
            SqlField<TaskEnd>.OfInteger("finished_at", end => FinishedAtOf(end.Task.State)?.ToUnixTimeMilliseconds()),
            SqlField<TaskEnd>.OfText("outcome", end => end.Outcome),
            SqlField<TaskEnd>.OfInteger("cancel_requested_at", end => end.Task.CancelRequestedAt?.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Notes of tasks that go back to the queue what was counted so far, and that they have no turn.</summary>
    public static readonly SqlRows<AgentTask> Return = SqlRows<AgentTask>.Update(
        "tasks",
        "attempts = {attempts}, losses = {losses}, token = {token}, due_at = {due_at}, tag = NULL",
        "t.id = {id}",
        [
            SqlField<AgentTask>.OfId("id", task => task.Id),
            SqlField<AgentTask>.OfInteger("attempts", task => task.Attempts),
            SqlField<AgentTask>.OfInteger("losses", task => task.Losses),
            SqlField<AgentTask>.OfInteger("token", task => task.Token),
            SqlField<AgentTask>.OfInteger("due_at", task => ((TaskState.Queued)task.State).DueAt.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Keeps bytes beside tasks.</summary>
    public static readonly SqlRows<TaskContent> InsertContent = SqlRows<TaskContent>.Insert(
        "task_content",
        [
            SqlField<TaskContent>.OfId("task_id", content => content.TaskId),
            SqlField<TaskContent>.OfText("kind", content => content.Kind),
            SqlField<TaskContent>.OfBytes("bytes", content => content.Bytes.ToArray()),
        ]);

    private static string ParametersOf(AgentTask task) => task.Parameters.Count == 0
        ? TaskRow.NoParameters
        : JsonSerializer.Serialize(task.Parameters, TaskRowJson.Default.IReadOnlyListTaskParameter);

    /// <summary>When a task ended; null when it has not.</summary>
    public static DateTimeOffset? FinishedAtOf(TaskState state) => state switch
    {
        TaskState.Succeeded succeeded => succeeded.FinishedAt,
        TaskState.Failed failed => failed.FinishedAt,
        TaskState.Cancelled cancelled => cancelled.FinishedAt,
        _ => null,
    };
}
