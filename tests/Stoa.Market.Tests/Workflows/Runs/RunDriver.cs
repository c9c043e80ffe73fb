using System.Text;
using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows.Runs;

/// <summary>Does what runs command, in an order by chance, keeps what has happened, and loses the run itself now and then, as a node does that is killed.</summary>
/// <param name="workflow">What is run.</param>
/// <param name="input">JSON.</param>
/// <param name="work">What an attempt comes to, by path and number.</param>
/// <param name="random">The order, and when the run is lost.</param>
internal sealed class RunDriver(Workflow workflow, string input, Func<RunCommand.Begin, WorkOutcome> work, Random? random = null)
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<(RunEvent Happened, DateTimeOffset At)> _kept = [];
    private readonly List<RunCommand> _open = [];
    private readonly HashSet<(string, int)> _stopped = [];
    private DateTimeOffset _now = s_start;

    public WorkflowRun Run { get; private set; } = null!;

    /// <summary>All that was begun, each once however often the run was lost.</summary>
    public List<RunCommand.Begin> Begun { get; } = [];

    /// <summary>What is open and begins with a path.</summary>
    public IEnumerable<RunCommand> Open => _open;

    /// <summary>A chance of one in so many that the run is lost after something has happened; 0 for never.</summary>
    public int LosesEvery { get; init; }

    /// <summary>A chance of one in so many that a time comes before work ends that was begun earlier; 0 for never: then all work is done at once.</summary>
    public int HurriesEvery { get; init; }

    /// <summary>A chance of one in so many that the run is cancelled after something has happened; 0 for never.</summary>
    public int CancelsEvery { get; init; }

    /// <summary>All that has happened, in order.</summary>
    public IEnumerable<RunEvent> Happened => _kept.Select(kept => kept.Happened);

    public RunDriver Begin()
    {
        Run = New();
        Follow(Run.Begin(s_start));
        return this;
    }

    /// <summary>Goes on until nothing is open, or nothing but what waits for somebody.</summary>
    public RunDriver GoOn()
    {
        for (var steps = 0; !Run.HasEnded; steps++)
        {
            if (steps > 1_000_000)
                throw new InvalidOperationException("The run has no end.");
            var ready = _open.Where(command => command is RunCommand.Begin or RunCommand.Wake).ToList();
            var begun = ready.OfType<RunCommand.Begin>().ToList();
            var isHurried = HurriesEvery > 0 && ready.Count > begun.Count && random!.Next(HurriesEvery) == 0;
            if (begun.Count > 0 && !isHurried)
                End(begun[random?.Next(begun.Count) ?? 0]);
            else if (ready.OfType<RunCommand.Wake>().MinBy(wake => wake.At) is { } next)
                Wake(next);
            else
                break;
        }

        return this;
    }

    public void Happens(RunEvent happened)
    {
        _kept.Add((happened, _now));
        Follow(Run.Apply(happened, _now));
        if (CancelsEvery > 0 && happened is not RunEvent.CancelAsked && random!.Next(CancelsEvery) == 0)
            Happens(new RunEvent.CancelAsked());
        if (LosesEvery > 0 && random!.Next(LosesEvery) == 0)
            Lose();
    }

    public void End(RunCommand.Begin begin, WorkOutcome? outcome = null)
    {
        _open.Remove(begin);
        outcome ??= _stopped.Contains((begin.Path, begin.Attempt)) ? new WorkOutcome.Failed("cancelled", "It was stopped.") : work(begin);
        Happens(new RunEvent.WorkEnded(begin.Path, begin.Attempt, outcome));
    }

    public void Wake(RunCommand.Wake wake)
    {
        _open.Remove(wake);
        if (wake.At > _now)
            _now = wake.At;
        Happens(new RunEvent.TimeCame(wake.Path, wake.Kind, wake.Attempt));
    }

    /// <summary>Makes the run anew from what is kept, and sees that it is the same.</summary>
    public void Lose()
    {
        var before = Describe(Run);
        Run = New();
        Run.Begin(s_start);
        foreach (var (happened, at) in _kept)
            Run.Apply(happened, at);
        Describe(Run).ShouldBe(before);
    }

    public static string Json(ExpressionValue value)
    {
        value.TryToJson(new ExpressionBudget(10_000_000), out var json, out _).ShouldBeTrue();
        return json.ValueKind is JsonValueKind.Undefined ? "null" : JsonSerializer.Serialize(json);
    }

    private static string Describe(WorkflowRun run)
    {
        var text = new StringBuilder($"{run.State} {run.Error} {Json(run.Output)}\n");
        foreach (var step in run.Steps)
            text.Append(step).Append('\n');
        return text.ToString();
    }

    private WorkflowRun New() => new(workflow, ExpressionValue.Of(JsonElement.Parse(input)), effort: 100_000_000);

    private void Follow(IReadOnlyList<RunCommand> commands)
    {
        foreach (var command in commands)
        {
            if (command is RunCommand.Stop stop)
                _stopped.Add((stop.Path, stop.Attempt));
            else
                _open.Add(command);
            if (command is RunCommand.Begin begin)
                Begun.Add(begin);
        }
    }
}
