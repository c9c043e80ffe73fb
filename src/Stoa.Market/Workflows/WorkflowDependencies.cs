namespace Stoa.Market.Workflows;

/// <summary>Which nodes of a graph have to have ended before which others begin: those that they read, what is within them included, and those that they are said to come after.</summary>
public sealed class WorkflowDependencies
{
    private readonly Dictionary<string, int> _places;

    private WorkflowDependencies(WorkflowGraph graph)
    {
        _places = new Dictionary<string, int>(graph.Nodes.Count, StringComparer.Ordinal);
        for (var place = 0; place < graph.Nodes.Count; place++)
            _places.TryAdd(graph.Nodes[place].Name, place);
        Before = [.. graph.Nodes.Select(node => (IReadOnlyList<int>)[.. NamesBefore(node).Distinct().Where(_places.ContainsKey).Select(name => _places[name])])];
        (Order, Circle) = Sort(graph);
    }

    /// <summary>For each node the places of those that have to have ended.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Before { get; }

    /// <summary>The places of the nodes so that each comes after those before it; as far as there is such an order.</summary>
    public IReadOnlyList<int> Order { get; }

    /// <summary>Names of nodes of which each waits for the next, and the last for the first; null when there are none.</summary>
    public IReadOnlyList<string>? Circle { get; }

    /// <summary>Those of a graph.</summary>
    public static WorkflowDependencies Of(WorkflowGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return new WorkflowDependencies(graph);
    }

    private static IEnumerable<string> NamesBefore(WorkflowNode node) => node.After.Concat(NamesRead(node));

    private static IEnumerable<string> NamesRead(WorkflowNode node)
    {
        IEnumerable<JsonTemplate> own = [.. node.Work.Reads, .. node.Fallbacks.SelectMany(fallback => fallback.Reads)];
        if (node.When is not null)
            own = own.Append(node.When);
        if (node.Work is WorkflowWork.Loop loop)
            own = own.Append(loop.While);
        foreach (var name in own.SelectMany(NamesRead))
            yield return name;
        foreach (var body in node.Work.Bodies)
        {
            foreach (var name in body.Nodes.SelectMany(NamesBefore))
                yield return name;
            foreach (var name in body.Output is null ? [] : NamesRead(body.Output))
                yield return name;
        }
    }

    private static IEnumerable<string> NamesRead(JsonTemplate template) => template.Reads.Where(read => read.Path.Count > 1 && read.Path[0] == ScopeNames.Nodes).Select(read => read.Path[1]);

    private (IReadOnlyList<int> Order, IReadOnlyList<string>? Circle) Sort(WorkflowGraph graph)
    {
        // Kahn's algorithm: no recursion, since a graph may be a chain of thousands.
        var left = Before.Select(before => before.Count).ToArray();
        var after = new List<int>[left.Length];
        for (var place = 0; place < left.Length; place++)
        {
            foreach (var before in Before[place])
                (after[before] ??= []).Add(place);
        }

        var order = new List<int>(left.Length);
        order.AddRange(Enumerable.Range(0, left.Length).Where(place => left[place] == 0));
        for (var done = 0; done < order.Count; done++)
        {
            foreach (var place in after[order[done]] ?? [])
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
