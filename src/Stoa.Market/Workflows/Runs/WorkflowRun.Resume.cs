namespace Stoa.Market.Workflows.Runs;

/// <content>How a run that has failed or was cancelled goes on: what is done anew, and what keeps what it came to.</content>
public sealed partial class WorkflowRun
{
    // What was drawn of paths whose turns were given up: should they come again, they count on.
    private readonly Dictionary<string, StepAttempts> _drawn = new(StringComparer.Ordinal);

    private void Resume()
    {
        _round++;
        (State, _stopReason, _effortLeft) = (RunState.Running, null, _effort);
        _listening.Clear();
        Reset(_root!);
        _done.RemoveAll(step => step.State is not StepState.Succeeded || step.IsGivenUp);
        if (_steps.Values.Any(step => step.IsGivenUp))
            _steps = new Dictionary<string, RunStep>(_steps.Where(step => !step.Value.IsGivenUp), StringComparer.Ordinal);
        if (_workflow.Limits.Time is { } time)
            _commands.Add(new RunCommand.Wake("", TimerKind.Timeout, _round, _now + time));
        Reopen(_root!);
    }

    /// <summary>Sets back what has failed, was cancelled or undone, and what waited for that; nothing begins by it.</summary>
    /// <returns>Whether there is anything to do in it.</returns>
    private bool Reset(RunFrame frame)
    {
        var isAny = false;
        foreach (var place in frame.Plan.Dependencies.Order)
        {
            var step = frame.Steps[place];
            if (frame.Plan.Dependencies.Before[place].Any(before => frame.Steps[before].State is StepState.Waiting))
                ResetWhole(step);
            else if (step is { Turns: { } turns, IsUndone: false } && Reset(step, turns))
                step.IsHalfDone = true;
            else if (step.State is StepState.Failed or StepState.Cancelled || step.IsUndone)
                ResetWhole(step);
            else
                continue;
            isAny = true;
        }

        (frame.IsStopping, frame.Failure) = (false, null);
        return isAny;
    }

    /// <summary>Sets back what a step has to do anew of its turns.</summary>
    /// <returns>Whether there are such turns. A step that has failed without any, such as a loop that came to no end, is done anew from its begin.</returns>
    private bool Reset(RunStep step, RunTurns turns)
    {
        foreach (var frame in turns.All)
        {
            if (frame.IsBroken)
            {
                // Everything in it was done, and came to nothing.
                foreach (var inner in frame.Steps)
                    ResetWhole(inner);
                (frame.IsBroken, frame.IsStopping, frame.Failure) = (false, false, null);
            }
            else if (!Reset(frame) && frame.IsTaken)
            {
                continue;
            }

            frame.IsTaken = false;
            turns.Again.Enqueue(frame);
            if (step.Node.Work is WorkflowWork.Reduce or WorkflowWork.Loop)
            {
                // What comes behind it got what it came to.
                GiveUpBehind(turns, frame.Number);
                break;
            }
        }

        if (turns.Again.Count == 0)
            return false;
        (step.State, step.Output, step.Error, step.StopReason, step.IsStopping) = (StepState.Waiting, default, null, null, false);
        return true;
    }

    private void GiveUpBehind(RunTurns turns, int number)
    {
        foreach (var frame in turns.All.Where(frame => frame.Number > number))
            GiveUp(frame);
        turns.All.RemoveAll(frame => frame.Number > number);
        turns.Next = number + 1;
    }

    private void ResetWhole(RunStep step)
    {
        foreach (var frame in step.Turns?.All ?? [])
            GiveUp(frame);
        step.Clear();
    }

    private void GiveUp(RunFrame frame)
    {
        foreach (var step in frame.Steps)
        {
            step.IsGivenUp = true;
            if (step.Attempts != default)
                _drawn[step.Path] = step.Attempts;
            foreach (var inner in step.Turns?.All ?? [])
                GiveUp(inner);
        }
    }

    /// <summary>What was to go on again, and was stopped before it did.</summary>
    private static void GiveUp(Queue<RunFrame> again)
    {
        while (again.TryDequeue(out var frame))
        {
            foreach (var step in frame.Steps.Where(step => !step.HasEnded))
            {
                (step.State, step.IsHalfDone) = (StepState.Cancelled, false);
                if (step.Turns is { } turns)
                    GiveUp(turns.Again);
            }
        }
    }

    private RunStep NewStep(RunFrame frame, int place)
    {
        var step = new RunStep(frame, place, default);
        return _drawn.Count > 0 && _drawn.Remove(step.Path, out var drawn) ? new RunStep(frame, place, drawn) : step;
    }

    /// <summary>Goes on with a turn where it was.</summary>
    private void Reopen(RunFrame frame)
    {
        frame.Parent?.Turns!.Open.Add(frame);
        frame.Open = frame.Steps.Count(step => !step.HasEnded);
        foreach (var step in frame.Steps.Where(step => step.State is StepState.Waiting))
        {
            step.Missing = frame.Plan.Dependencies.Before[step.Place].Count(before => !frame.Steps[before].HasEnded);
            if (step.Missing == 0)
                _ready.Enqueue(step);
        }

        if (frame.Open == 0)
            _over.Enqueue(frame);
    }

    /// <summary>Goes on with a step that has turns which are not done.</summary>
    private void GoOnWithTurns(RunStep step)
    {
        (step.State, step.IsHalfDone) = (StepState.Running, false);
        if (step.Node.Work is WorkflowWork.Map map)
            GoOnWith(step, step.Turns!, map);
        else
            Reopen(step.Turns!.Again.Dequeue());
    }
}
