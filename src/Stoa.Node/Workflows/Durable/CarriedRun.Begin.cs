using System.Text.Json;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <content>How what a run wants is begun, as far as there is room and money for it.</content>
internal sealed partial class CarriedRun
{
    // Of one commit: more would hold up the runs that are written with it.
    private const int MaxOpenedAtOnce = 500;

    private readonly Queue<StepKey> _toDo = new();
    private readonly Queue<StepKey> _toBegin = new();
    private readonly HashSet<StepKey> _isToDo = [];
    private StepBatch? _batch;

    // Tasks and requests wait: for room among the account's open tasks, or for money that is held for others.
    private bool _isPutOff;

    private void Enqueue(StepKey key)
    {
        if (_isToDo.Add(key))
            (key.Kind is StepKind.Task or StepKind.Model ? _toBegin : _toDo).Enqueue(key);
    }

    private async Task BeginAsync(RunTurn turn)
    {
        _batch = null;
        var hasMore = true;
        while (hasMore && turn.Opened.Count < MaxOpenedAtOnce)
        {
            // Times and waits first: they cost nothing, and a task must not begin before the time that it may take runs.
            if (_toDo.TryDequeue(out var key))
                Begin(turn, key);
            else
                hasMore = await BeginNextAsync(turn);
            EndStopped(turn);
        }
    }

    private void Begin(RunTurn turn, StepKey key)
    {
        if (!_isToDo.Remove(key) || !_run.Wanted.TryGetValue(key, out var command))
            return;
        switch (command)
        {
            case RunCommand.Wake wake:
                turn.Open(new OpenedStep(new OpenStep(key, null, Money.Zero, DueAt: wake.At)));
                break;
            case RunCommand.Await awaited when _waiting.FindIndex(signal => signal.Name == awaited.Name) is var place and >= 0:
                var signal = _waiting[place];
                _waiting.RemoveAt(place);
                Deliver(turn, signal);
                break;
            case RunCommand.Await awaited:
                turn.Open(new OpenedStep(new OpenStep(key, null, Money.Zero, Text: awaited.Name)));
                break;
            case RunCommand.Ask ask:
                turn.Open(new OpenedStep(new OpenStep(key, null, Money.Zero, Asked: ask.By.Count == 0 ? null : JsonSerializer.Serialize(ask.By), Text: ask.Text)));
                turn.Asked.Add(ask);
                break;
        }
    }

    /// <summary>Makes the next task or request ready to be begun.</summary>
    /// <returns>False when there is none, or it has to wait.</returns>
    private async Task<bool> BeginNextAsync(RunTurn turn)
    {
        if (_isPutOff || _openWork + turn.OpenedWork >= _carrier.MaxOpenTasks || !_toBegin.TryPeek(out var key))
            return false;
        if (!_isToDo.Contains(key) || !_run.Wanted.TryGetValue(key, out var command) || _open.ContainsKey(key))
        {
            _isToDo.Remove(key);
            _toBegin.Dequeue();
            return true;
        }

        var (opened, failed) = await MakeAsync(turn, key, (RunCommand.Begin)command);
        var amount = opened?.Step.Amount ?? Money.Zero;
        if (_stored.MaxPrice is { } most && most - _run.Spent - _held - turn.Amount is var left && amount > left)
        {
            // What is under way may cost less than is held for it.
            if (_openWork + turn.OpenedWork > 0)
            {
                _isPutOff = true;
                return false;
            }

            failed = new WorkOutcome.Failed("budgetExhausted", $"It may cost {amount} USD, and {left} are left of the {most} that the run may cost.", IsFinal: true);
        }

        _toBegin.Dequeue();
        _isToDo.Remove(key);
        if (failed is not null)
            Happen(turn, new RunLogEntry(new RunEvent.WorkEnded(key.Path, key.Attempt, failed), turn.Now));
        else
            turn.Open(opened!);
        return true;
    }

    private async Task<(OpenedStep? Opened, WorkOutcome? Failed)> MakeAsync(RunTurn turn, StepKey key, RunCommand.Begin begin)
    {
        if (_stored.LogBytes + turn.HappenedBytes > _carrier.MaxLogBytes)
            return (null, new WorkOutcome.Failed("limitReached", $"What has happened to the run has more than {_carrier.MaxLogBytes} bytes, which is all that one may keep.", IsFinal: true));
        if (begin.Work is Market.Workflows.WorkflowWork.AskModel ask)
        {
            var (asked, unread) = StepBodies.ReadRequest(begin.Body);
            // What it comes to is only known once it is asked, so as much is held for it as it may cost at most.
            var amount = ask.MaxPrice ?? (_stored.MaxPrice is { } all ? all - _run.Spent - _held - turn.Amount : Money.Zero);
            return asked is null ? (null, unread) : (new OpenedStep(new OpenStep(key, null, amount), Request: new ModelStep(asked, ask.MaxPrice ?? (_stored.MaxPrice is null ? null : amount))), null);
        }

        var (request, malformed) = StepBodies.ReadTask(begin.Body);
        if (request is null)
            return (null, malformed);
        _batch ??= _carrier.NewBatch(_stored);
        return (await _batch.MakeAsync(await OfRunAsync(request), _carrier.Stopping)).Match<(OpenedStep?, WorkOutcome?)>(
            task => (new OpenedStep(new OpenStep(key, task.Task.Id, task.Hold?.Amount ?? Money.Zero), task), null),
            refusal => (null, StepOutcomes.Of(refusal)));
    }

    /// <summary>The request as one of this run: what another task of it has written is there, wherever that is kept.</summary>
    private async Task<TaskRequest> OfRunAsync(TaskRequest request)
    {
        if (request.Input is RequestedInput.Stored { IsSealed: false } stored && _run.WriterOf(stored.Content) is { } writer && await _carrier.ReadOutputAsync(writer) is { } bytes)
            request = request with { Input = new RequestedInput.Inline(bytes) };
        return _stored.Allowance is { } allowance ? request with { Allowance = allowance } : request;
    }
}
