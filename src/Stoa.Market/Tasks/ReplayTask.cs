using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The act of doing a failed task again: a new task with the same agent, input, parameters and limits, and a hold of its own.</summary>
/// <remarks>A task is replayed once: to repeat the act gives the same new task. Should that fail too, it is the one to be replayed.</remarks>
public sealed class ReplayTask(ITaskStore tasks, SubmitTask submit)
{
    /// <summary>Replays a task.</summary>
    /// <param name="owner">The consumer.</param>
    /// <param name="id">A task that failed or was cancelled.</param>
    /// <param name="traceParent">W3C trace context of the request.</param>
    /// <param name="cancellationToken">Stops the submission; once it is written it stays.</param>
    public async Task<Outcome<Submitted, TaskRefusal>> ReplayAsync(
        Id<User> owner, Id<AgentTask> id, string? traceParent, CancellationToken cancellationToken)
    {
        if (await tasks.GetAsync(id, cancellationToken) is not { } task || task.OwnerId != owner)
            return new Refusal<TaskRefusal>(TaskRefusal.TaskUnknown, $"You have no task {id}.");
        if (task.State is not (TaskState.Failed or TaskState.Cancelled))
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.NotReplayable, $"The task is {task.State.Name}: one that failed or was cancelled can be replayed. Submit a new task to do the same once more.");
        }

        if (task.Auction is { IsOpen: true } || task.State is TaskState.Failed { Failure.Code: FailureCode.NoBids })
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.NotReplayable, "The task was out to bids, and no agent ever had it: submit it again.");
        }

        RequestedInput input;
        if (!task.Input.IsInline)
            input = new RequestedInput.Stored(task.Input.Digest);
        else if (await tasks.ReadInputAsync(id, cancellationToken) is { } bytes)
            input = new RequestedInput.Inline(bytes);
        else
            return new Refusal<TaskRefusal>(TaskRefusal.InputUnknown, $"The input {task.Input.Digest} of {id} is not stored here any more: submit it anew.");
        var limits = new RequestedLimits(
            task.Limits.Fuel, task.Limits.MemoryBytes, task.Limits.TimeoutMs, task.Limits.OutputBytes, task.Limits.LogBytes);
        var request = new TaskRequest(
            task.Agent, input, task.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value), limits, MaxPrice: null, task.Priority)
        {
            ReplayOf = id,
            Regions = task.Regions,
        };
        return await submit.SubmitAsync(owner, request, $"replay:{id}", _ => null, traceParent, cancellationToken);
    }
}
