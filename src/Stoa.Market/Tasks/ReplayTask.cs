using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The act of doing a failed task again: a new task of what was asked for, and a hold of its own.</summary>
/// <remarks>
/// A task of an agent that was named goes to the same version of it with the same limits. One that named the work is chosen for anew, among all agents, with
/// the same requirement, and put out to bids anew when it was. A task is replayed once: to repeat the act gives the same new task. Should that fail
/// too, it is the one to be replayed.
/// </remarks>
public sealed class ReplayTask(ITaskStore tasks, SubmitTask submit, IRemoteOffers remote)
{
    /// <summary>Replays a task.</summary>
    /// <param name="owner">The consumer.</param>
    /// <param name="id">A task that failed or was cancelled.</param>
    /// <param name="allowance">What may be spent on it; null for no limit.</param>
    /// <param name="traceParent">W3C trace context of the request.</param>
    /// <param name="cancellationToken">Stops the submission; once it is written it stays.</param>
    public async Task<Outcome<Submitted, TaskRefusal>> ReplayAsync(
        Id<User> owner, Id<AgentTask> id, SpendingAllowance? allowance, string? traceParent, CancellationToken cancellationToken)
    {
        if (await tasks.GetAsync(id, cancellationToken) is not { } task || task.OwnerId != owner)
            return new Refusal<TaskRefusal>(TaskRefusal.TaskUnknown, $"You have no task {id}.");
        if (task.State is not (TaskState.Failed or TaskState.Cancelled))
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.NotReplayable, $"The task is {task.State.Name}: one that failed or was cancelled can be replayed. Submit a new task to do the same once more.");
        }

        // Asked before anything is made of the task: what is chosen anew would not be the same request.
        if ((await tasks.FindReplaysAsync(owner, [id], cancellationToken)).TryGetValue(id, out var replay)
            && await tasks.GetAsync(replay, cancellationToken) is { } earlier)
        {
            return new Submitted(earlier, IsNew: false);
        }

        RequestedInput input;
        if (!task.Input.IsInline)
            input = new RequestedInput.Stored(task.Input.Digest);
        else if (await tasks.ReadInputAsync(id, cancellationToken) is { } bytes)
            input = new RequestedInput.Inline(bytes);
        else
            return new Refusal<TaskRefusal>(TaskRefusal.InputUnknown, $"The input {task.Input.Digest} of {id} is not stored here any more: submit it anew.");
        input = input with { IsSealed = task.Input.SealedTo is not null };
        var request = await RequestAsync(task, input, cancellationToken);
        return await submit.SubmitAsync(owner, request with { Allowance = allowance }, KeyOf(id), _ => null, traceParent, cancellationToken);
    }

    /// <summary>The idempotency key of the submission that replays a task.</summary>
    public static string KeyOf(Id<AgentTask> id) => $"replay:{id}";

    private async Task<TaskRequest> RequestAsync(AgentTask task, RequestedInput input, CancellationToken cancellationToken)
    {
        var selection = await tasks.FindSelectionAsync(task.Id, cancellationToken);
        var places = await remote.FindPlacesAsync(task.Id, cancellationToken);
        return new TaskRequest(
            selection is null ? task.Agent : null,
            input,
            task.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value),
            selection?.Limits ?? new RequestedLimits(
                task.Limits.Fuel, task.Limits.MemoryBytes, task.Limits.TimeoutMs, task.Limits.OutputBytes, task.Limits.LogBytes),
            // What was asked of a named agent's price is not kept: what was held then is the most.
            selection is null ? task.MaxPrice : selection.Requirement.Budget,
            task.Priority)
        {
            Requirement = selection?.Requirement,
            // Its window began with the task.
            Auction = selection?.OnNoBids is { } onNoBids && task.Auction is { } auction
                ? new AuctionTerms((int)(auction.ClosesAt - task.CreatedAt).TotalMilliseconds, onNoBids)
                : null,
            ReplayOf = task.Id,
            // One that went to other operators' nodes is bound to no node of this cell, and all the same to its regions.
            Regions = task.Regions.Count > 0 ? task.Regions : places.Regions,
            PreferredRegions = places.Preferred,
            Redundancy = task.Redundancy,
        };
    }
}
