namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class WorkflowCommandsTests(RealNode node) : IDisposable
{
    private const string Yaml = """
        name: pages
        nodes:
          each:
            map:
              over: ${input.pages}
              most: 20
              nodes:
                html: { task: { agent: stoa/markdown-html, input: { text: "${item}" } } }
              output: ${nodes.html.output}
        output: ${nodes.each.output}
        """;

    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Workflow_IsValidatedAndDrawn()
    {
        File.WriteAllText(Path.Combine(_cli.Folder, "pages.yaml"), Yaml);

        (await _cli.RunAsync("workflow validate pages.yaml")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("pages holds together: 2 nodes, at most 20 tasks");
        _cli.Output.ShouldContain("It costs at most ");
        (await _cli.RunAsync("workflow graph pages.yaml")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldStartWith("flowchart TD\n");
        _cli.Output.ShouldContain("stoa/markdown-html");
    }

    [Fact]
    public async Task Faults_AreToldWithTheirPlaces()
    {
        File.WriteAllText(Path.Combine(_cli.Folder, "pages.yaml"), Yaml.Replace("nodes.html.output", "nodes.page.output", StringComparison.Ordinal).Replace("stoa/markdown-html", "stoa/markdown-hmtl", StringComparison.Ordinal));
        (await _cli.RunAsync("workflow validate pages.yaml")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("/nodes/each/map/output");
        _cli.Error.ShouldContain("no node page");

        File.WriteAllText(Path.Combine(_cli.Folder, "pages.yaml"), "name: [");
        (await _cli.RunAsync("workflow validate pages.yaml")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("Line 2, column 1");
    }

    [Fact]
    public async Task Workflow_IsSimulated()
    {
        File.WriteAllText(Path.Combine(_cli.Folder, "pages.yaml"), Yaml.Replace("input: { text: \"${item}\" } }", "input: { text: \"${item}\" } }, retry: { attempts: 2, delay: 1m }", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(_cli.Folder, "outcomes.json"), """{ "html": { "output": "<p>" }, "each[1].html": { "output": "<h1>", "failure": "timedOut", "failures": 1 } }""");

        (await _cli.RunAsync(["workflow", "simulate", "pages.yaml", "--input", """{ "pages": ["one", "two"] }""", "--outcomes", "outcomes.json"])).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldContain("each[1].html");
        _cli.Output.ShouldContain("It succeeded after 0:01:00");
        _cli.Output.ShouldContain("""["<p>","<h1>"]""");
        (await _cli.RunAsync(["workflow", "simulate", "pages.yaml", "--input", """{ "pages": 5 }"""])).ShouldBe(ExitCode.Refused);
        _cli.Output.ShouldContain("expressionFailed");
        (await _cli.RunAsync(["workflow", "simulate", "pages.yaml", "--input", "no JSON"])).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("--input is not the JSON");
    }

    [Fact]
    public async Task Workflows_ThatAreUsed_AreTakenFromFiles()
    {
        File.WriteAllText(Path.Combine(_cli.Folder, "pages.yaml"), Yaml);
        File.WriteAllText(Path.Combine(_cli.Folder, "all.json"), """{ "name": "all", "nodes": { "first": { "workflow": { "name": "pages@3", "input": { "pages": ["one"] } } } }, "output": "${nodes.first.output}" }""");
        File.WriteAllText(Path.Combine(_cli.Folder, "outcomes.json"), """{ "html": { "output": "<p>" } }""");

        (await _cli.RunAsync("workflow validate all.json --with pages@3=pages.yaml")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("all holds together: 3 nodes, at most 20 tasks");
        (await _cli.RunAsync("workflow graph all.json --with pages@3=pages.yaml")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("n_first__html");
        (await _cli.RunAsync("workflow simulate all.json --with pages@3=pages.yaml --outcomes outcomes.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("""["<p>"]""");

        (await _cli.RunAsync("workflow validate all.json")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("pages@3 is not: bring it along under workflows");
        (await _cli.RunAsync("workflow validate all.json --with pages.yaml")).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("--with is written as NAME=FILE");
    }
}
