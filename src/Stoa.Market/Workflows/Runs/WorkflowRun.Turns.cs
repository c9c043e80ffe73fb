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
                step.Turns = new RunTurns { Items = items, Outputs = new ExpressionValue[items.Count] };
                GoOnWith(step, step.Turns, map);
                break;
            case WorkflowWork.Reduce reduce when TryList(step, reduce.Over, reduce.Most, out var items):
                if (TryValue(step, reduce.Initial, out var first))
                    GoOnWith(step, step.Turns = new RunTurns { Items = items, Carried = first }, reduce);
                break;
            case WorkflowWork.Loop loop:
                if (TryValue(step, loop.Initial, out var state))
                    GoOnWith(step, step.Turns = new RunTurns { Carried = state }, loop);
                break;
            case WorkflowWork.Choose choose:
                Choose(step, choose);
                break;
            case WorkflowWork.UseWorkflow use:
                if (TryValue(step, use.Input, out var given))
                    Use(step, use, given);
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

    /// <summary>Makes what the first turn gets.</summary>
    private bool TryValue(RunStep step, JsonTemplate template, out ExpressionValue value)
    {
        if (TryEvaluate(template, step.Frame, out value, out var fault))
            return true;
        Fail(step, Broken(step, fault));
        return false;
    }

    private void Use(RunStep step, WorkflowWork.UseWorkflow use, ExpressionValue given)
    {
        step.Turns = new RunTurns();
        var values = new Dictionary<string, ExpressionValue>(StringComparer.Ordinal) { [ScopeNames.Input] = given };
        Open(use.Inner.Graph, step, 0, values, new RunCount(step.Frame.Count, use.Inner.Limits.Steps));
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

            step.Turns = new RunTurns();
            Open(branch.Body, step, number, s_noValues, step.Frame.Count);
            return;
        }

        End(step, StepState.Succeeded);
    }

    private void GoOnWith(RunStep step, RunTurns turns, WorkflowWork.Map map)
    {
        while (turns.Open.Count < map.Parallel)
        {
            if (turns.Again.TryDequeue(out var frame))
            {
                Reopen(frame);
            }
            else if (turns.Next < turns.Items.Count)
            {
                Open(map.Body, step, turns.Next, ValuesOf(map.Item, turns.Items[turns.Next], turns.Next), step.Frame.Count);
                turns.Next++;
            }
            else
            {
                break;
            }
        }

        if (turns.Open.Count > 0)
            return;
        step.Output = ExpressionValue.Of(turns.Outputs);
        End(step, StepState.Succeeded);
    }

    private void GoOnWith(RunStep step, RunTurns turns, WorkflowWork.Reduce reduce)
    {
        if (turns.Next < turns.Items.Count)
        {
            var values = ValuesOf(reduce.Item, turns.Items[turns.Next], turns.Next);
            values[ScopeNames.Accumulator] = turns.Carried;
            Open(reduce.Body, step, turns.Next++, values, step.Frame.Count);
            return;
        }

        step.Output = turns.Carried;
        End(step, StepState.Succeeded);
    }

    private void GoOnWith(RunStep step, RunTurns turns, WorkflowWork.Loop loop)
    {
        var values = new Dictionary<string, ExpressionValue>(StringComparer.Ordinal) { [ScopeNames.State] = turns.Carried, [ScopeNames.Turn] = ExpressionValue.Of(turns.Next) };
        if (!TryEvaluate(loop.While, new RunFrame(RunPlan.Of(WorkflowGraph.Empty), step, turns.Next, values, step.Frame.Count), out var goesOn, out var fault))
        {
            Fail(step, Broken(step, fault));
        }
        else if (!goesOn.IsTrue)
        {
            step.Output = turns.Carried;
            End(step, StepState.Succeeded);
        }
        else if (turns.Next == loop.Most)
        {
            Fail(step, new StepError("loopUnfinished", $"After {loop.Most} turns its condition still holds.", step.Path));
        }
        else
        {
            Open(loop.Body, step, turns.Next++, values, step.Frame.Count);
        }
    }

    private static Dictionary<string, ExpressionValue> ValuesOf(string name, ExpressionValue item, int index) =>
        new(StringComparer.Ordinal) { [name] = item, [ScopeNames.Index] = ExpressionValue.Of(index) };

    /// <summary>Begins a turn of a graph.</summary>
    private void Open(WorkflowGraph graph, RunStep? parent, int number, IReadOnlyDictionary<string, ExpressionValue> values, RunCount count)
    {
        var plan = RunPlan.Of(graph);
        var frame = new RunFrame(plan, parent, number, values, count) { Open = plan.Graph.Nodes.Count };
        if (parent is null)
        {
            _root = frame;
        }
        else
        {
            parent.Turns!.All.Add(frame);
            parent.Turns.Open.Add(frame);
        }

        for (var place = 0; place < frame.Steps.Length; place++)
        {
            var step = frame.Steps[place] = NewStep(frame, place);
            step.Missing = plan.Dependencies.Before[place].Count;
            _steps.Add(step.Path, step);
            if (step.Missing == 0)
                _ready.Enqueue(step);
        }

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

        var turns = step.Turns!;
        turns.Open.Remove(frame);
        if (!frame.IsStopping && !step.IsStopping)
        {
            if (TryOutput(frame, out var output, out var fault))
            {
                frame.IsTaken = true;
                Follow(step, turns, frame, output);
                return;
            }

            (frame.IsBroken, frame.Failure) = (true, Broken(step, fault));
        }

        if (frame.Failure is not null && !step.IsStopping)
        {
            // The other items at work are stopped, and then the node has failed.
            (step.IsStopping, step.StopReason) = (true, frame.Failure);
            foreach (var other in turns.Open.ToList())
                Stop(other, null);
        }

        if (turns.Open.Count > 0)
            return;
        if (step.StopReason is { } reason)
            Fail(step, reason);
        else
            End(step, StepState.Cancelled);
    }

    private void Follow(RunStep step, RunTurns turns, RunFrame frame, ExpressionValue output)
    {
        switch (step.Node.Work)
        {
            case WorkflowWork.Map map:
                turns.Outputs[frame.Number] = output;
                GoOnWith(step, turns, map);
                break;
            case WorkflowWork.Reduce reduce:
                turns.Carried = output;
                GoOnWith(step, turns, reduce);
                break;
            case WorkflowWork.Loop loop:
                turns.Carried = output;
                GoOnWith(step, turns, loop);
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
            _commands.Add(new RunCommand.Begin(step.Path + UndoMark, ++step.Undos, step.Node.Compensation, body));
            return;
        }

        State = _stopReason is null ? RunState.Cancelled : RunState.Failed;
    }

    /// <summary>What was to undo a step has ended. What could not be undone stays done, and the rest is undone all the same.</summary>
    private void TakeUndoing(RunEvent.WorkEnded ended)
    {
        var step = _done[_undoing];
        if (ended.Attempt != step.Undos)
            return;
        step.IsUndone = ended.Outcome is WorkOutcome.Done;
        Undo();
    }

    private bool IsUndoing(string path) => State is RunState.Stopping && _undoing < _done.Count && _root is { Open: 0 } && path == _done[_undoing].Path + UndoMark;
}
