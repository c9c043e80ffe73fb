using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Registry;

namespace Stoa.Market.Workflows.Runs;

/// <summary>The act of running a workflow without doing anything: tasks and models come to what is said of them, time passes at once, and nothing is submitted or paid.</summary>
public static class SimulateWorkflow
{
    /// <summary>The most attempts of tasks and models that one simulation has.</summary>
    public const int MaxSteps = 10_000;

    // About a second on one processor.
    private const long Effort = 3_000_000;

    // What is told of steps and output: some megabytes; what is beyond is left out.
    private const long EffortOfTelling = 500_000;

    /// <summary>Runs it.</summary>
    /// <param name="workflow">One that holds together.</param>
    /// <param name="input">What the run is given.</param>
    /// <param name="scenario">What tasks, models, events and people come to.</param>
    /// <param name="start">When it begins, UTC.</param>
    /// <returns>What became of it, or <see cref="WorkflowRefusal.WorkflowInputInvalid"/> where the input does not fit the workflow's schema.</returns>
    public static Outcome<SimulatedRun, WorkflowRefusal> Simulate(Workflow workflow, JsonElement input, Scenario scenario, DateTimeOffset start)
    {
        ArgumentNullException.ThrowIfNull(workflow);
        ArgumentNullException.ThrowIfNull(scenario);
        foreach (var given in scenario.Outcomes.Values.SelectMany(outcome => (IEnumerable<JsonElement>)[outcome.Output, outcome.Content]).Concat(scenario.Events.Values).Append(input))
        {
            if (MemberNames.HasLong(given))
                return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInputInvalid, $"The names of members have at most {MemberNames.MostBytes} bytes.");
        }

        if (workflow.Input is { } schema && PortSchema.Validate(schema, JsonSerializer.SerializeToUtf8Bytes(input)) is { Count: > 0 } errors)
            return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInputInvalid, "The input does not fit the JSON Schema of the workflow's input.", [.. errors.Select(error => error with { Pointer = "/input" + error.Pointer })]);
        return new Simulation(workflow, input, scenario, start).Run();
    }

    private sealed class Simulation(Workflow workflow, JsonElement input, Scenario scenario, DateTimeOffset start)
    {
        private readonly WorkflowRun _run = new(workflow, ExpressionValue.Of(input), Effort);
        private readonly Queue<RunEvent> _next = new();
        private readonly PriorityQueue<RunCommand.Wake, (DateTimeOffset At, int Number)> _timers = new();
        private readonly Dictionary<string, ExpressionValue> _given = new(StringComparer.Ordinal);
        private TimeSpan _took;
        private int _begun;
        private int _timed;
        private string? _waitsFor;

        public SimulatedRun Run()
        {
            Follow(_run.Begin(start));
            while (!_run.HasEnded && _begun <= MaxSteps)
            {
                if (_next.TryDequeue(out var happened))
                    Follow(_run.Apply(happened, start + _took));
                else if (_timers.TryDequeue(out var wake, out _))
                    Wake(wake);
                else
                    break;
            }

            var budget = new ExpressionBudget(EffortOfTelling);
            return new SimulatedRun(
                _run.State, ToJson(_run.Output, budget), _run.HasEnded ? _run.Error : WhyOpen(), _took,
                [.. _run.Steps.Select(step => new SimulatedStep(step.Path, step.State, step.Attempt, step.Error, _given.TryGetValue(step.Path, out var body) ? ToJson(body, budget) : null))]);
        }

        private StepError WhyOpen() => _begun > MaxSteps
            ? new StepError("limitReached", $"A simulation has at most {MaxSteps} attempts of tasks and models.", "")
            : new StepError("waits", $"It waits for {_waitsFor}, of which nothing is said.", "");

        private void Wake(RunCommand.Wake wake)
        {
            if (wake.At - start > _took)
                _took = wake.At - start;
            _next.Enqueue(new RunEvent.TimeCame(wake.Path, wake.Kind, wake.Attempt));
        }

        private void Follow(IReadOnlyList<RunCommand> commands)
        {
            foreach (var command in commands)
            {
                switch (command)
                {
                    case RunCommand.Begin begin:
                        _begun++;
                        _given[begin.Path] = begin.Body;
                        _next.Enqueue(new RunEvent.WorkEnded(begin.Path, begin.Attempt, OutcomeOf(begin)));
                        break;
                    case RunCommand.Wake wake:
                        _timers.Enqueue(wake, (wake.At, _timed++));
                        break;
                    case RunCommand.Await awaited when scenario.Events.TryGetValue(awaited.Name, out var value):
                        _next.Enqueue(new RunEvent.Signalled(awaited.Name, ExpressionValue.Of(value)));
                        break;
                    case RunCommand.Await awaited:
                        _waitsFor ??= $"the event {awaited.Name}";
                        break;
                    case RunCommand.Ask ask:
                        _next.Enqueue(new RunEvent.Answered(ask.Path, "simulation", scenario.Answers.GetValueOrDefault(ask.Path, true), ""));
                        break;
                }
            }
        }

        private WorkOutcome OutcomeOf(RunCommand.Begin begin)
        {
            var outcome = scenario.OutcomeOf(begin.Path);
            if (outcome is null)
                return new WorkOutcome.Done(default, default);
            return outcome.Failure is { } code && begin.Attempt <= (outcome.Failures ?? int.MaxValue)
                ? new WorkOutcome.Failed(code, "The simulation says so.")
                : new WorkOutcome.Done(ExpressionValue.Of(outcome.Output), ExpressionValue.Of(outcome.Content));
        }

        private static JsonElement? ToJson(ExpressionValue value, ExpressionBudget budget) =>
            value.TryToJson(budget, out var json, out _) && json.ValueKind is not JsonValueKind.Undefined ? json : null;
    }
}

/// <summary>What a simulation takes things to come to.</summary>
/// <param name="Outcomes">Of tasks and models, by path such as <c>each[0].short</c>, or by the name of the node for all turns of it. What is not named is done and comes to null.</param>
/// <param name="Events">What comes with events, by name; they are there as soon as they are waited for.</param>
/// <param name="Answers">What people say, by path; yes where nothing is said.</param>
public sealed record Scenario(IReadOnlyDictionary<string, SimulatedOutcome> Outcomes, IReadOnlyDictionary<string, JsonElement> Events, IReadOnlyDictionary<string, bool> Answers)
{
    /// <summary>What is said of a step; null when nothing is.</summary>
    public SimulatedOutcome? OutcomeOf(string path) => Outcomes.GetValueOrDefault(path) ?? Outcomes.GetValueOrDefault(path[(path.LastIndexOf('.') + 1)..]);
}

/// <summary>What a task or a model comes to.</summary>
/// <param name="Output">What expressions read of it.</param>
/// <param name="Content">Of a task: digest, size and media type of what it wrote.</param>
/// <param name="Failure">It fails with this code; null when it does not.</param>
/// <param name="Failures">So many attempts of it fail, and the next one is done; null for all.</param>
public sealed record SimulatedOutcome(JsonElement Output, JsonElement Content, string? Failure, int? Failures);

/// <summary>What became of a simulated run.</summary>
/// <param name="State">Running, when it waits for what nothing is said of.</param>
/// <param name="Output">What it gave; null for nothing.</param>
/// <param name="Error">Why it failed, or what it waits for.</param>
/// <param name="Took">Time that passed in it.</param>
/// <param name="Steps">Its nodes, in the order in which they came to be.</param>
public sealed record SimulatedRun(RunState State, JsonElement? Output, StepError? Error, TimeSpan Took, IReadOnlyList<SimulatedStep> Steps);

/// <summary>A node of a simulated run.</summary>
/// <param name="Path">Names of nodes, with the numbers of turns.</param>
/// <param name="State">Where it ended.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Given">The submission or request of its last attempt; null of what has none, and of the last ones where all of them are too much to tell.</param>
public sealed record SimulatedStep(string Path, StepState State, int Attempts, StepError? Error, JsonElement? Given);
