using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What is told about a task. Its consumer sees it, and of a royalty the creator.</summary>
/// <remarks>Data members: <c>taskId</c>, <c>agent</c>, <c>state</c>, <c>attempt</c> (from 1, 0 before the first), and by
/// type <c>price</c>, <c>code</c>, <c>detail</c>, <c>dueAt</c>.</remarks>
public static class TaskEvents
{
    /// <summary>The task waits for a node.</summary>
    public static NewEvent Queued(AgentTask task, DateTimeOffset now) => About(task, EventTypes.TaskQueued, now);

    /// <summary>A node works on it.</summary>
    public static NewEvent Started(AgentTask task, DateTimeOffset now) => About(task, EventTypes.TaskStarted, now);

    /// <summary>An attempt ended badly; another follows.</summary>
    public static NewEvent Retried(AgentTask task, FailureCode code, string detail, DateTimeOffset now) =>
        Retried(task, EnumWord.Of(code), detail, now);

    /// <summary>The node that worked on it vanished or stopped; another attempt follows.</summary>
    public static NewEvent Retried(AgentTask task, string code, string detail, DateTimeOffset now) =>
        About(task, EventTypes.TaskRetried, now, json =>
        {
            json.WriteString("code", code);
            json.WriteString("detail", detail);
            if (task.State is TaskState.Queued queued)
                json.WriteString("dueAt", SignedJson.Text(queued.DueAt));
        });

    /// <summary>The agent failed the task for its own fault; another one tries it.</summary>
    /// <remarks>Data members beside those of a retry: <c>failedAgent</c>; <c>agent</c> is the next one.</remarks>
    public static NewEvent Reassigned(AgentTask task, ListingName failedAgent, TaskFailure failure, DateTimeOffset now) =>
        About(task, EventTypes.TaskRetried, now, json =>
        {
            json.WriteString("code", EnumWord.Of(failure.Code));
            json.WriteString("detail", $"{failedAgent} failed: {failure.Detail} {task.Agent} tries it next.");
            json.WriteString("failedAgent", failedAgent.ToString());
        });

    /// <summary>The final state.</summary>
    /// <exception cref="InvalidOperationException">The task is not in one.</exception>
    public static NewEvent Ended(AgentTask task, DateTimeOffset now) => task.State switch
    {
        TaskState.Succeeded succeeded => About(task, EventTypes.TaskSucceeded, now, json =>
            json.WriteString("price", succeeded.Result.Price.ToString())),
        TaskState.Failed failed => About(task, EventTypes.TaskFailed, now, json =>
        {
            json.WriteString("code", EnumWord.Of(failed.Failure.Code));
            json.WriteString("detail", failed.Failure.Detail);
            WriteCharged(json, failed);
        }),
        TaskState.Cancelled cancelled => About(task, EventTypes.TaskCancelled, now, json => WriteCharged(json, cancelled)),
        _ => throw new InvalidOperationException($"{task.Id} is {task.State.Name}, which is not an end."),
    };

    /// <summary>A creator earned a share.</summary>
    /// <remarks>Data members: <c>taskId</c>, <c>agent</c>, <c>amount</c>.</remarks>
    /// <param name="task">The task.</param>
    /// <param name="agent">The task's own, or one that was called for it.</param>
    /// <param name="creator">Who is told.</param>
    /// <param name="amount">What it comes to.</param>
    /// <param name="now">UTC.</param>
    public static NewEvent RoyaltyEarned(AgentTask task, ListingName agent, Id<User> creator, Money amount, DateTimeOffset now) => NewEvent.Create(
        EventTypes.RoyaltyEarned, task.Id.ToString(), creator, now, json =>
        {
            json.WriteString("taskId", task.Id.ToString());
            json.WriteString("agent", agent.ToString());
            json.WriteString("amount", amount.ToString());
        });

    private static NewEvent About(AgentTask task, string type, DateTimeOffset now, Action<Utf8JsonWriter>? more = null) =>
        NewEvent.Create(type, task.Id.ToString(), task.OwnerId, now, json =>
        {
            json.WriteString("taskId", task.Id.ToString());
            json.WriteString("agent", task.Agent.ToString());
            json.WriteString("state", task.State.Name);
            json.WriteNumber("attempt", task.State is TaskState.Running ? task.Attempts + 1 : task.Attempts);
            more?.Invoke(json);
        });

    private static void WriteCharged(Utf8JsonWriter json, TaskState end)
    {
        if (end.Charged > Money.Zero)
            json.WriteString("price", end.Charged.ToString());
    }
}
