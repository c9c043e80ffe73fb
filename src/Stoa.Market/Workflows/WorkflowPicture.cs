using System.Globalization;
using System.Text;

namespace Stoa.Market.Workflows;

/// <summary>Draws a workflow as a flowchart in Mermaid's language, which GitHub and many editors show as a picture.</summary>
public static class WorkflowPicture
{
    /// <summary>With more nodes than this Mermaid's own limit of edges is reached, and nobody can read it.</summary>
    public const int MaxNodes = 500;

    private const int MaxLabel = 60;

    /// <summary>The picture; null when there are more than <see cref="MaxNodes"/> nodes.</summary>
    public static string? Draw(Workflow workflow)
    {
        ArgumentNullException.ThrowIfNull(workflow);
        if (workflow.Graph.CountNodes() > MaxNodes)
            return null;
        var text = new StringBuilder("flowchart TD\n");
        DrawGraph(text, workflow.Graph, "n_", 1);
        return text.ToString();
    }

    /// <param name="text">Is drawn on.</param>
    /// <param name="graph">What is drawn.</param>
    /// <param name="prefix">What its nodes' names are told apart by from those of other workflows. It ends so that no node may be called like a word of Mermaid's, such as end.</param>
    /// <param name="depth">How far it is indented.</param>
    private static void DrawGraph(StringBuilder text, WorkflowGraph graph, string prefix, int depth)
    {
        var dependencies = WorkflowDependencies.Of(graph);
        foreach (var node in graph.Nodes)
            DrawNode(text, node, prefix, depth);
        for (var place = 0; place < graph.Nodes.Count; place++)
        {
            foreach (var before in dependencies.Before[place])
                Line(text, depth, $"{prefix}{graph.Nodes[before].Name} --> {prefix}{graph.Nodes[place].Name}");
        }
    }

    private static void DrawNode(StringBuilder text, WorkflowNode node, string prefix, int depth)
    {
        var id = prefix + node.Name;
        if (node.Work is WorkflowWork.UseWorkflow use)
        {
            Line(text, depth, $"subgraph {id}[\"{LabelOf(node)}\"]");
            // Two nodes of different workflows may have the same name.
            DrawGraph(text, use.Inner.Graph, id + "__", depth + 1);
            Line(text, depth, "end");
            return;
        }

        if (node.Work.Bodies.All(body => body.Nodes.Count == 0))
        {
            Line(text, depth, id + ShapeOf(node));
            return;
        }

        Line(text, depth, $"subgraph {id}[\"{LabelOf(node)}\"]");
        for (var number = 0; number < node.Work.Bodies.Count; number++)
        {
            var isBranch = node.Work is WorkflowWork.Choose;
            if (isBranch)
                Line(text, depth + 1, $"subgraph {id}__{number}[\"{(((WorkflowWork.Choose)node.Work).Branches[number].When is { } when ? Escape(when.ToString()) : "otherwise")}\"]");
            DrawGraph(text, node.Work.Bodies[number], prefix, depth + (isBranch ? 2 : 1));
            if (isBranch)
                Line(text, depth + 1, "end");
        }

        Line(text, depth, "end");
    }

    private static string ShapeOf(WorkflowNode node)
    {
        var label = $"\"{LabelOf(node)}\"";
        return node.Work switch
        {
            WorkflowWork.AskModel => $"([{label}])",
            WorkflowWork.Wait => $"(({label}))",
            WorkflowWork.Approval or WorkflowWork.Choose => $"{{{{{label}}}}}",
            _ => $"[{label}]",
        };
    }

    private static string LabelOf(WorkflowNode node)
    {
        var what = node.Work switch
        {
            WorkflowWork.RunTask task => task.Submission.Below("agent")?.ToString() ?? task.Submission.Below("requirement")?.ToString() ?? "task",
            WorkflowWork.AskModel model => model.Request.Below("model")?.ToString() ?? "model",
            WorkflowWork.Map map => string.Create(CultureInfo.InvariantCulture, $"each of {map.Over}, {map.Parallel} at once"),
            WorkflowWork.Reduce reduce => $"one after the other of {reduce.Over}",
            WorkflowWork.Loop loop => string.Create(CultureInfo.InvariantCulture, $"while {loop.While}, {loop.Most} times at most"),
            WorkflowWork.Choose => "one of",
            WorkflowWork.UseWorkflow other => $"all of {other.Inner.Name}",
            WorkflowWork.Wait { Event: { } name } => $"until {name}",
            WorkflowWork.Wait { For: { } length } => string.Create(CultureInfo.InvariantCulture, $"for {length:g}"),
            WorkflowWork.Wait wait => $"until {wait.Until}",
            WorkflowWork.Approval approval => $"asks: {approval.Text}",
            _ => "",
        };
        return $"{node.Name}<br/>{Escape(what)}{(node.When is null ? "" : $"<br/>if {Escape(node.When.ToString())}")}";
    }

    /// <summary>A text within quotation marks: what has a meaning there goes as its number.</summary>
    private static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (var rune in text.EnumerateRunes().Take(MaxLabel))
        {
            if (Rune.IsLetterOrDigit(rune) || rune.Value is ' ' or '.' or ',' or '/' or '-' or '_' or ':' or '@' or '$' or '?')
                escaped.Append(rune.ToString());
            else
                escaped.Append(CultureInfo.InvariantCulture, $"#{rune.Value};");
        }

        return text.EnumerateRunes().Skip(MaxLabel).Any() ? escaped.Append('…').ToString() : escaped.ToString();
    }

    private static void Line(StringBuilder text, int depth, string line) => text.Append(' ', 2 * depth).Append(line).Append('\n');
}
