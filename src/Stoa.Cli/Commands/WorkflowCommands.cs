using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa workflow</c>.</summary>
internal static class WorkflowCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "workflow",
        "Say what is done in which order: tasks, requests to models, maps, loops and choices, in one document.",
        [new("Everything that is wrong with one, and what it may cost", "stoa workflow validate samples/workflows/press-review.yaml")],
        new ValidateCommand(scope),
        new GraphCommand(scope));

    private static Argument<string> File() => new("FILE") { Description = "The workflow, in YAML (.yaml, .yml) or JSON; - for standard input." };

    private static async Task<WorkflowValidationResponse> ValidateAsync(Invocation invocation, string path, CancellationToken cancellationToken)
    {
        using var document = new MemoryStream();
        await using (var source = path == "-" ? invocation.Surroundings.Input : System.IO.File.OpenRead(invocation.Surroundings.FullPath(path)))
            await source.CopyToAsync(document, cancellationToken);
        // JSON begins with a brace, and YAML that does is JSON as well, or nearly.
        var bytes = document.GetBuffer().AsMemory(0, (int)document.Length);
        var isYaml = Path.GetExtension(path) is ".yaml" or ".yml" || (path == "-" && !bytes.Span.TrimStart(" \t\r\n"u8).StartsWith("{"u8));
        return await invocation.Client.ValidateWorkflowAsync(bytes, isYaml, cancellationToken);
    }

    private sealed class ValidateCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = File();

        public ValidateCommand(CommandScope scope)
            : base(
                scope,
                "validate",
                "Say everything that is wrong with a workflow, and what it may come to. Nothing runs.",
                new("Before it is run", "stoa workflow validate samples/workflows/press-review.yaml"),
                new("What it may cost, for a script", "stoa workflow validate samples/workflows/press-review.yaml --json | jq -r .mostPrice")) =>
            Add(_file);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var found = await ValidateAsync(invocation, invocation.Get(_file), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(found, json => json.WorkflowValidationResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Line(string.Create(CultureInfo.InvariantCulture, $"{found.Name} holds together: {found.Nodes:N0} nodes, at most {found.MostSteps:N0} tasks and requests to models."));
            invocation.Screen.Line(found.MostPrice is { } price
                ? $"It costs at most {price} USD with inputs of up to 1 MiB."
                : "What it costs at most is not known: an agent is chosen while it runs, or a model has no maxPrice. limits.price bounds the whole.");
            return ExitCode.Ok;
        }
    }

    private sealed class GraphCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = File();

        public GraphCommand(CommandScope scope)
            : base(
                scope,
                "graph",
                "Draw a workflow as a flowchart in Mermaid's language, which GitHub and many editors show as a picture.",
                new CommandExample("Into a document", """(echo '```mermaid'; stoa workflow graph samples/workflows/press-review.yaml; echo '```') >> README.md""")) =>
            Add(_file);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var found = await ValidateAsync(invocation, invocation.Get(_file), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(found, json => json.WorkflowValidationResponse);
            else
                invocation.Screen.Text(found.Graph ?? throw new CommandFailure($"A picture of {found.Nodes} nodes is none that anybody can read: at most 500 are drawn."));
            return ExitCode.Ok;
        }
    }
}
