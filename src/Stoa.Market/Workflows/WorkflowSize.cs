namespace Stoa.Market.Workflows;

/// <summary>How much a workflow may come to, with all of its maps, loops, branches and retries at their bounds.</summary>
/// <remarks>Counted without going into what is used more than once: a workflow that uses another twice that uses a third twice is twice as much in each level, and counted in three steps.</remarks>
/// <param name="Nodes">Nodes that are written, those of workflows that it uses once for each use.</param>
/// <param name="Turns">Nodes that a run begins, and turns of those that have turns.</param>
/// <param name="Steps">Tasks and requests to models, each attempt counted.</param>
public readonly record struct WorkflowSize(long Nodes, long Turns, long Steps)
{
    // Far beyond what is taken, and far below what overflows when as much as a document can hold is added or multiplied.
    private const long Cap = 1_000_000_000_000;

    /// <summary>That of a graph.</summary>
    /// <returns>Each at most a million millions, however much it is.</returns>
    public static WorkflowSize Of(WorkflowGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var sum = default(WorkflowSize);
        foreach (var node in graph.Nodes)
            sum = sum.Plus(Of(node));
        return sum;
    }

    /// <summary>That of a node with all that is within it.</summary>
    public static WorkflowSize Of(WorkflowNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var within = node.Work is WorkflowWork.UseWorkflow use ? use.Inner.Size : default;
        foreach (var size in node.Work.Bodies.Select(Of))
        {
            // Of branches only one is gone.
            within = node.Work is WorkflowWork.Choose
                ? new WorkflowSize(within.Plus(size).Nodes, Math.Max(within.Turns, size.Turns), Math.Max(within.Steps, size.Steps))
                : within.Plus(size);
        }

        var steps = node.Work is WorkflowWork.RunTask or WorkflowWork.AskModel ? node.Retry.Attempts + node.Fallbacks.Count : Math.Min(Cap, within.Steps * node.Work.MostTurns);
        var turns = node.Work.Bodies.Count == 0 ? within.Turns : Math.Min(Cap, (within.Turns + 1) * node.Work.MostTurns);
        return new WorkflowSize(1 + within.Nodes, 1 + turns, steps + (node.Compensation is null ? 0 : 1));
    }

    private WorkflowSize Plus(WorkflowSize other) => new(Math.Min(Cap, Nodes + other.Nodes), Math.Min(Cap, Turns + other.Turns), Math.Min(Cap, Steps + other.Steps));
}
