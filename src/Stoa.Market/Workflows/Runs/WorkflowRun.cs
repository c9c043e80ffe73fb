using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows.Runs;

/// <summary>A run of a workflow: what has become of its nodes, and what is to be done next.</summary>
/// <remarks>
/// It does nothing itself and knows no clock: it takes what has happened and gives commands. The same events in the same order make the same run, so a run that was lost with its process is
/// made anew from the events that are kept. Nothing in it recurses deeper than nodes are nested. Not for several threads at a time.
/// </remarks>
public sealed partial class WorkflowRun
{
    private readonly Workflow _workflow;
    private readonly ExpressionValue _input;
    private readonly long _effort;
    private readonly Dictionary<string, List<RunStep>> _listening = new(StringComparer.Ordinal);
    private readonly List<RunStep> _done = [];
    private readonly Queue<RunStep> _ready = new();
    private readonly Queue<RunFrame> _over = new();
    private Dictionary<string, RunStep> _steps = new(StringComparer.Ordinal);
    private List<RunCommand> _commands = [];
    private RunFrame? _root;
    private DateTimeOffset _now;
    private StepError? _stopReason;
    private long _effortLeft;
    private int _undoing;
    private int _round;

    /// <param name="workflow">What is run, one that <see cref="WorkflowCheck"/> has nothing against.</param>
    /// <param name="input">What it is given; fits the workflow's schema.</param>
    /// <param name="effort">Steps that all its expressions together may take, and again as many each time it is resumed.</param>
    public WorkflowRun(Workflow workflow, ExpressionValue input, long effort)
    {
        ArgumentNullException.ThrowIfNull(workflow);
        (_workflow, _input, _effort, _effortLeft) = (workflow, input, effort, effort);
    }

    /// <summary>Where it is.</summary>
    public RunState State { get; private set; }

    /// <summary>What it gives; null unless it has succeeded.</summary>
    public ExpressionValue Output { get; private set; }

    /// <summary>Why it has failed; null unless it has, or is about to.</summary>
    public StepError? Error => _stopReason;

    /// <summary>Steps that there are so far, in the order in which they came to be.</summary>
    public IEnumerable<(string Path, StepState State, int Attempt, StepError? Error)> Steps => _steps.Values.Select(step => (step.Path, step.State, step.Attempt, step.Error));

    /// <summary>Whether it is over.</summary>
    public bool HasEnded => State >= RunState.Succeeded;

    /// <summary>Begins it.</summary>
    /// <param name="now">UTC.</param>
    /// <returns>What is to be done.</returns>
    public IReadOnlyList<RunCommand> Begin(DateTimeOffset now)
    {
        if (_steps.Count > 0)
            throw new InvalidOperationException("The run has begun before.");
        _now = now;
        if (_workflow.Limits.Time is { } time)
            _commands.Add(new RunCommand.Wake("", TimerKind.Timeout, _round, now + time));
        Open(_workflow.Graph, null, 0, s_noValues, new RunCount(null, _workflow.Limits.Steps));
        return GoOn();
    }

    /// <summary>Follows what has happened. What comes too late, or is about what there is not, changes nothing.</summary>
    /// <param name="happened">What.</param>
    /// <param name="now">UTC.</param>
    /// <returns>What is to be done.</returns>
    public IReadOnlyList<RunCommand> Apply(RunEvent happened, DateTimeOffset now)
    {
        _now = now;
        switch (happened)
        {
            case RunEvent.WorkEnded ended when IsUndoing(ended.Path):
                TakeUndoing(ended);
                break;
            case RunEvent.WorkEnded ended when TryFind(ended.Path, StepState.Running, out var step) && step.Attempt == ended.Attempt:
                Take(step, ended.Outcome);
                break;
            case RunEvent.TimeCame { Path: "" } came when State is RunState.Running && came.Attempt == _round:
                Stop(_root!, new StepError("timedOut", "The run has taken longer than it may.", ""));
                break;
            case RunEvent.TimeCame { Kind: TimerKind.Timeout } came when _steps.TryGetValue(came.Path, out var late) && !late.HasEnded && late.State is not StepState.Waiting && late.Round == came.Attempt:
                Stop(late, new StepError("timedOut", $"It has taken longer than {TimeoutOf(late.Node):g}.", late.Path));
                break;
            case RunEvent.TimeCame { Kind: TimerKind.Retry } came when TryFind(came.Path, StepState.Sleeping, out var delayed) && delayed.Attempt == came.Attempt:
                Try(delayed);
                break;
            case RunEvent.TimeCame { Kind: TimerKind.Wait } came when TryFind(came.Path, StepState.Sleeping, out var waiting) && waiting.Round == came.Attempt:
                End(waiting, StepState.Succeeded);
                break;
            case RunEvent.Signalled signal when _listening.Remove(signal.Name, out var listening):
                foreach (var step in listening.Where(step => step.State is StepState.Sleeping))
                {
                    step.Output = signal.Value;
                    End(step, StepState.Succeeded);
                }

                break;
            case RunEvent.Answered answer when TryFind(answer.Path, StepState.Sleeping, out var asked) && asked.Node.Work is WorkflowWork.Approval:
                Take(asked, answer);
                break;
            case RunEvent.CancelAsked when State is RunState.Running:
                Stop(_root!, null);
                break;
            case RunEvent.Resumed when State is RunState.Failed or RunState.Cancelled:
                Resume();
                break;
        }

        return GoOn();
    }

    private void Take(RunStep asked, RunEvent.Answered answer)
    {
        asked.Output = ExpressionValue.Of(new OrderedDictionary<string, ExpressionValue> { ["by"] = ExpressionValue.Of(answer.By), ["comment"] = ExpressionValue.Of(answer.Comment) });
        if (answer.IsYes)
            End(asked, StepState.Succeeded);
        else
            Fail(asked, new StepError("rejected", answer.Comment.Length > 0 ? $"{answer.By} said no: {answer.Comment}" : $"{answer.By} said no.", asked.Path));
    }

    /// <summary>Does what can be done at once, until there is nothing left but to wait.</summary>
    private List<RunCommand> GoOn()
    {
        while (true)
        {
            if (_ready.TryDequeue(out var step))
                Consider(step);
            else if (_over.TryDequeue(out var frame))
                Close(frame);
            else
                break;
        }

        var commands = _commands;
        _commands = [];
        return commands;
    }

    private bool TryFind(string path, StepState state, [NotNullWhen(true)] out RunStep? step) => _steps.TryGetValue(path, out step) && step.State == state;
}
