using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>A run with what it wants done: begun, or made anew from all that has happened to it.</summary>
/// <remarks>
/// What a run wants done follows from what has happened to it. So what was logged and not done, because the node was killed in between, is found by wanting it still;
/// and what was done is found by its key among what is under way, or by what it came to among what has happened. Neither is done twice.
/// </remarks>
public sealed class ReplayedRun
{
    private readonly Dictionary<StepKey, RunCommand> _wanted = [];
    private readonly Dictionary<string, List<StepKey>> _awaited = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Id<AgentTask>? Task, Money Price)> _last = new(StringComparer.Ordinal);
    private readonly Dictionary<ContentHash, Id<AgentTask>> _writers = [];
    private readonly List<StepKey> _stopped = [];
    private List<StepKey> _new = [];

    private ReplayedRun(WorkflowRun machine) => Machine = machine;

    /// <summary>The run itself.</summary>
    public WorkflowRun Machine { get; }

    /// <summary>What all that has ended has cost.</summary>
    public Money Spent { get; private set; }

    /// <summary>What is wanted and has come to nothing yet, by its key.</summary>
    public IReadOnlyDictionary<StepKey, RunCommand> Wanted => _wanted;

    /// <summary>Begins a run.</summary>
    /// <param name="workflow">That it began with.</param>
    /// <param name="input">What it is given.</param>
    /// <param name="startedAt">UTC, to the millisecond.</param>
    public static ReplayedRun Begin(Workflow workflow, JsonElement input, DateTimeOffset startedAt)
    {
        var run = new ReplayedRun(new WorkflowRun(workflow, ExpressionValue.Of(input), DurableRun.Effort));
        run.Want(run.Machine.Begin(startedAt));
        return run;
    }

    /// <summary>Follows what has happened.</summary>
    public void Apply(RunLogEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        switch (entry.Event)
        {
            case RunEvent.WorkEnded ended:
                _wanted.Remove(new StepKey(ended.Path, StepKind.Task, ended.Attempt));
                _wanted.Remove(new StepKey(ended.Path, StepKind.Model, ended.Attempt));
                _last[ended.Path] = (entry.Task, entry.Price);
                Spent += entry.Price;
                if (entry.Task is { } writer && ended.Outcome is WorkOutcome.Done done && DigestOf(done) is { } digest)
                    _writers[digest] = writer;
                break;
            case RunEvent.TimeCame came:
                _wanted.Remove(KeyOf(came));
                break;
            case RunEvent.Answered answer:
                _wanted.Remove(new StepKey(answer.Path, StepKind.Approval, 0));
                break;
            case RunEvent.Resumed:
                // It was over: what it wanted until then it wants no more.
                _wanted.Clear();
                _awaited.Clear();
                _stopped.Clear();
                _new.Clear();
                break;
            case RunEvent.Signalled signal when _awaited.Remove(signal.Name, out var waiting):
                foreach (var key in waiting)
                    _wanted.Remove(key);
                break;
        }

        Want(Machine.Apply(entry.Event, entry.At));
    }

    /// <summary>The steps that wait for an event of a name, and are not over for another reason.</summary>
    public IReadOnlyList<StepKey> WaitingFor(string name) => _awaited.TryGetValue(name, out var waiting) ? [.. waiting.Where(key => Machine.IsOpen(key.Path))] : [];

    /// <summary>The last task of a step that has ended, and what it cost; null where there is none.</summary>
    public (Id<AgentTask>? Task, Money Price)? LastOf(string path) => _last.TryGetValue(path, out var last) ? last : null;

    /// <summary>The task of the run that has written some content; null when none has.</summary>
    public Id<AgentTask>? WriterOf(ContentHash digest) => _writers.TryGetValue(digest, out var writer) ? writer : null;

    /// <summary>What has come to be wanted since this was last asked, in order.</summary>
    public IReadOnlyList<StepKey> TakeWanted()
    {
        var wanted = _new;
        _new = [];
        return wanted;
    }

    /// <summary>What is to be stopped and has not ended, since this was last asked.</summary>
    public IReadOnlyList<StepKey> TakeStopped()
    {
        if (_stopped.Count == 0)
            return [];
        IReadOnlyList<StepKey> stopped = [.. _stopped.Where(_wanted.ContainsKey)];
        _stopped.Clear();
        return stopped;
    }

    /// <summary>The event that tells that a time has come.</summary>
    public static RunEvent.TimeCame TimeOf(StepKey key) => new(key.Path, key.Kind switch
    {
        StepKind.Retry => TimerKind.Retry,
        StepKind.Timeout => TimerKind.Timeout,
        StepKind.Wait => TimerKind.Wait,
        _ => throw new ArgumentException($"{key.Kind} is not waited for by the clock.", nameof(key)),
    }, key.Attempt);

    /// <summary>The key under which a command is done.</summary>
    public static StepKey KeyOf(RunCommand command) => command switch
    {
        RunCommand.Begin { Work: WorkflowWork.AskModel } begin => new StepKey(begin.Path, StepKind.Model, begin.Attempt),
        RunCommand.Begin begin => new StepKey(begin.Path, StepKind.Task, begin.Attempt),
        RunCommand.Wake wake => KeyOf(new RunEvent.TimeCame(wake.Path, wake.Kind, wake.Attempt)),
        RunCommand.Await awaited => new StepKey(awaited.Path, StepKind.Event, 0),
        RunCommand.Ask ask => new StepKey(ask.Path, StepKind.Approval, 0),
        _ => throw new ArgumentException($"{command} is not done under a key.", nameof(command)),
    };

    private static StepKey KeyOf(RunEvent.TimeCame came) => new(came.Path, came.Kind switch
    {
        TimerKind.Retry => StepKind.Retry,
        TimerKind.Timeout => StepKind.Timeout,
        _ => StepKind.Wait,
    }, came.Attempt);

    private static ContentHash? DigestOf(WorkOutcome.Done done) =>
        done.Content.TryGetMemberText("digest") is { } text && ContentHash.TryParse(text, null, out var digest) ? digest : null;

    private void Want(IReadOnlyList<RunCommand> commands)
    {
        foreach (var command in commands)
        {
            if (command is RunCommand.Stop stop)
            {
                _stopped.Add(new StepKey(stop.Path, StepKind.Task, stop.Attempt));
                _stopped.Add(new StepKey(stop.Path, StepKind.Model, stop.Attempt));
                continue;
            }

            var key = KeyOf(command);
            _wanted[key] = command;
            _new.Add(key);
            if (command is not RunCommand.Await awaited)
                continue;
            if (!_awaited.TryGetValue(awaited.Name, out var waiting))
                _awaited[awaited.Name] = waiting = [];
            waiting.Add(key);
        }
    }
}
