using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa model</c>: the models that a node serves.</summary>
internal static class ModelCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "model",
        "The models that a node serves over OpenAI's API, and serving a file without one.",
        [
            new("Which are there, and what do they cost?", "stoa model list"),
            new("Ask one", "stoa model ask stoa/tiny-chat \"Why is the sky blue?\""),
            new("Serve a file on this machine", "stoa model serve tiny-q4.gguf --port 8080"),
        ],
        new ListCommand(scope),
        new AskCommand(scope),
        new ModelServeCommand(scope));

    /// <summary><c>stoa model list</c>.</summary>
    private sealed class ListCommand(CommandScope scope)
        : StoaCommand(scope, "list", "List the models that are served, and your routes.", new CommandExample("What is there, and for how much?", "stoa model list"))
    {
        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var models = await invocation.Client.ListModelsAsync(cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<ServedModel>(models), json => json.ListResponseServedModel);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Model", "Can", "Context", "Servers", "Served by", "Per million read", "Written"],
                [.. models.Select(model => (IReadOnlyList<string>)
                [
                    model.Id,
                    model.Replicas is null ? $"route of {model.OwnedBy}" : string.Join(", ", model.Capabilities),
                    Format.Invariant($"{model.ContextLength:N0}"),
                    Format.Invariant($"{model.Replicas}"),
                    ServedBy(model),
                    model.PerMillionInputTokens is { } input ? Format.Money(input) : "",
                    model.PerMillionOutputTokens is { } output ? Format.Money(output) : "",
                ])]);
            return ExitCode.Ok;
        }
    }

    private static string ServedBy(ServedModel model) => model switch
    {
        { Replicas: null or 0 } => "",
        { Suppliers: { Count: > 0 } suppliers } => string.Join(", ", suppliers.Count < model.Replicas ? suppliers.Prepend("this cell") : suppliers),
        _ => "this cell",
    };

    /// <summary><c>stoa model ask</c>.</summary>
    private sealed class AskCommand : StoaCommand
    {
        private readonly Argument<string> _model = new("MODEL") { Description = "PUBLISHER/NAME, PUBLISHER/NAME@RANGE, auto, auto:CAPABILITY, or a route." };
        private readonly Argument<string> _prompt = new("PROMPT") { Description = "What it is asked." };
        private readonly Option<bool> _stream = new("--stream") { Description = "Show the answer as it comes." };
        private readonly Option<string?> _instructions = new("--system") { Description = "What it is told before.", HelpName = "TEXT" };
        private readonly Option<int?> _maxTokens = new("--max-tokens") { Description = "The most tokens of the answer. Default: as many as the node allows.", HelpName = "NUMBER", CustomParser = result => Quantity.Whole(result) };
        private readonly Option<string?> _maxPrice = new("--max-price") { Description = "Refuse when the answer could cost more.", HelpName = "USD", CustomParser = Quantity.Dollars };

        public AskCommand(CommandScope scope)
            : base(
                scope,
                "ask",
                "Ask a model one thing, and show what it cost.",
                new("As it comes", "stoa model ask stoa/tiny-chat \"Why is the sky blue?\" --stream"),
                new("The cheapest that can chat", "stoa model ask auto:chat \"A word that rhymes with orange\" --max-tokens 20"),
                new("For at most a hundredth of a cent", "stoa model ask auto:chat \"A word that rhymes with orange\" --max-tokens 20 --max-price 0.0001"))
        {
            Add(_model);
            Add(_prompt);
            Add(_stream);
            Add(_instructions);
            Add(_maxTokens);
            Add(_maxPrice);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var question = new ModelQuestion(invocation.Get(_model), invocation.Get(_prompt), invocation.Get(_instructions), invocation.Get(_maxTokens), invocation.Get(_maxPrice));
            var isShown = invocation.Get(_stream) && !invocation.IsJson;
            var answer = await invocation.Client.AskModelAsync(question, isShown ? new Shown(invocation.Screen) : null, cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(answer, json => json.ModelAnswer);
                return ExitCode.Ok;
            }

            invocation.Screen.Line(isShown ? "" : Format.Clean(answer.Text));
            var cost = answer.Cost is { } amount ? Format.Money(amount) : "an unknown amount";
            var tokens = answer is { InputTokens: { } read, OutputTokens: { } written } ? $" for {Format.Count(read, "token")} read and {Format.Count(written, "token")} written" : "";
            invocation.Screen.Note($"[grey]{Format.Escaped(answer.Model ?? question.Model)} took {cost}{tokens}.[/]");
            return ExitCode.Ok;
        }

        /// <summary>Writes words as they come. Not <see cref="Progress{T}"/>, which tells of them later and in any order.</summary>
        private sealed class Shown(Screen screen) : IProgress<string>
        {
            public void Report(string value) => screen.Text(Format.Clean(value));
        }
    }
}
