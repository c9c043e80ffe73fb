namespace Stoa.Market.Workflows.Runs;

/// <summary>Where a run is.</summary>
public enum RunState
{
    /// <summary>Nodes are at work, or wait.</summary>
    Running,

    /// <summary>A node has failed, or it was cancelled: what is at work is being stopped, and what was done is being undone.</summary>
    Stopping,

    /// <summary>All is done.</summary>
    Succeeded,

    /// <summary>A node has failed for good.</summary>
    Failed,

    /// <summary>Somebody has stopped it.</summary>
    Cancelled,
}

/// <summary>Where a node of a run is.</summary>
public enum StepState
{
    /// <summary>Nodes that it reads have not ended.</summary>
    Waiting,

    /// <summary>At work: a task, a request to a model, or nodes within it.</summary>
    Running,

    /// <summary>It waits for a time, an event, a person, or its next attempt.</summary>
    Sleeping,

    /// <summary>Done.</summary>
    Succeeded,

    /// <summary>All that could be tried has failed.</summary>
    Failed,

    /// <summary>Its condition is false, or what it reads has not come to be.</summary>
    Skipped,

    /// <summary>Stopped, or never begun, because the run was.</summary>
    Cancelled,
}

/// <summary>Why a node has failed.</summary>
/// <param name="Code">A refusal or failure of the task or the request, or one of the run's own: <c>expressionFailed</c>, <c>listTooLong</c>, <c>timedOut</c>, <c>loopUnfinished</c>, <c>rejected</c>, <c>limitReached</c>.</param>
/// <param name="Detail">For people.</param>
/// <param name="Path">The step where it began.</param>
public sealed record StepError(string Code, string Detail, string Path);
