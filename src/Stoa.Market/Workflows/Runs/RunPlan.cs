using System.Runtime.CompilerServices;

namespace Stoa.Market.Workflows.Runs;

/// <summary>What a run has to know of a graph, worked out once however often it is run.</summary>
/// <param name="graph">It.</param>
internal sealed class RunPlan(WorkflowGraph graph)
{
    private static readonly ConditionalWeakTable<WorkflowGraph, RunPlan> s_known = [];

    /// <summary>That of a graph.</summary>
    public static RunPlan Of(WorkflowGraph graph) => s_known.GetValue(graph, each => new RunPlan(each));

    public WorkflowGraph Graph => graph;

    /// <summary>Which nodes wait for which.</summary>
    public WorkflowDependencies Dependencies { get; } = WorkflowDependencies.Of(graph);

    /// <summary>For each node the names of those that may have failed or been skipped.</summary>
    public IReadOnlyList<IReadOnlySet<string>> Tolerated { get; } = [.. graph.Nodes.Select(WorkflowDependencies.NamesWhoseStateIsRead)];
}
