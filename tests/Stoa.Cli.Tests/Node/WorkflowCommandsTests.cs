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
}
