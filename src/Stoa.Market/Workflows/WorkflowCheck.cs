using System.Globalization;
using System.Text.Json;
using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows;

/// <summary>Finds what does not hold together in a workflow whose form is right: names that nothing has, circles, and bounds that multiply beyond what a run may come to.</summary>
public sealed class WorkflowCheck
{
    private const int MaxErrors = 100;
    private const int MaxTold = 8;

    // Of all constants of a document together.
    private const long EffortOfConstants = 1_000_000;

    private static readonly JsonElement s_nothing = JsonElement.Parse("{}");

    private readonly List<FieldError> _errors = [];
    private readonly ExpressionBudget _effort = new(EffortOfConstants);

    private WorkflowCheck()
    {
    }

    /// <summary>Every reason against it, at most 100; empty when it holds together.</summary>
    public static IReadOnlyList<FieldError> Find(Workflow workflow)
    {
        ArgumentNullException.ThrowIfNull(workflow);
        var check = new WorkflowCheck();
        // Each document by itself: what it reads is its own.
        foreach (var document in workflow.FindDocuments())
            check.CheckGraph(document.Graph, new Scope(null, null, [ScopeNames.Input, ScopeNames.Nodes], document.Graph));
        if (check._errors.Count == 0)
            check.CheckBounds(workflow);
        return check._errors;
    }

    private bool HasEnough => _errors.Count >= MaxErrors;

    /// <summary>The most tasks and requests to models that a graph comes to.</summary>
    /// <returns>More than <see cref="Workflow.MostSteps"/> when it is more, however much.</returns>
    public static long MostSteps(WorkflowGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return Math.Min(WorkflowSize.Of(graph).Steps, Workflow.MostSteps + 1);
    }

    private void CheckGraph(WorkflowGraph graph, Scope scope)
    {
        foreach (var node in graph.Nodes)
        {
            if (HasEnough)
                return;
            CheckNode(node, scope);
        }

        CheckReads(graph.Output, scope, within: null);
        CheckCircles(graph);
    }

    private void CheckNode(WorkflowNode node, Scope scope)
    {
        CheckReads(node.When, scope, node.Name);
        foreach (var read in node.Work.Reads)
            CheckReads(read, scope, node.Name);
        foreach (var fallback in node.Fallbacks.SelectMany(fallback => fallback.Reads))
            CheckReads(fallback, scope, node.Name);
        foreach (var undone in node.Compensation?.Reads ?? [])
            CheckReads(undone, scope, within: null);
        for (var index = 0; index < node.After.Count && !HasEnough; index++)
        {
            if (node.After[index] == node.Name || !scope.Siblings.Contains(node.After[index]))
                _errors.Add(new FieldError($"{node.Pointer}/after/{index}", $"There is no other node {node.After[index]} beside this one. {scope.SiblingsTold}"));
        }

        if (node.Work is WorkflowWork.Loop loop)
            CheckReads(loop.While, scope.Within(node, WorkflowGraph.Empty), node.Name);
        foreach (var body in node.Work.Bodies)
            CheckGraph(body, scope.Within(node, body));
    }

    /// <param name="template">What reads.</param>
    /// <param name="scope">What can be read.</param>
    /// <param name="within">The node that reads, which cannot read itself; null when it can.</param>
    private void CheckReads(JsonTemplate? template, Scope scope, string? within)
    {
        foreach (var (text, path) in template?.Reads ?? [])
        {
            if (HasEnough)
                return;
            if (Fault(path, scope, within) is { } fault)
                _errors.Add(new FieldError(text.Pointer, fault));
        }

        // What reads nothing comes to the same in every run, and so does its failure.
        foreach (var text in (template?.Texts ?? []).Where(text => text.Template is { HasExpressions: true, References.Count: 0 }))
        {
            // Where there are too many to be evaluated now, they are when the workflow is run.
            if (HasEnough || _effort.Left == 0)
                return;
            if (!text.Template.TryEvaluate(s_nothing, _effort, out _, out var fault) && fault.Kind is not ExpressionFaultKind.BudgetSpent)
                _errors.Add(new FieldError(text.Pointer, $"It fails in every run: {fault.Reason}"));
        }
    }

    private static string? Fault(IReadOnlyList<string> path, Scope scope, string? within)
    {
        if (path.Count == 0)
            return $"An expression says which value it reads. {scope.ValuesTold}";
        if (!scope.Values.Contains(path[0]))
            return $"There is no value {path[0]} here. {scope.ValuesTold}";
        if (path[0] != ScopeNames.Nodes)
            return null;
        if (path.Count == 1)
            return "An expression says which node it reads, such as nodes.page.output: what it reads has to have ended before.";
        var name = path[1];
        if (name == within)
            return $"The node {name} reads itself.";
        if (!scope.HasNode(name))
        {
            return scope.IsAround(name)
                ? $"The node {name} has not ended while what is within it runs, so it cannot be read there."
                : $"There is no node {name} that can be read here: those beside this node and beside what it is in. {scope.NodesTold}";
        }

        return path.Count == 2 || NodeResult.Members.Contains(path[2])
            ? null
            : $"A node has no {path[2]}: it has {string.Join(", ", NodeResult.Members)}.";
    }

    private void CheckCircles(WorkflowGraph graph)
    {
        var dependencies = WorkflowDependencies.Of(graph);
        if (dependencies.Circle is not { Count: > 0 } circle)
            return;
        var first = graph.Nodes.First(node => node.Name == circle[0]);
        var steps = circle.Count == 1 ? $"{circle[0]} waits for itself" : string.Join(", ", circle.Select((name, index) => $"{name} waits for {circle[(index + 1) % circle.Count]}").Take(MaxTold));
        _errors.Add(new FieldError(first.Pointer, $"Nodes wait for each other in a circle: {steps}{(circle.Count > MaxTold ? " and so on" : "")}. Take one of these out."));
    }

    private void CheckBounds(Workflow workflow)
    {
        var size = workflow.Size;
        if (size.Steps > Workflow.MostSteps)
            Refuse(node => node.Steps, $"A run may come to more than {Workflow.MostSteps:N0} tasks and requests to models", "maps, loops and retries within each other multiply. Lower their bounds (most, attempts)");
        else if (size.Turns > Workflow.MostTurns)
            Refuse(node => node.Turns, $"A run may come to more than {Workflow.MostTurns:N0} nodes and turns", "maps and loops within each other multiply. Lower their bounds (most)");
        if (size.Nodes > Workflow.MaxNodes)
            Refuse(node => node.Nodes, $"With the workflows that it uses it has more than {Workflow.MaxNodes:N0} nodes", "what uses a workflow twice that uses another one twice has that four times. Use fewer");

        void Refuse(Func<WorkflowSize, long> part, FormattableString what, string why)
        {
            var largest = workflow.Graph.Nodes.MaxBy(node => part(WorkflowSize.Of(node)))!;
            _errors.Add(new FieldError(largest.Pointer, $"{what.ToString(CultureInfo.InvariantCulture)}, most of them within {largest.Name}: {why}."));
        }
    }

    private static string Told(string begin, IEnumerable<string> names)
    {
        var known = names.Order(StringComparer.Ordinal).ToList();
        return known.Count switch
        {
            0 => "There is none.",
            > MaxTold => $"{begin} {string.Join(", ", known.Take(MaxTold))} and {known.Count - MaxTold} more.",
            _ => $"{begin}: {string.Join(", ", known)}.",
        };
    }

    /// <summary>What can be read at a place: values by name, and nodes beside it and beside what it is in.</summary>
    /// <param name="outer">Where the node is that the place is within; null at the outermost.</param>
    /// <param name="node">That node.</param>
    /// <param name="values">What there is beside what there is outside.</param>
    /// <param name="graph">The nodes beside the place.</param>
    private sealed class Scope(Scope? outer, string? node, IReadOnlyList<string> values, WorkflowGraph graph)
    {
        private readonly HashSet<string> _siblings = graph.Nodes.Select(sibling => sibling.Name).ToHashSet(StringComparer.Ordinal);

        // Told for each fault, and put together once.
        private readonly Lazy<string> _siblingsTold = new(() => Told("Beside each other are", graph.Nodes.Select(sibling => sibling.Name)));
        private string? _nodesTold;

        public string SiblingsTold => _siblingsTold.Value;

        public string NodesTold => _nodesTold ??= Told("There are", Nodes);

        public string ValuesTold => Told("There are", Values);

        public IEnumerable<string> Values => Chain.SelectMany(scope => scope.Own);

        public IEnumerable<string> Nodes => Chain.SelectMany(scope => scope._siblings).Where(name => !IsAround(name));

        public HashSet<string> Siblings => _siblings;

        private IReadOnlyList<string> Own => values;

        private Scope? Outer => outer;

        private string? Node => node;

        private IEnumerable<Scope> Chain
        {
            get
            {
                for (var scope = this; scope is not null; scope = scope.Outer)
                    yield return scope;
            }
        }

        public bool IsAround(string name) => Chain.Any(scope => scope.Node == name);

        public bool HasNode(string name) => !IsAround(name) && Chain.Any(scope => scope._siblings.Contains(name));

        public Scope Within(WorkflowNode inner, WorkflowGraph body)
        {
            IReadOnlyList<string> more = inner.Work switch
            {
                WorkflowWork.Map map => [map.Item, ScopeNames.Index],
                WorkflowWork.Reduce reduce => [reduce.Item, ScopeNames.Index, ScopeNames.Accumulator],
                WorkflowWork.Loop => [ScopeNames.State, ScopeNames.Turn],
                _ => [],
            };
            return new Scope(this, inner.Name, more, body);
        }
    }
}
