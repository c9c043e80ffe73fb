using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Workflows.Runs;

/// <summary>Runs of workflows by chance, in an order by chance, lost and made anew by chance, come to what the simplest interpreter says.</summary>
public sealed class RandomRunTests
{
    private const string Input = """{ "n": 3, "list": [1, "two", { "three": 3 }] }""";

    [Theory]
    [InlineData(0, 300, 0, 0)]
    [InlineData(10_000, 300, 20, 0)]
    [InlineData(20_000, 100, 3, 0)]
    [InlineData(30_000, 200, 20, 3)]
    public void Run_ComesToWhatTheReferenceSays(int firstSeed, int count, int losesEvery, int uses)
    {
        var states = new HashSet<RunState>();
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
            states.Add(Check(seed, losesEvery, uses));

        states.ShouldBe([RunState.Succeeded, RunState.Failed], ignoreOrder: true);
    }

    private static RunState Check(int seed, int losesEvery, int uses)
    {
        var random = new Random(seed);
        var document = RandomWorkflow.Make(random, new RandomTerms(uses));
        var workflow = WorkflowReader.Read(Encoding.UTF8.GetBytes(document.ToJsonString())).Value;
        WorkflowCheck.Find(workflow).ShouldBeEmpty($"seed {seed}");
        var reference = new ReferenceInterpreter(document, JsonNode.Parse(Input)!, (path, attempt, body) => IsDone(seed, path, attempt) ? (true, Result(path, body)) : (false, null));
        var driver = new RunDriver(
            workflow,
            Input,
            begin => IsDone(seed, begin.Path, begin.Attempt)
                ? new WorkOutcome.Done(ExpressionValue.Of(JsonElement.Parse(Result(begin.Path, JsonNode.Parse(RunDriver.Json(begin.Body))).ToJsonString())), default)
                : new WorkOutcome.Failed("broken", "It is broken."),
            random)
        {
            LosesEvery = losesEvery,
        };

        var (state, output) = reference.Run();
        driver.Begin().GoOn();

        driver.Run.State.ShouldBe(state, $"seed {seed}: {driver.Run.Error}\n{document}");
        if (state is RunState.Succeeded)
            JsonNode.DeepEquals(JsonNode.Parse(RunDriver.Json(driver.Run.Output)), output).ShouldBeTrue($"seed {seed}: {RunDriver.Json(driver.Run.Output)} and not {output?.ToJsonString()}\n{document}");
        // Each attempt once, however often the run was lost.
        driver.Begun.Select(begin => (begin.Path, begin.Attempt)).ShouldBeUnique();
        if (!reference.HasStopped)
            driver.Begun.Where(begin => !begin.Path.EndsWith("!undo", StringComparison.Ordinal)).Select(begin => (begin.Path, begin.Attempt)).ShouldBe(reference.Begun, ignoreOrder: true);
        driver.Run.Steps.ShouldAllBe(step => step.State >= StepState.Succeeded);
        if (state is RunState.Succeeded)
            driver.Begun.ShouldAllBe(begin => !begin.Path.EndsWith("!undo", StringComparison.Ordinal));
        return state;
    }

    private static bool IsDone(int seed, string path, int attempt) => path.EndsWith("!undo", StringComparison.Ordinal) || ContentHash.Of(Encoding.UTF8.GetBytes($"{seed} {path} {attempt}")).Hex[0] is not ('0' or '1');

    private static JsonObject Result(string path, JsonNode? body) => new() { ["path"] = path, ["body"] = body?.DeepClone() };
}
