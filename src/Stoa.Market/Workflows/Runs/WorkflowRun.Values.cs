using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Expressions;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Runs;

/// <content>What expressions read, and what they give.</content>
public sealed partial class WorkflowRun
{
    /// <summary>The steps that one expression may take.</summary>
    private const long EffortOfOne = 1_000_000;

    private static readonly ExpressionValue[] s_states = [.. Enum.GetValues<StepState>().Select(state => ExpressionValue.Of(EnumWord.Of(state)))];

    private bool TryOutput(RunFrame frame, out ExpressionValue output, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        (output, fault) = (default, null);
        return frame.Plan.Graph.Output is null || TryEvaluate(frame.Plan.Graph.Output, frame, out output, out fault);
    }

    private bool TryEvaluate(JsonTemplate template, RunFrame frame, out ExpressionValue value, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        var budget = new ExpressionBudget(Math.Min(EffortOfOne, _effortLeft));
        var isMade = template.TryEvaluate(ScopeOf(template, frame), budget, out value, out fault);
        _effortLeft -= budget.Spent;
        return isMade;
    }

    /// <summary>The values that a template reads, and no others.</summary>
    private ExpressionValue ScopeOf(JsonTemplate template, RunFrame frame)
    {
        var scope = new OrderedDictionary<string, ExpressionValue>(template.ValuesRead.Count + 1, StringComparer.Ordinal);
        OrderedDictionary<string, ExpressionValue>? nodes = null;
        foreach (var name in template.ValuesRead)
            scope.Add(name, ValueOf(name, frame));
        foreach (var name in template.NodesRead)
        {
            if (FindStep(name, frame) is { } step)
                (nodes ??= new OrderedDictionary<string, ExpressionValue>(template.NodesRead.Count, StringComparer.Ordinal)).Add(name, ResultOf(step));
        }

        if (nodes is not null)
            scope.Add(ScopeNames.Nodes, ExpressionValue.Of(nodes));
        return ExpressionValue.Of(scope);
    }

    private ExpressionValue ValueOf(string name, RunFrame frame)
    {
        for (var at = frame; at is not null; at = at.Parent?.Frame)
        {
            if (at.Values.TryGetValue(name, out var value))
                return value;
        }

        return name == ScopeNames.Input ? _input : default;
    }

    private static RunStep? FindStep(string name, RunFrame frame)
    {
        for (var at = frame; at is not null; at = at.Parent?.Frame)
        {
            if (at.Plan.Dependencies.Places.TryGetValue(name, out var place))
                return at.Steps[place];
        }

        return null;
    }

    private static ExpressionValue ResultOf(RunStep step)
    {
        var result = new OrderedDictionary<string, ExpressionValue>(4, StringComparer.Ordinal)
        {
            { NodeResult.Output, step.Output },
            { NodeResult.Content, step.Content },
            { NodeResult.State, s_states[(int)step.State] },
            { NodeResult.Error, default },
        };
        if (step.Error is { } error)
            result[NodeResult.Error] = ExpressionValue.Of(new OrderedDictionary<string, ExpressionValue> { ["code"] = ExpressionValue.Of(error.Code), ["detail"] = ExpressionValue.Of(error.Detail) });
        return ExpressionValue.Of(result);
    }
}
