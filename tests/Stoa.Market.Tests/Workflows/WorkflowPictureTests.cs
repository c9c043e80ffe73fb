using System.Globalization;
using System.Text;
using Stoa.Market.Workflows;

namespace Stoa.Market.Tests.Workflows;

public sealed class WorkflowPictureTests
{
    [Fact]
    public void Picture_HasNodesWithinNodes_AndWhatReadsWhat()
    {
        var picture = Draw("""
            { "a": { "task": { "agent": "stoa/upper" }, "when": "${input.x}" },
              "b": { "map": { "over": "${nodes.a.output}", "most": 5, "nodes": { "end": { "model": { "model": "stoa/parrot" } } } } },
              "c": { "choose": [{ "when": "${nodes.b.output}", "nodes": { "d": { "approval": { "text": "\"Yes\"?]--><script>" } } } }, { "output": 1 }] },
              "e": { "wait": { "event": "paid" }, "after": ["c"] } }
            """)!;

        var lines = picture.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldBe("flowchart TD");
        lines.ShouldContain("""n_a["a<br/>stoa/upper<br/>if $#123;input.x#125;"]""");
        lines.ShouldContain("""n_end(["end<br/>stoa/parrot"])""");
        lines.ShouldContain("n_a --> n_b");
        lines.ShouldContain("n_b --> n_c");
        lines.ShouldContain("n_c --> n_e");
        lines.Count(line => line.StartsWith("subgraph ", StringComparison.Ordinal)).ShouldBe(4);
        lines.Count(line => line == "end").ShouldBe(4);
        // What is written in a workflow draws nothing of its own.
        picture.ShouldNotContain("<script");
        picture.ShouldNotContain("]--");
    }

    [Fact]
    public void Picture_OfTooManyNodes_IsNone()
    {
        Draw(Many(WorkflowPicture.MaxNodes)).ShouldNotBeNull();
        Draw(Many(WorkflowPicture.MaxNodes + 1)).ShouldBeNull();

        static string Many(int count)
        {
            var nodes = new StringBuilder("{");
            for (var number = 0; number < count; number++)
                nodes.Append(CultureInfo.InvariantCulture, $$"""{{(number == 0 ? "" : ",")}} "n{{number}}": { "wait": { "for": "1s" } }""");
            return nodes.Append('}').ToString();
        }
    }

    private static string? Draw(string nodes) => WorkflowPicture.Draw(WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": {{nodes}} }"""));
}
