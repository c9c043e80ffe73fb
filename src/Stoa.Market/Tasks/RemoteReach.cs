using Stoa.Market.Selection;

namespace Stoa.Market.Tasks;

/// <summary>Which work that names only what is to be done may leave the cell: the one rule for submissions and for tasks whose agent has failed.</summary>
public static class RemoteReach
{
    /// <summary>Whether other operators' nodes may be asked for what a request wants done.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="isOfBatch">It comes with others.</param>
    public static bool MayLeave(TaskRequest request, bool isOfBatch)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Requirement is { } requirement && MayLeave(requirement.Scope, request.Auction is not null, isOfBatch, request.Input.IsSealed);
    }

    /// <summary>Whether other operators' nodes may be asked for a task that was submitted.</summary>
    /// <param name="task">Whose agent has failed.</param>
    /// <param name="requirement">What it was submitted for.</param>
    public static bool MayLeave(AgentTask task, Requirement requirement)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(requirement);
        return MayLeave(requirement.Scope, task.Auction is not null, task.BatchId is not null, task.Input.SealedTo is not null);
    }

    // Bids are made in the cell, each of a batch would ask all suppliers, and what is sealed to this node nobody else can open.
    private static bool MayLeave(SelectionScope scope, bool isBidFor, bool isOfBatch, bool isSealed) => scope is not SelectionScope.Cell && !isBidFor && !isOfBatch && !isSealed;
}
