namespace Stoa.Market.Workflows.Runs;

/// <summary>What a run has to know of a graph, worked out once however often it is run.</summary>
internal sealed class RunPlan
{
    public RunPlan(WorkflowGraph graph)
    {
        Graph = graph;
        Before = WorkflowDependencies.Of(graph).Before;
        Places = graph.Nodes.Index().ToDictionary(each => each.Item.Name, each => each.Index, StringComparer.Ordinal);
        After = [.. graph.Nodes.Select(_ => new List<int>())];
        for (var place = 0; place < Before.Count; place++)
        {
            foreach (var before in Before[place])
                After[before].Add(place);
        }

        Tolerated = [.. graph.Nodes.Select(WorkflowDependencies.NamesWhoseStateIsRead)];
    }

    public WorkflowGraph Graph { get; }

    /// <summary>Where its nodes are, by their names.</summary>
    public IReadOnlyDictionary<string, int> Places { get; }

    /// <summary>For each node the places of those that have to have ended.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Before { get; }

    /// <summary>For each node the places of those that wait for it.</summary>
    public IReadOnlyList<List<int>> After { get; }

    /// <summary>For each node the names of those that may have failed or been skipped.</summary>
    public IReadOnlyList<IReadOnlySet<string>> Tolerated { get; }
}
