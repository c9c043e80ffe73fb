using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Market.Tests.Workflows.Runs;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows;

/// <summary>Workflows that use workflows.</summary>
public sealed class UsedWorkflowTests
{
    private const string Inner = """{ "name": "inner", "input": { "type": "object", "required": ["x"], "additionalProperties": false, "properties": { "x": { "type": "string" }, "list": { "type": "array" } } }, "nodes": { "a": { "task": { "text": "${input.x}" } } }, "output": { "said": "${nodes.a.output.text}" } }""";

    [Fact]
    public void Workflow_ThatIsUsed_RunsWithItsOwnNamesAndInput()
    {
        var workflow = WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": { "a": { "task": { "text": "${input.y}" } }, "b": { "workflow": { "name": "inner", "input": { "x": "${nodes.a.output.text}!" } } } }, "output": "${nodes.b.output.said}", "workflows": { "inner": {{Inner}} } }""");
        WorkflowCheck.Find(workflow).ShouldBeEmpty();
        var driver = new RunDriver(workflow, """{ "y": "hi" }""", WorkflowRunTests.Echo).Begin().GoOn();

        (driver.Run.State, RunDriver.Json(driver.Run.Output)).ShouldBe((RunState.Succeeded, "\"hi!\""));
        driver.Begun.Select(begin => begin.Path).ShouldBe(["a", "b.a"]);
        (workflow.Graph.CountNodes(), WorkflowCheck.MostSteps(workflow.Graph)).ShouldBe((3, 2));
    }

    [Fact]
    public void Limits_OfWhatIsUsed_AreKeptForEachUse()
    {
        const string inner = """{ "name": "inner", "limits": { "steps": 2, "time": "1m" }, "nodes": { "m": { "map": { "over": "${input}", "most": 9, "parallel": 1, "nodes": { "t": { "task": {} } } } } } }""";
        var workflow = WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": { "a": { "workflow": { "name": "inner", "input": [1, 2] } }, "b": { "workflow": { "name": "inner", "input": [1, 2, 3] }, "timeout": "2m", "onFailure": "skip", "after": ["a"] } }, "output": "${nodes.b.error.code}", "workflows": { "inner": {{inner}} } }""");
        var driver = new RunDriver(workflow, "0", WorkflowRunTests.Echo).Begin().GoOn();

        RunDriver.Json(driver.Run.Output).ShouldBe("\"limitReached\"");
        driver.Begun.Count.ShouldBe(4);

        var slow = new RunDriver(workflow, "0", WorkflowRunTests.Echo).Begin();
        var wake = slow.Open.OfType<RunCommand.Wake>().Single();
        (wake.Path, wake.At - new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).ShouldBe(("a", TimeSpan.FromMinutes(1)));
        slow.Wake(wake);
        slow.GoOn();
        slow.Run.Error!.Code.ShouldBe("timedOut");
    }

    [Fact]
    public void Documents_ComeAlong_OrAreGivenBeside_AndAreThenTheSame()
    {
        const string outer = """{ "name": "wf", "nodes": { "a": { "workflow": { "name": "middle@2" } }, "b": { "workflow": { "name": "own" } } }, "output": "${nodes.a.output}", "workflows": { "own": { "name": "own", "nodes": { "t": { "task": {} } } } } }""";
        const string middle = """{ "name": "middle", "nodes": { "c": { "workflow": { "name": "inner", "input": { "x": "1" } } } }, "output": "${nodes.c.output.said}" }""";
        var beside = new Dictionary<string, ReadOnlyMemory<byte>> { ["middle@2"] = Encoding.UTF8.GetBytes(middle), ["inner"] = Encoding.UTF8.GetBytes(Inner), ["unused"] = "{}"u8.ToArray() };

        var whole = WorkflowReader.ReadWith(Encoding.UTF8.GetBytes(outer), beside).Value;
        var alone = WorkflowReader.Read(whole.Document).Value;

        JsonElement.Parse(whole.Document.Span).GetProperty("workflows").EnumerateObject().Select(document => document.Name).ShouldBe(["own", "middle@2", "inner"], ignoreOrder: true);
        foreach (var workflow in (Workflow[])[whole.Workflow, alone])
            new RunDriver(workflow, "0", WorkflowRunTests.Echo).Begin().GoOn().Begun.Select(begin => begin.Path).ShouldBe(["b.t", "a.c.a"], ignoreOrder: true);
        // What needs nothing beside it stays as it is, byte by byte.
        WorkflowReader.ReadWith(whole.Document, beside.Where(given => given.Key == "unused").ToDictionary()).Value.Document.ToArray().ShouldBe(whole.Document.ToArray());
    }

    [Fact]
    public void Document_IsCalledByItsDigest()
    {
        var digest = WorkflowReader.DigestOf(JsonElement.Parse(Inner));
        var json = $$"""{ "name": "wf", "nodes": { "a": { "workflow": { "digest": "{{digest}}", "input": { "x": "1" } } } }, "workflows": { "{{digest}}": {{Inner}} } }""";

        WorkflowReaderTests.Read(json).FindDocuments().Select(document => document.Name).ShouldBe(["wf", "inner"]);
        // Spaces are not a part of it, and what it is kept by may be a name.
        WorkflowReaderTests.Read(json.Replace($"\"{digest}\": {{", "\"anything\":    {", StringComparison.Ordinal)).FindDocuments().Count.ShouldBe(2);
        Errors(json.Replace("\"text\"", "\"txet\"", StringComparison.Ordinal)).ShouldContain(error => error.Pointer == $"/workflows/{digest}" && error.Reason.Contains("This is the document sha256:"));
    }

    [Theory]
    [InlineData("""{ "workflow": { "name": "nobody" } }""", "{}", "/nodes/a/workflow/name", "nobody is not: bring it along under workflows")]
    [InlineData("""{ "workflow": { } }""", "{}", "/nodes/a/workflow", "either by its name or by its digest")]
    [InlineData("""{ "workflow": { "name": "x y" } }""", "{}", "/nodes/a/workflow/name", "name of a workflow")]
    [InlineData("""{ "workflow": { "name": "inner" }, "retry": { "attempts": 2 } }""", """{ "inner": INNER }""", "/nodes/a", "Only a task or a model is tried again")]
    [InlineData("""{ "wait": { "for": "1s" } }""", """{ "inner": INNER }""", "/workflows/inner", "Nothing uses it")]
    [InlineData("""{ "workflow": { "name": "inner" } }""", """{ "inner": { "name": "inner" } }""", "/workflows/inner/nodes", "at least one node")]
    [InlineData("""{ "workflow": { "name": "inner" } }""", """{ "inner": 5 }""", "/workflows/inner", "Must be an object")]
    [InlineData("""{ "workflow": { "name": "b-1" } }""", """{ "b-1": USES:b-2, "b-2": USES:b-3, "b-3": USES:b-2 }""", "/workflows/b-3/nodes/n/workflow", "in a circle: b-2 uses b-3, b-3 uses b-2.")]
    [InlineData("""{ "workflow": { "name": "b-1" } }""", """{ "b-1": USES:b-1 }""", "/workflows/b-1/nodes/n/workflow", "in a circle: b-1 uses b-1.")]
    [InlineData("""{ "workflow": { "name": "b-1" } }""", """{ "b-1": USES:b-2, "b-2": USES:b-3, "b-3": USES:b-4, "b-4": USES:b-5, "b-5": USES:b-6, "b-6": USES:b-7, "b-7": USES:b-8, "b-8": USES:b-9, "b-9": INNER }""", "/workflows/b-8/nodes/n/workflow", "at most 8 levels deep")]
    public void Fault_OfForm_IsToldWithItsPlace(string node, string documents, string pointer, string reason)
    {
        var written = System.Text.RegularExpressions.Regex.Replace(documents.Replace("INNER", Inner, StringComparison.Ordinal), "USES:(b-[0-9])", """{ "name": "uses", "nodes": { "n": { "workflow": { "name": "$1" } } } }""");

        Errors($$"""{ "name": "wf", "nodes": { "a": {{node}} }, "workflows": {{written}} }""").ShouldContain(error => error.Pointer == pointer && error.Reason.Contains(reason));
    }

    [Fact]
    public void Depth_IsCounted_HoweverEarlyADocumentWasRead()
    {
        // The shorter way to b-5 is read first.
        var documents = string.Join(", ", Enumerable.Range(1, 9).Select(number => $$"""
            "b-{{number}}": { "name": "uses", "nodes": { "n": {{(number == 9 ? """{ "task": {} }""" : $$"""{ "workflow": { "name": "b-{{number + 1}}" } }""")}} } }
            """));

        Errors($$"""{ "name": "wf", "nodes": { "a": { "workflow": { "name": "b-5" } }, "b": { "workflow": { "name": "b-1" } } }, "workflows": { {{documents}} } }""").ShouldContain(error => error.Reason.Contains("at most 8 levels"));
    }

    [Theory]
    [InlineData("""{ "workflow": { "name": "inner", "input": { "x": "${input.n}", "more": "${input.n}" } } }""", "/nodes/b/workflow/input/more", "The workflow inner does not take it: what it reads has no member more: it has x, list")]
    [InlineData("""{ "workflow": { "name": "inner", "input": { "x": "${input.n}" } } }""", "/nodes/b/workflow/input/x", "The workflow inner takes string here, and this is integer")]
    [InlineData("""{ "workflow": { "name": "inner", "input": { "list": "${nodes.a.output.said}" } } }""", "/nodes/b/workflow/input", "The workflow inner needs x, which is not given")]
    [InlineData("""{ "workflow": { "name": "inner", "input": { "x": 5 } } }""", "/nodes/b/workflow/input/x", "")]
    [InlineData("""{ "task": { "x": "${nodes.a.output.sad}" } }""", "/nodes/b/task/x", "has no member sad: it has said")]
    [InlineData("""{ "task": { "x": "${nodes.c.output.x}" } }""", "/nodes/b/task/x", "is nothing: the workflow silent has no output")]
    [InlineData("""{ "task": { "x": "${nodes.d.output.text.more}" } }""", "/nodes/b/task/x", "is of the type string and has no member more")]
    [InlineData("""{ "map": { "over": "${nodes.d.output.text}", "most": 3 } }""", "/nodes/b/map/over", "A list is expected, and this is string")]
    [InlineData("""{ "map": { "over": "${nodes.a.output}", "most": 3 } }""", "/nodes/b/map/over", "A list is expected, and this is object")]
    public void Ports_OfWhatIsUsed_AreCompared(string node, string pointer, string reason)
    {
        const string silent = """{ "name": "silent", "nodes": { "a": { "task": {} } } }""";
        const string passes = """{ "name": "passes", "input": { "type": "object", "properties": { "text": { "type": "string" } } }, "nodes": { "a": { "task": {} } }, "output": "${input}" }""";
        var workflow = WorkflowReaderTests.Read($$"""
            { "name": "wf", "input": { "type": "object", "properties": { "n": { "type": "integer" } } },
              "nodes": { "a": { "workflow": { "name": "inner", "input": { "x": "1" } } }, "b": {{node}}, "c": { "workflow": { "name": "silent" } }, "d": { "workflow": { "name": "passes", "input": { "text": "1" } } } },
              "workflows": { "inner": {{Inner}}, "silent": {{silent}}, "passes": {{passes}} } }
            """);
        WorkflowCheck.Find(workflow).ShouldBeEmpty();

        var errors = new WorkflowPorts(workflow, new Dictionary<string, Stoa.Market.Registry.AgentVersion?>(), TimeProvider.System).Find();

        errors.ShouldContain(error => error.Pointer == pointer && error.Reason.Contains(reason), string.Join("\n", errors));
    }

    [Fact]
    public void Faults_OfWhatIsUsed_AreToldWithTheirPlace()
    {
        var workflow = WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": { "a": { "workflow": { "name": "inner", "input": {} } } }, "workflows": { "inner": {{Inner.Replace("input.x", "nodes.b.output", StringComparison.Ordinal)}} } }""");

        var fault = WorkflowCheck.Find(workflow).ShouldHaveSingleItem();
        (fault.Pointer, fault.Reason).ShouldSatisfyAllConditions(told => told.Pointer.ShouldBe("/workflows/inner/nodes/a/task/text"), told => told.Reason.ShouldContain("no node b"));
        // What is outside is not read within.
        WorkflowCheck.Find(WorkflowReaderTests.Read("""{ "name": "wf", "nodes": { "b": { "task": {} }, "a": { "workflow": { "name": "inner" } } }, "workflows": { "inner": { "name": "inner", "nodes": { "t": { "task": { "x": "${nodes.b.output}" } } } } } }"""))
            .ShouldHaveSingleItem().Reason.ShouldContain("no node b");
    }

    [Fact]
    public void Uses_ThatMultiply_AreRefusedBeforeAnythingIsMultiplied()
    {
        // Twenty times eight levels: 25,600,000,000 nodes.
        var json = new StringBuilder("""{ "name": "wf", "nodes": { "a": { "workflow": { "name": "w-1" } } }, "workflows": { """);
        for (var level = 1; level <= 8; level++)
        {
            var nodes = string.Join(", ", Enumerable.Range(0, 20).Select(number => level == 8 ? $$""" "n{{number}}": { "wait": { "for": "1s" } } """ : $$""" "n{{number}}": { "workflow": { "name": "w-{{level + 1}}" } } """));
            json.Append(CultureInfo.InvariantCulture, $$"""{{(level == 1 ? "" : ", ")}}"w-{{level}}": { "name": "level", "nodes": { {{nodes}} } }""");
        }

        var bytes = Encoding.UTF8.GetBytes(json.Append(" } }").ToString());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var faults = WorkflowCheck.Find(WorkflowReader.Read(bytes).Value);

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(8 << 20);
        faults.ShouldContain(fault => fault.Pointer == "/nodes/a" && fault.Reason.Contains("more than 20,000 nodes") && fault.Reason.Contains("has that four times"), string.Join("\n", faults));
    }

    [Fact]
    public void Picture_HasWhatIsUsed_WithNamesOfItsOwn()
    {
        var picture = WorkflowPicture.Draw(WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": { "a": { "task": {} }, "b": { "workflow": { "name": "inner", "input": { "x": "${nodes.a.output}" } } }, "c": { "workflow": { "name": "inner" } } }, "workflows": { "inner": {{Inner}} } }"""))!;

        var lines = picture.Split('\n', StringSplitOptions.TrimEntries);
        lines.ShouldContain("subgraph n_b[\"b<br/>all of inner\"]");
        lines.ShouldContain("n_b__a[\"a<br/>task\"]");
        lines.ShouldContain("n_c__a[\"a<br/>task\"]");
        lines.ShouldContain("n_a --> n_b");
    }

    [Fact]
    public void Sample_ThatUsesAnother_RunsToItsEnd()
    {
        var whole = WorkflowReader.ReadWith(Sample("press-reviews"), new Dictionary<string, ReadOnlyMemory<byte>> { ["press-review"] = Sample("press-review") });
        whole.Refusal.ShouldBeNull(string.Join("\n", whole.Refusal?.Errors ?? []));
        WorkflowCheck.Find(whole.Value.Workflow).ShouldBeEmpty();
        var driver = new RunDriver(whole.Value.Workflow, """{ "topics": [{ "pages": ["One", "Two"] }, { "pages": [] }] }""", _ => new WorkOutcome.Done(Text("said"), default)).Begin().GoOn();

        (driver.Run.State, RunDriver.Json(driver.Run.Output)).ShouldBe((RunState.Succeeded, """["said","said"]"""), driver.Run.Error?.ToString());
        driver.Begun.Select(begin => begin.Path).ShouldContain("each[0].review.each[1].short");

        static ReadOnlyMemory<byte> Sample(string name)
        {
            YamlDocument.TryConvert(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Samples", "workflows", $"{name}.yaml")), Workflow.MaxBytes, out var json).ShouldBeNull();
            return json;
        }

        static Stoa.Market.Expressions.ExpressionValue Text(string text) => Stoa.Market.Expressions.ExpressionValue.Of(JsonElement.Parse(JsonSerializer.Serialize(text)));
    }

    private static IReadOnlyList<FieldError> Errors(string json) => WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).Refusal.ShouldNotBeNull().Errors;
}
