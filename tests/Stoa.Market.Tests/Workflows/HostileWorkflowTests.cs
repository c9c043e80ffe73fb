using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows;

/// <summary>Documents that are made to be too much: each is refused with the reason, and for no more memory than an honest one of its size takes.</summary>
public sealed class HostileWorkflowTests
{
    private const int Huge = 100 << 20;

    [Theory]
    [InlineData("""{ "map": { "over": [], "most": 10000, "nodes": { "b": { "map": { "over": [], "most": 10000, "nodes": { "c": { "wait": { "for": "1s" } } } } } } } }""")]
    [InlineData("""{ "map": { "over": [], "most": 10000, "nodes": { "b": { "map": { "over": [], "most": 10000, "output": 1 } } } } }""")]
    [InlineData("""{ "loop": { "initial": 0, "while": true, "most": 1000, "output": 0, "nodes": { "b": { "loop": { "initial": 0, "while": true, "most": 1000, "output": 0, "nodes": { "c": { "loop": { "initial": 0, "while": true, "most": 1000, "output": 0 } } } } } } } }""")]
    [InlineData("""{ "reduce": { "over": [], "most": 10000, "initial": 0, "output": 0, "nodes": { "b": { "choose": [{ "output": 1 }, { "nodes": { "c": { "map": { "over": [], "most": 10000 } } } }] } } } }""")]
    public void Turns_ThatMultiply_AreBounded_ThoughNothingIsDoneInThem(string node) =>
        WorkflowCheck.Find(WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": { "a": {{node}} } }""")).ShouldHaveSingleItem().Reason.ShouldContain("more than 2,000,000 nodes and turns, most of them within a");

    [Fact]
    public void Maps_AsDeepAsTheyGo_AreCountedAndNotRunThrough()
    {
        var json = new StringBuilder("""{ "name": "wf", "nodes": { "n": """);
        for (var depth = 0; depth < 8; depth++)
            json.Append(CultureInfo.InvariantCulture, $$"""{ "map": { "over": [1], "most": 10000, "nodes": { "n{{depth}}": """);
        json.Append("""{ "task": {} }""").Insert(json.Length, "} } }", 8).Append(" } }");

        // 10^32 tasks are more than numbers go.
        WorkflowCheck.Find(WorkflowReaderTests.Read(json.ToString())).ShouldHaveSingleItem().Reason.ShouldContain("more than 1,000,000 tasks");
    }

    [Fact]
    public void Documents_OfAHundredMegabytes_AreNotRead()
    {
        var json = new byte[Huge];
        json.AsSpan().Fill((byte)' ');
        "{"u8.CopyTo(json);
        var yaml = new byte[Huge];
        yaml.AsSpan().Fill((byte)'#');

        Allocates(1 << 20, () => WorkflowReader.Read(json).Refusal!.Errors.Single().Reason.ShouldContain("104,857,600 bytes; at most 4,194,304 are read"));
        Allocates(1 << 20, () => WorkflowReader.ReadWith("{}"u8.ToArray(), new Dictionary<string, ReadOnlyMemory<byte>> { ["other"] = json }).Refusal!.Errors.Single().Reason.ShouldContain("with those that are given beside it"));
        Allocates(1 << 20, () => YamlDocument.TryConvert(yaml, Workflow.MaxBytes, out _).ShouldNotBeNull().ShouldContain("104,857,600 bytes"));
    }

    [Fact]
    public void Expressions_OfAHundredMegabytes_AreNotParsed()
    {
        var text = "${" + new string('a', Huge) + "}";

        Allocates(1 << 20, () =>
        {
            TextTemplate.TryParse(text, out _, out var fault).ShouldBeFalse();
            fault!.Reason.ShouldContain("at most 65,536 characters");
        });
        // What fits into a document is told in few words.
        var json = $$"""{ "name": "wf", "nodes": { "a": { "task": { "x": "${{{new string('a', 3 << 20)}}}" } } } }""";
        WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).Refusal!.Errors.Single().Reason.Length.ShouldBeLessThan(500);
    }

    [Fact]
    public void Bombs_InYaml_DoNotGoOff()
    {
        // A billion laughs: nine lines, each of nine of the line before.
        var laughs = new StringBuilder("l0: &l0 lol\n");
        for (var line = 1; line <= 9; line++)
            laughs.Append(CultureInfo.InvariantCulture, $"l{line}: &l{line} [{string.Join(", ", Enumerable.Repeat($"*l{line - 1}", 9))}]\n");

        Allocates(1 << 20, () => YamlDocument.TryConvert(Encoding.UTF8.GetBytes(laughs.ToString()), Workflow.MaxBytes, out _).ShouldNotBeNull().ShouldContain("anchors are not taken"));
        Allocates(1 << 20, () => YamlDocument.TryConvert(Encoding.UTF8.GetBytes("a: &a\n  <<: *a\n"), Workflow.MaxBytes, out _).ShouldNotBeNull().ShouldContain("anchors are not taken"));
        // Escapes make JSON of it that is six times as long.
        YamlDocument.TryConvert(Encoding.UTF8.GetBytes($"a: \"{string.Concat(Enumerable.Repeat("\\x01", 900_000))}\""), Workflow.MaxBytes, out _).ShouldNotBeNull().ShouldContain("too large");
    }

    [Theory]
    [InlineData('[', ']')]
    [InlineData('{', '}')]
    public void Brackets_InBrackets_AreRefusedAtTheSixtyFifth(char open, char close)
    {
        var deep = open == '[' ? new string(open, 1_000_000) : string.Concat(Enumerable.Repeat("{\"a\":", 500_000));
        var closed = open == '[' ? $"{new string(open, 65)}{new string(close, 65)}" : $"{string.Concat(Enumerable.Repeat("{\"a\":", 65))}1{new string(close, 65)}";

        foreach (var text in (string[])[deep, closed])
        {
            var bytes = Encoding.UTF8.GetBytes($$"""{ "name": "wf", "nodes": { "a": { "task": { "x": {{text}} } } } }""");
            Allocates(1 << 20, () => WorkflowReader.Read(bytes).Refusal!.Errors.Single().Reason.ShouldContain("64"));
            var yaml = Encoding.UTF8.GetBytes(text);
            Allocates(32 << 20, () => YamlDocument.TryConvert(yaml, Workflow.MaxBytes, out _).ShouldNotBeNull().ShouldContain("64 levels"));
        }
    }

    [Theory]
    [InlineData("\"retry\": { \"attempts\": 1e400 }")]
    [InlineData("\"retry\": { \"attempts\": 2, \"factor\": 1e400 }")]
    [InlineData("\"retry\": { \"attempts\": 2, \"factor\": 1e-999999999 }")]
    [InlineData("\"retry\": { \"attempts\": DIGITS }")]
    [InlineData("\"timeout\": \"DIGITSs\"")]
    [InlineData("\"timeout\": DIGITS")]
    public void Numbers_ThatAreNone_AreRefused(string member)
    {
        var json = $$"""{ "name": "wf", "nodes": { "a": { "task": {}, {{member.Replace("DIGITS", new string('9', 1_000_000), StringComparison.Ordinal)}} } } }""";

        WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).Refusal!.Errors.ShouldAllBe(error => error.Pointer.StartsWith("/nodes/a/") && error.Reason.Length < 500);
    }

    [Theory]
    [InlineData("""{ "maxLength": 99999999999999999999999999 }""")]
    [InlineData("""{ "maxItems": 1e400 }""")]
    [InlineData("""{ "minimum": 1e400 }""")]
    [InlineData("""{ "multipleOf": 1e-400 }""")]
    [InlineData("""{ "multipleOf": 0 }""")]
    [InlineData("""{ "minLength": -1 }""")]
    [InlineData("""{ "pattern": "(" }""")]
    [InlineData("""{ "pattern": "^(a+)+$" }""")]
    [InlineData("""{ "pattern": "(?:a{0,1000}){0,1000}" }""")]
    [InlineData("""{ "enum": [DIGITS] }""")]
    [InlineData("""{ "$ref": "#" }""")]
    [InlineData("""{ "allOf": [{ "$ref": "#/definitions/a" }], "definitions": { "a": { "anyOf": [{ "$ref": "#/definitions/a" }] } } }""")]
    [InlineData("""{ "$ref": "http://localhost/schema" }""")]
    public void Schemas_ThatAreMonsters_AreRefused_OrDoNoHarm(string schema)
    {
        var json = $$"""{ "name": "wf", "input": {{schema.Replace("DIGITS", new string('9', 30_000), StringComparison.Ordinal)}}, "nodes": { "a": { "task": { "x": "${input}" } } } }""";

        // Either it is refused with its place, or what it says of an input is said within the time that checks have.
        if (WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).TryGet(out var workflow, out var refusal))
        {
            foreach (var input in (string[])[JsonSerializer.Serialize(new string('a', 40) + "!"), "5", "1e400", "[]"])
                SimulateWorkflow.Simulate(workflow, JsonElement.Parse(input), new Scenario(new Dictionary<string, SimulatedOutcome>(), new Dictionary<string, JsonElement>(), new Dictionary<string, bool>()), default).Refusal?.Code.ShouldBe(WorkflowRefusal.WorkflowInputInvalid);
        }
        else
        {
            refusal.Errors.ShouldAllBe(error => error.Pointer.StartsWith("/input"));
        }
    }

    [Fact]
    public void Schemas_AreBoundedInSize() =>
        WorkflowReader.Read(Encoding.UTF8.GetBytes($$"""{ "name": "wf", "input": { "description": "{{new string('x', 33_000)}}" }, "nodes": { "a": { "wait": { "for": "1s" } } } }"""))
            .Refusal!.Errors.Single().Reason.ShouldContain("32,768 bytes");

    [Fact]
    public void NodesOfTenThousand_AreRunToTheEnd_InAnyShape()
    {
        const int count = 10_000;
        foreach (var reads in (Func<int, IEnumerable<int>>[])[number => number == 0 ? [] : [number - 1], number => number == 0 ? [] : number < count - 1 ? [0] : Enumerable.Range(1, count - 2), number => number < 2 ? [] : [number - 2 - (number % 2), number - 1 - (number % 2)]])
        {
            var nodes = string.Join(", ", Enumerable.Range(0, count).Select(number => $$""" "n{{number}}": { "task": { "x": [{{string.Join(", ", reads(number).Select(read => $"\"${{nodes.n{read}.state}}\""))}}] } } """));
            var workflow = WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": { {{nodes}} } }""");
            WorkflowCheck.Find(workflow).ShouldBeEmpty();
            var run = new WorkflowRun(workflow, default, 100_000_000);
            var begun = new Queue<RunCommand.Begin>(run.Begin(default).Cast<RunCommand.Begin>());
            var done = 0;
            for (; begun.TryDequeue(out var begin); done++)
            {
                foreach (var next in run.Apply(new RunEvent.WorkEnded(begin.Path, begin.Attempt, new WorkOutcome.Done(default, default)), default))
                    begun.Enqueue((RunCommand.Begin)next);
            }

            (run.State, done).ShouldBe((RunState.Succeeded, count));
        }
    }

    /// <summary>Does something for at most so many bytes of new memory.</summary>
    private static void Allocates(long bytes, Action act)
    {
        // What is made once for ever is none of it.
        act();
        var before = GC.GetAllocatedBytesForCurrentThread();
        act();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(bytes);
    }
}
