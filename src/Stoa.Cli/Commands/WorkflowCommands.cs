using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa workflow</c>.</summary>
internal static class WorkflowCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "workflow",
        "Say what is done in which order: tasks, requests to models, maps, loops and choices, in one document.",
        [
            new("Everything that is wrong with one, and what it may cost", "stoa workflow validate samples/workflows/press-review.yaml"),
            new("Run it, and follow it", """stoa workflow run samples/workflows/press-review.yaml --input pages.json --watch"""),
        ],
        [
            new ValidateCommand(scope),
            new SimulateCommand(scope),
            .. WorkflowKeepCommands.Create(scope),
            .. WorkflowRunCommands.Create(scope),
            new GraphCommand(scope),
        ]);

    internal static Argument<string> File() => new("FILE") { Description = "The workflow, in YAML (.yaml, .yml) or JSON; - for standard input." };

    internal static Option<string[]?> With() => new("--with") { Description = "A workflow that it uses, by what it is called there (NAME, NAME@VERSION or its digest); may be given several times.", HelpName = "NAME=FILE" };

    private static async Task<WorkflowValidationResponse> ValidateAsync(Invocation invocation, string path, string[]? with, CancellationToken cancellationToken)
    {
        var bytes = await ReadAsync(invocation, path, cancellationToken);
        if (with is not { Length: > 0 })
            return await invocation.Client.ValidateWorkflowAsync(bytes, IsYaml(path, bytes), cancellationToken);
        return await invocation.Client.ValidateWorkflowAsync(new ValidateWorkflowRequest(ToMember(path, bytes), await ReadWithAsync(invocation, with, cancellationToken)), cancellationToken);
    }

    internal static async Task<IReadOnlyDictionary<string, JsonElement>> ReadWithAsync(Invocation invocation, string[]? with, CancellationToken cancellationToken)
    {
        var documents = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var word in with ?? [])
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == word.Length - 1)
                throw new CommandFailure($"--with is written as NAME=FILE; '{word}' is not.");
            var path = word[(equals + 1)..];
            if (!documents.TryAdd(word[..equals], ToMember(path, await ReadAsync(invocation, path, cancellationToken))))
                throw new CommandFailure($"--with names {word[..equals]} twice.");
        }

        return documents;
    }

    /// <summary>A document as a member of a request: JSON as it is, YAML as a text.</summary>
    private static JsonElement ToMember(string path, ReadOnlyMemory<byte> document) => IsYaml(path, document)
        ? JsonSerializer.SerializeToElement(Encoding.UTF8.GetString(document.Span), StoaJson.Default.String)
        : FromJson(Encoding.UTF8.GetString(document.Span), path, StoaJson.Default.JsonElement);

    internal static async Task<ReadOnlyMemory<byte>> ReadAsync(Invocation invocation, string path, CancellationToken cancellationToken)
    {
        using var document = new MemoryStream();
        await using (var source = path == "-" ? invocation.Surroundings.Input : System.IO.File.OpenRead(invocation.Surroundings.FullPath(path)))
            await source.CopyToAsync(document, cancellationToken);
        return document.GetBuffer().AsMemory(0, (int)document.Length);
    }

    // JSON begins with a brace, and YAML that does is JSON as well, or nearly.
    internal static bool IsYaml(string path, ReadOnlyMemory<byte> document) =>
        Path.GetExtension(path) is ".yaml" or ".yml" || (path == "-" && !document.Span.TrimStart(" \t\r\n"u8).StartsWith("{"u8));

    /// <summary>A document as a member of a request: a JSON object, or a text in YAML.</summary>
    internal static async Task<JsonElement> DocumentAsync(Invocation invocation, string path, CancellationToken cancellationToken) =>
        ToMember(path, await ReadAsync(invocation, path, cancellationToken));

    /// <summary>A value that is given as JSON, or as a file that holds it; null when none is given.</summary>
    internal static async Task<JsonElement?> ValueAsync(Invocation invocation, string? given, string where, CancellationToken cancellationToken) =>
        given is null ? null : FromJson(await TextOfAsync(invocation, given, cancellationToken), where, StoaJson.Default.JsonElement);

    /// <summary>What a file holds; anything that is none is the text itself.</summary>
    private static async Task<string> TextOfAsync(Invocation invocation, string given, CancellationToken cancellationToken) =>
        System.IO.File.Exists(invocation.Surroundings.FullPath(given)) ? await System.IO.File.ReadAllTextAsync(invocation.Surroundings.FullPath(given), cancellationToken) : given;

    private static T FromJson<T>(string text, string where, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(text, type) ?? throw new JsonException("It is null.");
        }
        catch (JsonException fault)
        {
            throw new CommandFailure($"{where} is not the JSON that is expected: {fault.Message}");
        }
    }

    private sealed class ValidateCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = File();
        private readonly Option<string[]?> _with = With();

        public ValidateCommand(CommandScope scope)
            : base(
                scope,
                "validate",
                "Say everything that is wrong with a workflow, and what it may come to. Nothing runs.",
                new("Before it is run", "stoa workflow validate samples/workflows/press-review.yaml"),
                new("What it may cost, for a script", "stoa workflow validate samples/workflows/press-review.yaml --json | jq -r .mostPrice"),
                new("One that uses another", "stoa workflow validate samples/workflows/press-reviews.yaml --with press-review=samples/workflows/press-review.yaml"))
        {
            Add(_file);
            Add(_with);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var found = await ValidateAsync(invocation, invocation.Get(_file), invocation.Get(_with), cancellationToken);
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

    private sealed class SimulateCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = File();
        private readonly Option<string[]?> _with = With();
        private readonly Option<string?> _input = new("--input", "-i") { Description = "What the run is given: JSON, or a file that holds it; {} when left out.", HelpName = "JSON|FILE" };
        private readonly Option<string?> _outcomes = new("--outcomes") { Description = "A file of what tasks and models come to, by path or name of the node: { \"short\": { \"output\": \"Tea.\" }, \"each[1].short\": { \"failure\": \"timedOut\", \"failures\": 2 } }.", HelpName = "FILE" };
        private readonly Option<string[]?> _events = new("--event") { Description = "An event that comes, with what comes with it as JSON; may be given several times.", HelpName = "NAME=JSON" };
        private readonly Option<string[]?> _no = new("--no") { Description = "The path of an approval that is answered with no; may be given several times.", HelpName = "PATH" };

        public SimulateCommand(CommandScope scope)
            : base(
                scope,
                "simulate",
                "Run a workflow without doing anything: tasks come to what is said of them, waits are over at once, and nothing is paid.",
                new("Which steps there would be, and what each would be given", """stoa workflow simulate samples/workflows/press-review.yaml --input pages.json"""),
                new("With what tasks come to", """stoa workflow simulate samples/workflows/press-review.yaml --input pages.json --outcomes outcomes.json --json | jq .output"""))
        {
            Add(_file);
            Add(_with);
            Add(_input);
            Add(_outcomes);
            Add(_events);
            Add(_no);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var outcomes = invocation.Get(_outcomes) is { } path
                ? FromJson(await System.IO.File.ReadAllTextAsync(invocation.Surroundings.FullPath(path), cancellationToken), path, StoaJson.Default.IReadOnlyDictionaryStringSimulatedOutcomeBody)
                : null;
            var events = (invocation.Get(_events) ?? []).Select(word => word.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals
                ? (Name: word[..equals], Value: FromJson(word[(equals + 1)..], "--event", StoaJson.Default.JsonElement))
                : throw new CommandFailure($"--event is written as NAME=JSON; '{word}' is not.")).ToDictionary(one => one.Name, one => one.Value);
            var run = await invocation.Client.SimulateWorkflowAsync(
                new SimulateWorkflowRequest(
                    await DocumentAsync(invocation, invocation.Get(_file), cancellationToken),
                    await ValueAsync(invocation, invocation.Get(_input), "--input", cancellationToken),
                    outcomes,
                    events,
                    (invocation.Get(_no) ?? []).Distinct().ToDictionary(no => no, _ => false),
                    await ReadWithAsync(invocation, invocation.Get(_with), cancellationToken)),
                cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(run, json => json.WorkflowSimulationResponse);
            }
            else
            {
                invocation.Screen.Table(
                    ["Step", "State", "Attempts", "Given"],
                    [.. run.Steps.Select(step => (IReadOnlyList<string>)[step.Path, step.State, step.Attempts.ToString(CultureInfo.InvariantCulture), step.Error?.Detail ?? step.Given?.GetRawText() ?? ""])]);
                invocation.Screen.Line($"It {(run.State == "running" ? "waits" : run.State)} after {TimeSpan.FromMilliseconds(run.TookMs):g}.{(run.Error is { } error ? $" {error.Path} {error.Code}: {error.Detail}" : "")}");
                if (run.Output is { } output)
                    invocation.Screen.Line(output.GetRawText());
            }

            return run.State == "succeeded" ? ExitCode.Ok : ExitCode.Refused;
        }
    }

    private sealed class GraphCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string?> _file = new("FILE") { Description = "The workflow, in YAML (.yaml, .yml) or JSON; - for standard input.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<string[]?> _with = With();
        private readonly Option<string?> _run = new("--run") { Description = "Draw this run in place of a file, each node in the colour of its state.", HelpName = "RUN" };

        public GraphCommand(CommandScope scope)
            : base(
                scope,
                "graph",
                "Draw a workflow, or a run of one, as a flowchart in Mermaid's language, which GitHub and many editors show as a picture.",
                new("Into a document", """(echo '```mermaid'; stoa workflow graph samples/workflows/press-review.yaml; echo '```') >> README.md"""),
                new("How far a run is", "stoa workflow graph --run run_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            Add(_file);
            Add(_with);
            Add(_run);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (file, run) = (invocation.Get(_file), invocation.Get(_run));
            if ((file is null) == (run is null))
                throw new CommandFailure("Either a FILE or --run RUN is expected.");
            if (run is not null)
            {
                var graph = await invocation.Client.DrawWorkflowRunAsync(run, cancellationToken);
                if (invocation.IsJson)
                    invocation.Screen.Json(new WorkflowGraphResponse(graph), json => json.WorkflowGraphResponse);
                else
                    invocation.Screen.Text(graph ?? throw new CommandFailure("A picture of more than 500 nodes is none that anybody can read."));
                return ExitCode.Ok;
            }

            var found = await ValidateAsync(invocation, file!, invocation.Get(_with), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(found, json => json.WorkflowValidationResponse);
            else
                invocation.Screen.Text(found.Graph ?? throw new CommandFailure($"A picture of {found.Nodes} nodes is none that anybody can read: at most 500 are drawn."));
            return ExitCode.Ok;
        }
    }
}
