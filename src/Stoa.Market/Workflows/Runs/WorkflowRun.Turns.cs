using System.Text.Json;
using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows.Runs;

/// <content>Nodes with nodes within them: how their turns follow each other, and what they come to.</content>
public sealed partial class WorkflowRun
{
    // Behind the path of a step: what undoes it. No name has such a mark.
    private const string UndoMark = "!undo";

    private static readonly IReadOnlyDictionary<string, ExpressionValue> s_noValues = new Dictionary<string, ExpressionValue>();

    private void StartTurns(RunStep step)
    {
        step.State = StepState.Running;
        switch (step.Node.Work)
        {
            case WorkflowWork.Map map when TryList(step, map.Over, map.Most, out var items):
                (step.Items, step.Outputs) = (items, new ExpressionValue[items.Count]);
                GoOnWith(step, map);
                break;
            case WorkflowWork.Reduce reduce when TryList(step, reduce.Over, reduce.Most, out var items):
                step.Items = items;
                if (TryValue(step, reduce.Initial, step.Frame))
                    GoOnWith(step, reduce);
                break;
            case WorkflowWork.Loop loop:
                if (TryValue(step, loop.Initial, step.Frame))
                    GoOnWith(step, loop);
                break;
            case WorkflowWork.Choose choose:
                Choose(step, choose);
                break;
        }
    }

    private bool TryList(RunStep step, JsonTemplate over, int most, out IReadOnlyList<ExpressionValue> items)
    {
        items = [];
        if (!TryEvaluate(over, step.Frame, out var list, out var fault))
            Fail(step, Broken(step, fault));
        else if (list.Kind is not JsonValueKind.Array)
            Fail(step, new StepError("expressionFailed", $"A list is expected to go over, and this is {list.Kind}.", step.Path));
        else if (list.Count > most)
            Fail(step, new StepError("listTooLong", $"The list has {list.Count} items; most is {most}.", step.Path));
        else
            items = [.. list.Items()];
        return step.State is StepState.Running;
    }

    /// <summary>Makes what the next turn gets.</summary>
    private bool TryValue(RunStep step, JsonTemplate template, RunFrame frame)
    {
        if (TryEvaluate(template, frame, out var value, out var fault))
            step.Carried = value;
        else
            Fail(step, Broken(step, fault));
        return step.State is StepState.Running;
    }

    private void Choose(RunStep step, WorkflowWork.Choose choose)
    {
        for (var number = 0; number < choose.Branches.Count; number++)
        {
            var branch = choose.Branches[number];
            if (branch.When is not null)
            {
                if (!TryEvaluate(branch.When, step.Frame, out var isThis, out var fault))
                {
                    Fail(step, Broken(step, fault));
                    return;
                }

                if (!isThis.IsTrue)
                    continue;
            }

            Open(branch.Body, step, number, s_noValues);
            return;
        }

        End(step, StepState.Succeeded);
    }

    private void GoOnWith(RunStep step, WorkflowWork.Map map)
    {
        for (; step.NextItem < step.Items.Count && step.Frames.Count < map.Parallel; step.NextItem++)
            Open(map.Body, step, step.NextItem, ValuesOf(map.Item, step.Items[step.NextItem], step.NextItem));
        if (step.Frames.Count > 0)
            return;
        step.Output = ExpressionValue.Of(step.Outputs);
        End(step, StepState.Succeeded);
    }

    private void GoOnWith(RunStep step, WorkflowWork.Reduce reduce)
    {
        if (step.NextItem < step.Items.Count)
        {
            var values = ValuesOf(reduce.Item, step.Items[step.NextItem], step.NextItem);
            values[ScopeNames.Accumulator] = step.Carried;
            Open(reduce.Body, step, step.NextItem++, values);
            return;
        }

        step.Output = step.Carried;
        End(step, StepState.Succeeded);
    }

    private void GoOnWith(RunStep step, WorkflowWork.Loop loop)
    {
        var values = new Dictionary<string, ExpressionValue>(StringComparer.Ordinal) { [ScopeNames.State] = step.Carried, [ScopeNames.Turn] = ExpressionValue.Of(step.NextItem) };
        if (!TryEvaluate(loop.While, new RunFrame(PlanOf(WorkflowGraph.Empty), step, step.NextItem, values), out var goesOn, out var fault))
        {
            Fail(step, Broken(step, fault));
        }
        else if (!goesOn.IsTrue)
        {
            step.Output = step.Carried;
            End(step, StepState.Succeeded);
        }
        else if (step.NextItem == loop.Most)
        {
            Fail(step, new StepError("loopUnfinished", $"After {loop.Most} turns its condition still holds.", step.Path));
        }
        else
        {
            Open(loop.Body, step, step.NextItem++, values);
        }
    }

    private static Dictionary<string, ExpressionValue> ValuesOf(string name, ExpressionValue item, int index) =>
        new(StringComparer.Ordinal) { [name] = item, [ScopeNames.Index] = ExpressionValue.Of(index) };

    /// <summary>Begins a turn of a graph.</summary>
    private void Open(WorkflowGraph graph, RunStep? parent, int number, IReadOnlyDictionary<string, ExpressionValue> values)
    {
        var plan = PlanOf(graph);
        var frame = new RunFrame(plan, parent, number, values) { Open = plan.Graph.Nodes.Count };
        parent?.Frames.Add(frame);
        if (parent is null)
            _root = frame;
        for (var place = 0; place < frame.Steps.Length; place++)
        {
            var step = frame.Steps[place] = new RunStep(frame, place) { Missing = plan.Dependencies.Before[place].Count };
            _steps.Add(step.Path, step);
        }

        foreach (var step in frame.Steps.Where(step => step.Missing == 0))
            _ready.Enqueue(step);
        if (frame.Open == 0)
            _over.Enqueue(frame);
    }

    /// <summary>All steps of a turn have ended.</summary>
    private void Close(RunFrame frame)
    {
        if (frame.Parent is not { } step)
        {
            CloseRun(frame);
            return;
        }

        step.Frames.Remove(frame);
        if (!frame.IsStopping && !step.IsStopping)
        {
            if (TryOutput(frame, out var output, out var fault))
            {
                Follow(step, frame, output);
                return;
            }

            frame.Failure = Broken(step, fault);
        }

        if (frame.Failure is not null && !step.IsStopping)
        {
            // The other items at work are stopped, and then the node has failed.
            (step.IsStopping, step.StopReason) = (true, frame.Failure);
            foreach (var other in step.Frames.ToList())
                Stop(other, null);
        }

        if (step.Frames.Count > 0)
            return;
        if (step.StopReason is { } reason)
            Fail(step, reason);
        else
            End(step, StepState.Cancelled);
    }

    private void Follow(RunStep step, RunFrame frame, ExpressionValue output)
    {
        switch (step.Node.Work)
        {
            case WorkflowWork.Map map:
                step.Outputs[frame.Number] = output;
                GoOnWith(step, map);
                break;
            case WorkflowWork.Reduce reduce:
                step.Carried = output;
                GoOnWith(step, reduce);
                break;
            case WorkflowWork.Loop loop:
                step.Carried = output;
                GoOnWith(step, loop);
                break;
            default:
                step.Output = output;
                End(step, StepState.Succeeded);
                break;
        }
    }

    private void CloseRun(RunFrame frame)
    {
        if (!frame.IsStopping)
        {
            if (TryOutput(frame, out var output, out var fault))
            {
                (State, Output) = (RunState.Succeeded, output);
                return;
            }

            (State, _stopReason) = (RunState.Stopping, new StepError("expressionFailed", fault.Reason, ""));
        }

        _undoing = _done.Count;
        Undo();
    }

    /// <summary>Undoes the last that was done and is not undone; with nothing left the run is over.</summary>
    private void Undo()
    {
        while (_undoing > 0)
        {
            var step = _done[--_undoing];
            // What cannot even be said cannot be undone; the rest can.
            if (!TryEvaluate(step.Node.Compensation!.Reads[0], step.Frame, out var body, out _))
                continue;
            _commands.Add(new RunCommand.Begin(step.Path + UndoMark, 1, step.Node.Compensation, body));
            return;
        }

        State = _stopReason is null ? RunState.Cancelled : RunState.Failed;
    }

    private bool IsUndoing(string path) => State is RunState.Stopping && _undoing < _done.Count && _root is { Open: 0 } && path == _done[_undoing].Path + UndoMark;

    private RunPlan PlanOf(WorkflowGraph graph)
    {
        if (!_plans.TryGetValue(graph, out var plan))
            _plans.Add(graph, plan = new RunPlan(graph));
        return plan;
    }
}
