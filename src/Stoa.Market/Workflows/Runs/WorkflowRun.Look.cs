namespace Stoa.Market.Workflows.Runs;

/// <content>What somebody who carries a run asks of it.</content>
public sealed partial class WorkflowRun
{
    /// <summary>Whether it makes a difference to the run that something comes to a step: it has begun, and has not ended. What undoes a step is such for as long as it is not done.</summary>
    public bool IsOpen(string path) => path.Length == 0
        ? State is RunState.Running
        : _steps.TryGetValue(path, out var step) ? !step.HasEnded && step.State is not StepState.Waiting : IsUndoing(path);

    /// <summary>Where the run's own nodes are, by their places in the document's graph; those within nodes are not among them. Empty before it has begun.</summary>
    public IReadOnlyList<StepState> OwnStates => _root is null ? [] : [.. _root.Steps.Select(step => step.State)];
}
