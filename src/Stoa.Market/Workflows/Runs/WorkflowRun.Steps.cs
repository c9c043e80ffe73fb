using System.Globalization;
using System.Text.Json;
using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows.Runs;

/// <content>How a single node begins and ends.</content>
public sealed partial class WorkflowRun
{
    /// <summary>All that it waits for has ended.</summary>
    private void Consider(RunStep step)
    {
        if (step.State is not StepState.Waiting)
            return;
        var (frame, node) = (step.Frame, step.Node);
        if (frame.IsStopping)
        {
            End(step, StepState.Cancelled);
            return;
        }

        if (step.IsHalfDone)
        {
            Watch(step);
            GoOnWithTurns(step);
            return;
        }

        var tolerated = frame.Plan.Tolerated[step.Place];
        foreach (var place in frame.Plan.Dependencies.Before[step.Place])
        {
            if (frame.Steps[place] is { State: not StepState.Succeeded } before && !tolerated.Contains(before.Node.Name))
            {
                End(step, StepState.Skipped);
                return;
            }
        }

        if (node.When is not null)
        {
            if (!TryEvaluate(node.When, frame, out var isWanted, out var fault))
            {
                Fail(step, Broken(step, fault));
                return;
            }

            if (!isWanted.IsTrue)
            {
                End(step, StepState.Skipped);
                return;
            }
        }

        Watch(step);
        Start(step);
    }

    /// <summary>From now on it may take so long.</summary>
    private void Watch(RunStep step)
    {
        step.Round = _round;
        if (TimeoutOf(step.Node) is { } timeout)
            _commands.Add(new RunCommand.Wake(step.Path, TimerKind.Timeout, _round, _now + timeout));
    }

    /// <summary>How long a node may take: of a workflow that is used also no longer than that says itself.</summary>
    private static TimeSpan? TimeoutOf(WorkflowNode node) => node.Work is WorkflowWork.UseWorkflow { Inner.Limits.Time: { } time } && !(node.Timeout < time) ? time : node.Timeout;

    private void Start(RunStep step)
    {
        switch (step.Node.Work)
        {
            case WorkflowWork.RunTask or WorkflowWork.AskModel:
                Try(step);
                break;
            case WorkflowWork.Wait wait:
                Sleep(step, wait);
                break;
            case WorkflowWork.Approval approval:
                if (TryEvaluate(approval.Text, step.Frame, out var text, out var fault))
                {
                    step.State = StepState.Sleeping;
                    _commands.Add(new RunCommand.Ask(step.Path, text.TryGetText(out var words) ? words : approval.Text.ToString(), approval.By));
                }
                else
                {
                    Fail(step, Broken(step, fault));
                }

                break;
            default:
                StartTurns(step);
                break;
        }
    }

    private void Sleep(RunStep step, WorkflowWork.Wait wait)
    {
        step.State = StepState.Sleeping;
        if (wait.Event is { } name)
        {
            if (!_listening.TryGetValue(name, out var listening))
                _listening[name] = listening = [];
            listening.Add(step);
            _commands.Add(new RunCommand.Await(step.Path, name));
            return;
        }

        var until = _now;
        if (wait.For is { } length)
        {
            until += length;
        }
        else if (!TryEvaluate(wait.Until!, step.Frame, out var instant, out var fault))
        {
            Fail(step, Broken(step, fault));
            return;
        }
        else if (instant.Kind is not JsonValueKind.String || !instant.TryGetText(out var text)
            || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out until))
        {
            Fail(step, new StepError("expressionFailed", "until is no instant such as 2026-01-31T12:00:00Z.", step.Path));
            return;
        }

        _commands.Add(new RunCommand.Wake(step.Path, TimerKind.Wait, _round, until));
    }

    /// <summary>Begins the next attempt of a task or a request to a model.</summary>
    private void Try(RunStep step)
    {
        var node = step.Node;
        var work = step.Tried < node.Retry.Attempts ? node.Work : node.Fallbacks[step.Tried - node.Retry.Attempts];
        if (!TryEvaluate(work.Reads[0], step.Frame, out var body, out var fault))
        {
            Fail(step, Broken(step, fault));
            return;
        }

        if (step.Frame.Count.TryCount() is { } most)
        {
            Fail(step, new StepError("limitReached", $"The workflow has come to its limit of {most} tasks and requests to models.", step.Path));
            return;
        }

        step.Tried++;
        step.State = StepState.Running;
        _commands.Add(new RunCommand.Begin(step.Path, step.Attempt, work, body));
    }

    /// <summary>Takes what an attempt came to.</summary>
    private void Take(RunStep step, WorkOutcome outcome)
    {
        var node = step.Node;
        switch (outcome)
        {
            case WorkOutcome.Done done:
                (step.Output, step.Content) = (done.Output, done.Content);
                End(step, StepState.Succeeded);
                break;
            case WorkOutcome.Failed when step.IsStopping && step.StopReason is null:
                End(step, StepState.Cancelled);
                break;
            case WorkOutcome.Failed when step.IsStopping:
                Fail(step, step.StopReason!);
                break;
            case WorkOutcome.Failed { IsFinal: false } when step.Tried < node.Retry.Attempts:
                step.State = StepState.Sleeping;
                _commands.Add(new RunCommand.Wake(step.Path, TimerKind.Retry, step.Attempt, _now + node.Retry.After(step.Tried)));
                break;
            case WorkOutcome.Failed when Math.Max(step.Tried, node.Retry.Attempts) < node.Retry.Attempts + node.Fallbacks.Count:
                // What would fail again is not tried again, and somebody else may do it.
                step.Tried = Math.Max(step.Tried, node.Retry.Attempts);
                Try(step);
                break;
            case WorkOutcome.Failed failed:
                Fail(step, new StepError(failed.Code, failed.Detail, step.Path));
                break;
        }
    }

    private void Fail(RunStep step, StepError error)
    {
        step.Error = error;
        End(step, StepState.Failed);
    }

    private void End(RunStep step, StepState state)
    {
        var frame = step.Frame;
        step.State = state;
        if (step.Turns is { Again.Count: > 0 } turns)
            GiveUp(turns.Again);
        if (state is StepState.Succeeded && step.Node.Compensation is not null)
            _done.Add(step);
        if (state is StepState.Failed && step.Node.OnFailure is OnNodeFailure.Fail)
            Stop(frame, step.Error);
        foreach (var place in frame.Plan.Dependencies.After[step.Place])
        {
            var after = frame.Steps[place];
            if (--after.Missing == 0)
                _ready.Enqueue(after);
        }

        // Last: what was stopped above has ended before, and the turn is over once.
        if (--frame.Open == 0)
            _over.Enqueue(frame);
    }

    /// <summary>Stops a step that has begun; it ends once what it has begun has ended.</summary>
    /// <param name="step">Which.</param>
    /// <param name="reason">It fails for this; null when it is cancelled.</param>
    private void Stop(RunStep step, StepError? reason)
    {
        if (step.HasEnded || step.IsStopping)
            return;
        (step.IsStopping, step.StopReason) = (true, reason);
        switch (step.State)
        {
            case StepState.Running when step.Turns is { Open.Count: > 0 } turns:
                foreach (var frame in turns.Open.ToList())
                    Stop(frame, null);
                break;
            case StepState.Running:
                _commands.Add(new RunCommand.Stop(step.Path, step.Attempt));
                break;
            default:
                if (reason is null)
                    End(step, StepState.Cancelled);
                else
                    Fail(step, reason);
                break;
        }
    }

    /// <summary>Begins nothing new in a turn, and stops what has begun.</summary>
    private void Stop(RunFrame frame, StepError? failure)
    {
        if (frame.IsStopping)
            return;
        (frame.IsStopping, frame.Failure) = (true, failure);
        if (frame.Parent is null)
            (State, _stopReason) = (RunState.Stopping, failure);
        foreach (var step in frame.Steps.Where(step => !step.HasEnded).ToList())
        {
            if (step.State is StepState.Waiting)
                End(step, StepState.Cancelled);
            else
                Stop(step, null);
        }
    }

    private static StepError Broken(RunStep step, ExpressionFault fault) => new("expressionFailed", fault.Reason, step.Path);
}
