using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>A run that this node carries: it takes what comes, in one flow of control, and writes what follows from it, as much as there is at once.</summary>
/// <remarks>All that it knows follows from what is written: whatever goes wrong here, it is dropped and made anew.</remarks>
internal sealed partial class CarriedRun
{
    // More would hold up the runs that are written with it.
    private const int MaxToldAtOnce = 1_000;

    private static readonly TimeSpan s_progressPause = TimeSpan.FromSeconds(1);

    private readonly RunCarrier _carrier;
    private readonly ReplayedRun _run;
    private readonly Lock _gate = new();
    private readonly Dictionary<StepKey, OpenStep> _open;
    private readonly List<RunSignal> _waiting = [];
    private readonly HashSet<long> _seen = [];
    private List<OpenStep> _toStop = [];
    private DurableRun _stored;
    private List<Told> _inbox = [];
    private bool _isAtWork;
    private Money _held;
    private int _openWork;
    private long _toldProgressAt;

    /// <param name="carrier">Has all that the runs of this node share.</param>
    /// <param name="stored">As it is written.</param>
    /// <param name="run">Made of what has happened to it.</param>
    /// <param name="open">What it has under way.</param>
    public CarriedRun(RunCarrier carrier, DurableRun stored, ReplayedRun run, IReadOnlyList<OpenStep> open)
    {
        (_carrier, _stored, _run, _toldProgressAt) = (carrier, stored, run, carrier.Time.GetTimestamp());
        _open = open.ToDictionary(step => step.Key);
        foreach (var step in open)
            Count(step, 1);
        run.TakeWanted();
        foreach (var key in run.Wanted.Keys.Where(key => !_open.ContainsKey(key)))
            Enqueue(key);
    }

    public Id<DurableRun> Id => _stored.Id;

    /// <summary>Has it take something; it goes on by itself.</summary>
    public void Tell(Told told)
    {
        lock (_gate)
        {
            _inbox.Add(told);
            if (_isAtWork)
                return;
            _isAtWork = true;
        }

        _ = Task.Run(WorkAsync);
    }

    private async Task WorkAsync()
    {
        try
        {
            while (TakeInbox() is { } told)
            {
                if (!await TakeAsync(told))
                    return;
            }
        }
        catch (Exception failure)
        {
            _carrier.Drop(this, failure);
        }
    }

    /// <summary>What has come; null when nothing has, and then it is not at work any more.</summary>
    private List<Told>? TakeInbox()
    {
        lock (_gate)
        {
            if (_inbox.Count == 0)
            {
                _isAtWork = false;
                return null;
            }

            var told = _inbox.Count <= MaxToldAtOnce ? _inbox : _inbox[..MaxToldAtOnce];
            _inbox = _inbox.Count <= MaxToldAtOnce ? [] : _inbox[MaxToldAtOnce..];
            return told;
        }
    }

    /// <summary>Takes what has come and writes what follows, until nothing is left that can be done now.</summary>
    /// <returns>False when it is not carried here any more.</returns>
    private async Task<bool> TakeAsync(List<Told> told)
    {
        await ReadOutputsAsync(told);
        var turn = new RunTurn(_carrier.Now());
        foreach (var one in told)
            Take(turn, one);
        while (true)
        {
            EndStopped(turn);
            await BeginAsync(turn);
            if (turn.IsEmpty && !_run.Machine.HasEnded)
                break;
            var commit = ToCommit(turn);
            var written = await _carrier.CommitAsync(this, commit);
            if (written.IsLost)
            {
                _carrier.Lose(this);
                return false;
            }

            Follow(commit, written);
            if (_stored.EndedAt is not null)
            {
                _carrier.End(this);
                return false;
            }

            turn = new RunTurn(_carrier.Now());
        }

        _carrier.Stop(this, _stored, Interlocked.Exchange(ref _toStop, []));
        return true;
    }

    private void Take(RunTurn turn, Told told)
    {
        switch (told)
        {
            case Told.TaskEnded ended when _open.TryGetValue(ended.Key, out var step) && step.TaskId == ended.Task.Id && Close(turn, step):
                Happen(turn, new RunLogEntry(new RunEvent.WorkEnded(ended.Key.Path, ended.Key.Attempt, StepOutcomes.Of(ended.Task, ended.Output)), turn.Now)
                {
                    Task = ended.Task.Id,
                    Price = ended.Task.State.Charged,
                });
                _isPutOff = false;
                break;
            case Told.ModelEnded ended when _open.TryGetValue(ended.Key, out var step) && Close(turn, step):
                Happen(turn, new RunLogEntry(new RunEvent.WorkEnded(ended.Key.Path, ended.Key.Attempt, ended.Outcome), turn.Now) { Price = ended.Price });
                _isPutOff = false;
                break;
            case Told.TimeCame came when _open.ContainsKey(came.Key) && turn.Closed.Add(came.Key):
                // The time of what has ended by then is nothing that has happened.
                if (_run.Machine.IsOpen(came.Key.Path))
                    Happen(turn, new RunLogEntry(ReplayedRun.TimeOf(came.Key), turn.Now));
                break;
            case Told.Signalled { Signal: var signal } when _seen.Add(signal.Id):
                Take(turn, signal);
                break;
            case Told.GoOn:
                _isPutOff = false;
                break;
        }
    }

    private void Take(RunTurn turn, RunSignal signal)
    {
        switch (signal.Kind)
        {
            case SignalKind.Cancel:
                turn.CancelRequestedAt = signal.At;
                turn.Taken.Add(signal.Id);
                Happen(turn, new RunLogEntry(new RunEvent.CancelAsked(), turn.Now));
                break;
            case SignalKind.Answer:
                turn.Taken.Add(signal.Id);
                var key = new StepKey(signal.Name, StepKind.Approval, 0);
                if (!_open.ContainsKey(key) || !_run.Machine.IsOpen(signal.Name) || !turn.Closed.Add(key))
                    break;
                var answer = AnswerValue.Read(signal.Value);
                Happen(turn, new RunLogEntry(new RunEvent.Answered(signal.Name, answer.By, answer.IsYes, answer.Comment), turn.Now));
                break;
            case SignalKind.Event when _run.WaitingFor(signal.Name).Count > 0:
                Deliver(turn, signal);
                break;
            case SignalKind.Event:
                _waiting.Add(signal);
                turn.Read.Add(signal.Id);
                break;
        }
    }

    private void Deliver(RunTurn turn, RunSignal signal)
    {
        // Those that are not open yet want it in this same turn, and are not opened then.
        turn.Closed.UnionWith(_run.WaitingFor(signal.Name).Where(_open.ContainsKey));
        turn.Taken.Add(signal.Id);
        Happen(turn, new RunLogEntry(new RunEvent.Signalled(signal.Name, ExpressionValue.Of(JsonElement.Parse(signal.Value))), turn.Now));
    }

    /// <summary>Something has happened to the run: it is written with all that follows.</summary>
    private void Happen(RunTurn turn, RunLogEntry entry)
    {
        turn.Add(entry);
        Apply(entry);
    }

    private void Apply(RunLogEntry entry)
    {
        _run.Apply(entry);
        foreach (var key in _run.TakeWanted())
            Enqueue(key);
    }

    /// <summary>Notes what is to be stopped; what has not begun has ended with that.</summary>
    private void EndStopped(RunTurn turn)
    {
        for (var stopped = _run.TakeStopped(); stopped.Count > 0; stopped = _run.TakeStopped())
        {
            foreach (var key in stopped)
            {
                if (_open.TryGetValue(key, out var step) && !turn.Closed.Contains(key))
                    _toStop.Add(step);
                else if (turn.TakeBack(key) || _isToDo.Remove(key))
                    Happen(turn, new RunLogEntry(new RunEvent.WorkEnded(key.Path, key.Attempt, new WorkOutcome.Failed("cancelled", "It was stopped before it began.", IsFinal: true)), turn.Now));
            }
        }
    }

    private async Task ReadOutputsAsync(List<Told> told)
    {
        var missing = told.OfType<Told.TaskEnded>().Where(ended => ended is { Output: null, Task.State: TaskState.Succeeded { Result.IsInline: true } }).Select(ended => ended.Task.Id).ToHashSet();
        if (missing.Count == 0)
            return;
        var read = (await _carrier.ReadEndedAsync(missing)).ToDictionary(ended => ended.Task.Id);
        for (var place = 0; place < told.Count; place++)
        {
            if (told[place] is Told.TaskEnded ended && read.TryGetValue(ended.Task.Id, out var found))
                told[place] = ended with { Output = found.Output };
        }
    }

    private RunCommit ToCommit(RunTurn turn)
    {
        var machine = _run.Machine;
        var end = machine.HasEnded ? RunEnd.Of(machine) : null;
        var after = _stored with
        {
            State = end?.State ?? machine.State,
            Spent = _run.Spent,
            LogLength = _stored.LogLength + turn.Happened.Count,
            LogBytes = _stored.LogBytes + turn.HappenedBytes,
            CancelRequestedAt = _stored.CancelRequestedAt ?? turn.CancelRequestedAt,
            EndedAt = end is null ? null : turn.Now,
        };
        var events = turn.Asked.Select(ask => WorkflowEvents.Asked(after, ask, turn.Now)).ToList();
        if (end is not null)
        {
            events.Add(WorkflowEvents.Ended(after, machine.OwnStates, end.Error, turn.Now));
        }
        else if (turn.Happened.Count > 0 && _carrier.Time.GetElapsedTime(_toldProgressAt) >= s_progressPause)
        {
            _toldProgressAt = _carrier.Time.GetTimestamp();
            events.Add(WorkflowEvents.Progress(after, machine.OwnStates, turn.Now));
        }

        return new RunCommit(after, _stored.LogLength, turn.Happened, [.. turn.Closed], [.. turn.Opened.Values], turn.Taken, turn.Read, end?.Output, end?.ErrorJson, events);
    }

    /// <summary>What was written is so.</summary>
    private void Follow(RunCommit commit, RunCommitted written)
    {
        _stored = commit.Run with { LogLength = written.LogLength, LogBytes = written.LogBytes };
        foreach (var key in commit.Closed)
        {
            if (_open.Remove(key, out var closed))
            {
                if (closed.TaskId is { } ended)
                    _carrier.Forget(ended);
            }
        }

        var refused = written.Refused.Select(entry => entry.Path).ToHashSet(StringComparer.Ordinal);
        var putOff = written.PutOff.ToHashSet();
        var begun = commit.Opened.Where(opened => !putOff.Contains(opened.Step.Key) && (opened.Task is null || !refused.Contains(opened.Step.Key.Path))).ToList();
        foreach (var opened in begun)
        {
            _open.Add(opened.Step.Key, opened.Step);
            Count(opened.Step, 1);
        }

        foreach (var task in commit.Opened.Except(begun).Select(opened => opened.Task).OfType<NewTask>())
            _carrier.Forget(task.Task.Id);
        _batch?.Written(begun.Select(opened => opened.Task).OfType<NewTask>());
        _carrier.Opened(this, _stored, begun);
        foreach (var key in written.PutOff)
            Enqueue(key);
        if (putOff.Count > 0)
        {
            _isPutOff = true;
            _carrier.GoOnLater(this);
        }

        foreach (var entry in written.Refused)
            Apply(entry);
    }

    /// <summary>A task or a request has ended: what was held for it is there for others of the same turn.</summary>
    private bool Close(RunTurn turn, OpenStep step)
    {
        if (!turn.Closed.Add(step.Key))
            return false;
        Count(step, -1);
        return true;
    }

    private void Count(OpenStep step, int sign)
    {
        if (!step.IsWork)
            return;
        _openWork += sign;
        _held = sign > 0 ? _held + step.Amount : _held - step.Amount;
    }
}
