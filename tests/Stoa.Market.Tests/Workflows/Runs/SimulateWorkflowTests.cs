using System.Text.Json;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows.Runs;

public sealed class SimulateWorkflowTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Simulation_TellsWhatEachStepWouldBeGiven()
    {
        var run = Simulate(
            """{ "a": { "task": { "agent": "stoa/upper", "input": { "text": "${input.x}" } }, "retry": { "attempts": 3, "delay": "10s" } }, "b": { "model": { "model": "stoa/parrot", "n": "${nodes.a.output.n}" }, "when": "${nodes.a.output.n > `1`}" }, "c": { "wait": { "for": "1h" }, "after": ["b"] } }""",
            """{ "x": "hi" }""",
            Outcomes("a", new SimulatedOutcome(JsonElement.Parse("""{ "n": 2 }"""), default, "broken", 2)),
            output: "\"${nodes.b.output}\"");

        (run.State, run.Took).ShouldBe((RunState.Succeeded, TimeSpan.FromSeconds(30) + TimeSpan.FromHours(1)));
        run.Steps.Select(step => (step.Path, step.State, step.Attempts, step.Given?.GetRawText())).ShouldBe(
        [
            ("a", StepState.Succeeded, 3, """{"agent":"stoa/upper","input":{"text":"hi"}}"""),
            ("b", StepState.Succeeded, 1, """{"model":"stoa/parrot","n":2}"""),
            ("c", StepState.Succeeded, 0, null),
        ]);
    }

    [Fact]
    public void WhatIsWaitedFor_IsSaid()
    {
        var waits = Simulate("""{ "a": { "wait": { "event": "paid" } } }""");
        (waits.State, waits.Error!.Code).ShouldBe((RunState.Running, "waits"));
        waits.Error.Detail.ShouldContain("paid");

        var paid = Simulate("""{ "a": { "wait": { "event": "paid" } } }""", scenario: new Scenario(new Dictionary<string, SimulatedOutcome>(), new Dictionary<string, JsonElement> { ["paid"] = JsonElement.Parse("5") }, new Dictionary<string, bool>()), output: "\"${nodes.a.output}\"");
        (paid.State, paid.Output?.GetRawText()).ShouldBe((RunState.Succeeded, "5"));
    }

    [Fact]
    public void People_SayYes_UnlessTheyAreSaidToSayNo()
    {
        const string nodes = """{ "a": { "approval": { "text": "Well?" } } }""";
        Simulate(nodes).State.ShouldBe(RunState.Succeeded);
        Simulate(nodes, scenario: new Scenario(new Dictionary<string, SimulatedOutcome>(), new Dictionary<string, JsonElement>(), new Dictionary<string, bool> { ["a"] = false })).Error!.Code.ShouldBe("rejected");
    }

    [Fact]
    public void Input_ThatDoesNotFit_IsRefused()
    {
        var workflow = WorkflowReaderTests.Read("""{ "name": "wf", "input": { "type": "object", "required": ["x"] }, "nodes": { "a": { "wait": { "for": "1s" } } } }""");

        var refusal = SimulateWorkflow.Simulate(workflow, JsonElement.Parse("{}"), Nothing, s_start).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(WorkflowRefusal.WorkflowInputInvalid);
        refusal.Errors.ShouldNotBeEmpty();
    }

    [Fact]
    public void Simulation_HasAnEnd()
    {
        var run = Simulate("""{ "a": { "map": { "over": "${input}", "most": 10000, "parallel": 1000, "nodes": { "b": { "map": { "over": [1, 2], "most": 2, "nodes": { "c": { "task": {} } } } } } } } }""", JsonSerializer.Serialize(Enumerable.Range(0, 10_000)));

        (run.State, run.Error!.Code).ShouldBe((RunState.Running, "limitReached"));
    }

    private static Scenario Nothing => new(new Dictionary<string, SimulatedOutcome>(), new Dictionary<string, JsonElement>(), new Dictionary<string, bool>());

    private static Scenario Outcomes(string name, SimulatedOutcome outcome) => Nothing with { Outcomes = new Dictionary<string, SimulatedOutcome> { [name] = outcome } };

    private static SimulatedRun Simulate(string nodes, string input = "{}", Scenario? scenario = null, string output = "0")
    {
        var workflow = WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": {{nodes}}, "output": {{output}} }""");
        WorkflowCheck.Find(workflow).ShouldBeEmpty();
        return SimulateWorkflow.Simulate(workflow, JsonElement.Parse(input), scenario ?? Nothing, s_start).Value;
    }
}
