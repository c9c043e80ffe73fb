using System.Runtime.CompilerServices;

namespace Stoa.Market.Workflows;

/// <summary>Which nodes of a graph have to have ended before which others begin: those that they read, what is within them included, and those that they are said to come after.</summary>
public sealed class WorkflowDependencies
{
    // A graph never changes: they are worked out once for its check, its picture and all of its runs.
    private static readonly ConditionalWeakTable<WorkflowGraph, WorkflowDependencies> s_known = [];

    private WorkflowDependencies(WorkflowGraph graph)
    {
        Places = graph.Nodes.Index().ToDictionary(each => each.Item.Name, each => each.Index, StringComparer.Ordinal);
        Before = [.. graph.Nodes.Select(node => (IReadOnlyList<int>)NamesBefore(node).Distinct().Where(Places.ContainsKey).Select(name => Places[name]).ToArray())];
        List<int>[] after = [.. graph.Nodes.Select(_ => new List<int>())];
        for (var place = 0; place < Before.Count; place++)
        {
            foreach (var before in Before[place])
                after[before].Add(place);
        }

        After = after;
        (Order, Circle) = Sort(graph);
    }

    /// <summary>Where the nodes are, by their names.</summary>
    public IReadOnlyDictionary<string, int> Places { get; }

    /// <summary>For each node the places of those that have to have ended.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Before { get; }

    /// <summary>For each node the places of those that wait for it.</summary>
    public IReadOnlyList<IReadOnlyList<int>> After { get; }

    /// <summary>The places of the nodes so that each comes after those before it; as far as there is such an order.</summary>
    public IReadOnlyList<int> Order { get; }

    /// <summary>Names of nodes of which each waits for the next, and the last for the first; null when there are none.</summary>
    public IReadOnlyList<string>? Circle { get; }

    /// <summary>Those of a graph.</summary>
    public static WorkflowDependencies Of(WorkflowGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return s_known.GetValue(graph, each => new WorkflowDependencies(each));
    }

    /// <summary>Nodes whose state or error a node reads: it runs whatever became of them.</summary>
    public static IReadOnlySet<string> NamesWhoseStateIsRead(WorkflowNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return Templates(node).SelectMany(template => template.Reads)
            .Where(read => read.Path is [ScopeNames.Nodes, _, NodeResult.State or NodeResult.Error, ..]).Select(read => read.Path[1]).ToHashSet(StringComparer.Ordinal);
    }

    private static IEnumerable<string> NamesBefore(WorkflowNode node) => node.After.Concat(Templates(node).SelectMany(NamesRead));

    /// <summary>All that a node reads with, what is within it included, but for what undoes it.</summary>
    private static IEnumerable<JsonTemplate> Templates(WorkflowNode node)
    {
        IEnumerable<JsonTemplate> own = [.. node.Work.Reads, .. node.Fallbacks.SelectMany(fallback => fallback.Reads)];
        if (node.When is not null)
            own = own.Append(node.When);
        if (node.Work is WorkflowWork.Loop loop)
            own = own.Append(loop.While);
        foreach (var body in node.Work.Bodies)
        {
            own = own.Concat(body.Nodes.SelectMany(Templates));
            if (body.Output is not null)
                own = own.Append(body.Output);
        }

        return own;
    }

    private static IEnumerable<string> NamesRead(JsonTemplate template) => template.Reads.Where(read => read.Path.Count > 1 && read.Path[0] == ScopeNames.Nodes).Select(read => read.Path[1]);

    private (IReadOnlyList<int> Order, IReadOnlyList<string>? Circle) Sort(WorkflowGraph graph)
    {
        // Kahn's algorithm: no recursion, since a graph may be a chain of thousands.
        var left = Before.Select(before => before.Count).ToArray();
        var order = new List<int>(left.Length);
        order.AddRange(Enumerable.Range(0, left.Length).Where(place => left[place] == 0));
        for (var done = 0; done < order.Count; done++)
        {
            foreach (var place in After[order[done]])
            {
                if (--left[place] == 0)
                    order.Add(place);
            }
        }

        if (order.Count == left.Length)
            return (order, null);
        // Whoever is left waits for one that is left: following these comes round.
        var (at, seen, path) = (Array.FindIndex(left, count => count > 0), new Dictionary<int, int>(), new List<int>());
        while (seen.TryAdd(at, path.Count))
        {
            path.Add(at);
            at = Before[at].First(before => left[before] > 0);
        }

        return (order, [.. path.Skip(seen[at]).Select(place => graph.Nodes[place].Name)]);
    }
}
