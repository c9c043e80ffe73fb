using System.Globalization;
using System.Text;
using Stoa.Market.Workflows;

namespace Stoa.Market.Tests.Workflows;

public sealed class WorkflowCheckTests
{
    private const string Wait = """{ "wait": { "for": "1s" } }""";

    [Theory]
    [InlineData("""{ "a": { "task": { "x": "${nodes.b.output}" } } }""", "/nodes/a/task/x", "no node b")]
    [InlineData("""{ "a": { "task": { "x": "${item}" } } }""", "/nodes/a/task/x", "no value item")]
    [InlineData("""{ "a": { "task": { "x": "${@}" } } }""", "/nodes/a/task/x", "which value it reads")]
    [InlineData("""{ "a": { "task": { "x": "${nodes}" } } }""", "/nodes/a/task/x", "which node it reads")]
    [InlineData("""{ "a": { "task": { "x": "${nodes.a.output}" } } }""", "/nodes/a/task/x", "reads itself")]
    [InlineData("""{ "a": WAIT, "b": { "task": { "x": "${nodes.a.outptu}" } } }""", "/nodes/b/task/x", "no outptu: it has output, content, state, error")]
    [InlineData("""{ "a": { "map": { "over": [], "most": 1, "nodes": { "b": WAIT } } }, "c": { "task": { "x": "${nodes.b.output}" } } }""", "/nodes/c/task/x", "no node b")]
    [InlineData("""{ "a": { "map": { "over": [], "most": 1, "nodes": { "b": { "task": { "x": "${nodes.a.output}" } } } } } }""", "/nodes/a/map/nodes/b/task/x", "has not ended while what is within it runs")]
    [InlineData("""{ "a": { "loop": { "initial": 0, "most": 1, "while": "${nodes.b.output}", "output": 0, "nodes": { "b": WAIT } } } }""", "/nodes/a/loop/while", "no node b")]
    [InlineData("""{ "a": { "loop": { "initial": "${state}", "most": 1, "while": true, "output": 0 } } }""", "/nodes/a/loop/initial", "no value state")]
    [InlineData("""{ "a": { "wait": { "for": "1s" }, "after": ["b"] } }""", "/nodes/a/after/0", "no other node b")]
    [InlineData("""{ "a": { "task": { "x": "${nodes.b.output}" } }, "b": { "task": { "x": "${nodes.c.state}" } }, "c": { "wait": { "for": "1s" }, "after": ["a"] } }""", "/nodes/a", "a waits for b, b waits for c, c waits for a")]
    [InlineData("""{ "a": { "map": { "over": [], "most": 1, "nodes": { "in": { "task": { "x": "${nodes.b.output}" } } } } }, "b": { "task": { "x": "${nodes.a.output}" } } }""", "/nodes/a", "a waits for b, b waits for a")]
    [InlineData("""{ "a": { "task": { "x": "${abs('one')}" } } }""", "/nodes/a/task/x", "fails in every run")]
    [InlineData("""{ "a": { "map": { "over": [], "most": 10000, "nodes": { "b": { "map": { "over": [], "most": 10000, "nodes": { "c": { "task": {} } } } } } } } }""", "/nodes/a", "more than 1,000,000")]
    public void Fault_IsToldWithItsPlace(string nodes, string pointer, string reason)
    {
        var faults = WorkflowCheck.Find(WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": {{nodes.Replace("WAIT", Wait, StringComparison.Ordinal)}} }"""));

        faults.ShouldContain(error => error.Pointer == pointer && error.Reason.Contains(reason), string.Join("\n", faults));
    }

    [Fact]
    public void Nodes_ReadWhatIsBesideThem_AndBesideWhatTheyAreIn()
    {
        var workflow = WorkflowReaderTests.Read("""
            { "name": "wf", "nodes": {
                "a": { "task": { "x": "${input.x}" }, "compensate": { "task": { "x": "${nodes.a.output}" } } },
                "b": { "map": { "over": "${nodes.a.output.list}", "as": "page", "most": 10, "nodes": {
                    "c": { "reduce": { "over": "${page}", "most": 10, "initial": 0, "nodes": { "d": { "task": { "x": "${nodes.a.output} ${page} ${accumulator} ${index}" } } }, "output": "${nodes.d.output}" } },
                    "e": { "choose": [{ "when": "${nodes.c.output > `1`}", "nodes": { "f": { "task": { "x": "${nodes.c.output}" } } }, "output": "${nodes.f.output}" }] } },
                  "output": "${nodes.e.output}" } } },
              "output": "${nodes.b.output}" }
            """);

        WorkflowCheck.Find(workflow).ShouldBeEmpty();
        // a and what undoes it, 10 times (10 times d, and f).
        WorkflowCheck.MostSteps(workflow.Graph).ShouldBe(1 + 1 + (10 * ((10 * 1) + 1)));
    }

    [Fact]
    public void Steps_AreBoundedByWhatMultipliesThem()
    {
        Most("""{ "a": { "task": {}, "retry": { "attempts": 4 }, "fallbacks": [{ "task": {} }] } }""").ShouldBe(5);
        Most("""{ "a": { "loop": { "initial": 0, "while": true, "most": 7, "output": 0, "nodes": { "b": { "model": {}, "retry": { "attempts": 2 } } } } } }""").ShouldBe(14);
        Most("""{ "a": { "choose": [{ "when": true, "nodes": { "b": { "task": {} } } }, { "nodes": { "c": { "task": {} }, "d": { "task": {} } } }] } }""").ShouldBe(2);
        Most("""{ "a": { "wait": { "for": "1s" } } }""").ShouldBe(0);

        static long Most(string nodes) => WorkflowCheck.MostSteps(WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": {{nodes}} }""").Graph);
    }

    [Fact]
    public void ALongChain_IsChecked_WithoutRecursion()
    {
        const int length = 10_000;
        var json = new StringBuilder("""{ "name": "wf", "nodes": { "n0": { "wait": { "for": "1s" } }""");
        for (var number = 1; number < length; number++)
            json.Append(CultureInfo.InvariantCulture, $$""", "n{{number}}": { "task": { "x": "${nodes.n{{number - 1}}.output}" } }""");
        var open = WorkflowReaderTests.Read(json + "} }");
        var closed = WorkflowReaderTests.Read(json.Replace("\"wait\": { \"for\": \"1s\" }", $"\"task\": {{ \"x\": \"${{nodes.n{length - 1}.output}}\" }}").Append("} }").ToString());

        WorkflowCheck.Find(open).ShouldBeEmpty();
        WorkflowDependencies.Of(open.Graph).Order.ShouldBe(Enumerable.Range(0, length));
        WorkflowCheck.Find(closed).ShouldHaveSingleItem().Reason.ShouldContain("and so on");
    }

    [Fact]
    public void Faults_AreToldUpToAHundred()
    {
        var nodes = new StringBuilder("""{ "a": { "task": { "x": [""").AppendJoin(',', Enumerable.Repeat("\"${nodes.nobody.output}\"", 10_000)).Append("""] }, "after": [""").AppendJoin(',', Enumerable.Range(0, 10_000).Select(number => $"\"n{number}\"")).Append("] } }");

        WorkflowCheck.Find(WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": {{nodes}} }""")).Count.ShouldBe(100);
    }
}
