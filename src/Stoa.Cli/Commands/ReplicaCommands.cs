using System.CommandLine;
using System.Text;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa replica</c>: the servers that have models.</summary>
internal static class ReplicaCommands
{
    private const string SampleId = "repl_01h2xcejqtf2nbrexx3vqjhp41";

    public static Command Create(CommandScope scope) => new CommandGroup(
        "replica",
        "The servers that have models, such as llama.cpp, Ollama or vLLM. Administrators only.",
        [
            new("Register a server that runs on this machine", "stoa replica add stoa/tiny-chat@1.0.0 http://127.0.0.1:8080/v1"),
            new("How are they doing?", "stoa replica list"),
        ],
        new AddCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new ChangeCommand(scope),
        new DrainCommand(scope),
        new RemoveCommand(scope));

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa replica list shows it (repl_…).", IdKind.Replica);

    private static async Task<string?> ReadKeyAsync(Invocation invocation, string? path, CancellationToken cancellationToken) =>
        path is null ? null : Encoding.UTF8.GetString((await SmallFile.ReadAsync(invocation, path, "key", cancellationToken)).Span).Trim();

    private static string PriceOf(ModelPriceBody? price) =>
        price is null ? "free" : $"{Format.Money(price.PerMillionInputTokens)} and {Format.Money(price.PerMillionOutputTokens)} for a million tokens read and written";

    private static int Tell(Invocation invocation, ReplicaResponse replica)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(replica, json => json.ReplicaResponse);
            return ExitCode.Ok;
        }

        var figures = replica.Figures;
        invocation.Screen.Facts(
            ("Replica", replica.Id),
            ("Model", Format.Escaped(replica.Model)),
            ("Can", Format.Escaped(string.Join(", ", replica.Capabilities))),
            ("Context", replica.ContextLength is { } length ? Format.Count(length, "token") : null),
            ("Address", replica.Address.Length > 0 ? Format.Escaped(replica.Address) : null),
            ("Called there", Format.Escaped(replica.UpstreamModel)),
            ("Key", replica.HasApiKey ? "kept sealed" : null),
            ("Region", replica.Region is { } region ? Format.Escaped(region) : null),
            ("Weight", Format.Invariant($"{replica.Weight:N0}")),
            ("At once", Format.Count(replica.MaxRequests, "request")),
            ("Publisher takes", replica.Supplier is null ? PriceOf(replica.ListingPrice) : null),
            ("Serving costs", replica.Supplier is null ? PriceOf(replica.ServingPrice) : null),
            ("Runs", replica.Local is { } local ? $"in this node: {local.State}{(local.ProcessId is { } process ? Format.Invariant($", process {process}") : "")}, started {Format.Count(local.Starts, "time")}" : null),
            ("Supplier", replica.Supplier is { } supplier ? $"{supplier.Id}, the node {Format.Escaped(supplier.Node)}" : null),
            ("It takes", replica.Supplier is { } seller ? PriceOf(seller.Price) : null),
            ("Why not", (replica.Local?.Reason ?? replica.Supplier?.Reason) is { } reason ? Format.Escaped(reason) : null),
            ("File", replica.Local is { } file ? Format.Escaped(file.File) : null),
            ("Health", figures?.Health ?? (replica.IsDraining ? "draining" : null)),
            ("Under way", figures is null ? null : $"{Format.Count(figures.OutstandingRequests, "request")} of up to {Format.Count(figures.OutstandingTokens, "token")}"),
            ("Answered", figures is null ? null : Format.Invariant($"{figures.Served:N0}; {figures.Failed:N0} failed, {figures.Corrected:N0} said that more was used than can be")),
            ("Begins in", figures?.FirstTokenMs is { } first ? Format.Invariant($"{first:0.#} ms") : null),
            ("Writes", figures?.TokensPerSecond is { } speed ? Format.Invariant($"{speed:0.#} tokens/s") : null));
        return ExitCode.Ok;
    }

    /// <summary>The options that adding and changing have in common.</summary>
    private sealed class Choices
    {
        public Option<string?> UpstreamModel { get; } = new("--upstream-model") { Description = "What the server calls the model. Default: the only one that it has.", HelpName = "NAME" };

        public Option<string?> KeyFile { get; } = new("--key-file") { Description = "A file with the API key that the server wants; - is standard input. The node keeps it sealed.", HelpName = "FILE" };

        public Option<string?> Region { get; } = new("--region") { Description = "Where it is, such as eu-central.", HelpName = "REGION" };

        public Option<int?> Weight { get; } = new("--weight") { Description = "Its part of the requests beside others, 1 to 1000. Default: 100.", HelpName = "NUMBER", CustomParser = result => Quantity.Whole(result) };

        public Option<int?> MaxRequests { get; } = new("--max-requests") { Description = "So many requests at once are sent there at most. Default: 64.", HelpName = "NUMBER", CustomParser = result => Quantity.Whole(result) };

        public Option<string?> InputPrice { get; } = new("--input-price") { Description = "What is taken for serving it, for a million tokens that it reads, besides what its publisher takes.", HelpName = "USD", CustomParser = Quantity.Dollars };

        public Option<string?> OutputPrice { get; } = new("--output-price") { Description = "And for a million tokens that it writes.", HelpName = "USD", CustomParser = Quantity.Dollars };

        public Option<bool> SkipCheck { get; } = new("--skip-check") { Description = "Register it without asking the server first." };

        public IReadOnlyList<Option> All => [UpstreamModel, KeyFile, Region, Weight, MaxRequests, InputPrice, OutputPrice, SkipCheck];

        public ModelPriceBody? PriceOf(Invocation invocation) => (invocation.Get(InputPrice), invocation.Get(OutputPrice)) switch
        {
            (null, null) => null,
            ({ } input, { } output) => new ModelPriceBody(input, output),
            _ => throw new CommandFailure("A price for serving has two parts: give both --input-price and --output-price.", ExitCode.Usage),
        };
    }

    /// <summary><c>stoa replica add</c>.</summary>
    private sealed class AddCommand : StoaCommand
    {
        private readonly Argument<string> _model = new("MODEL") { Description = "The version that it serves, PUBLISHER/NAME@VERSION." };
        private readonly Argument<string> _address = new("ADDRESS") { Description = "Of the server's OpenAI API with its version, such as http://127.0.0.1:8080/v1." };
        private readonly Choices _choices = new();

        public AddCommand(CommandScope scope)
            : base(
                scope,
                "add",
                "Register a server that has a model.",
                new("llama.cpp on this machine", "stoa replica add stoa/tiny-chat@1.0.0 http://127.0.0.1:8080/v1"),
                new("Ollama, which has several models", "stoa replica add stoa/tiny-chat@1.0.0 http://127.0.0.1:11434/v1 --upstream-model tiny-chat:q4"),
                new("vLLM with a key, for a price", "stoa replica add stoa/tiny-chat@1.0.0 http://10.0.0.7:8000/v1 --key-file vllm.key --input-price 0.05 --output-price 0.2"))
        {
            Add(_model);
            Add(_address);
            foreach (var option in _choices.All)
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(invocation, await invocation.Client.AddReplicaAsync(
            new AddReplicaRequest(
                invocation.Get(_model),
                invocation.Get(_address),
                invocation.Get(_choices.UpstreamModel),
                await ReadKeyAsync(invocation, invocation.Get(_choices.KeyFile), cancellationToken),
                invocation.Get(_choices.Region),
                invocation.Get(_choices.Weight),
                invocation.Get(_choices.MaxRequests),
                _choices.PriceOf(invocation),
                invocation.Get(_choices.SkipCheck) ? true : null),
            cancellationToken));
    }

    /// <summary><c>stoa replica list</c>.</summary>
    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the servers that have models.", new CommandExample("Which do not answer?", "stoa replica list --json | jq '.items[] | select(.figures.health == \"silent\")'")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (replicas, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListReplicasAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<ReplicaResponse>(replicas), json => json.ListResponseReplicaResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Model", "Address", "Region", "Health", "Under way", "Answered", "Failed", "Begins in", "Writes"],
                [.. replicas.Select(replica => (IReadOnlyList<string>)
                [
                    replica.Id, replica.Model, replica.Local is { } local ? $"this node, {local.State}" : replica.Supplier is { } supplier ? $"{supplier.Id}{(supplier.Reason is { } reason ? $": {reason}" : "")}" : replica.Address, replica.Region ?? "", replica.Figures?.Health ?? "",
                    Format.Invariant($"{replica.Figures?.OutstandingRequests}"), Format.Invariant($"{replica.Figures?.Served}"), Format.Invariant($"{replica.Figures?.Failed}"),
                    replica.Figures?.FirstTokenMs is { } first ? Format.Invariant($"{first:0.#} ms") : "",
                    replica.Figures?.TokensPerSecond is { } speed ? Format.Invariant($"{speed:0.#} tokens/s") : "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa replica show</c>.</summary>
    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show a server that has a model, and what was measured of it.", new CommandExample("How fast is it?", $"stoa replica show {SampleId}")) => Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.GetReplicaAsync(invocation.Get(_id), cancellationToken));
    }

    /// <summary><c>stoa replica change</c>.</summary>
    private sealed class ChangeCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string?> _address = new("--url") { Description = "Where its API is now. A key does not go to another server: give it again.", HelpName = "URL" };
        private readonly Option<bool> _noKey = new("--no-key") { Description = "The server wants no key any more." };
        private readonly Choices _choices = new();

        public ChangeCommand(CommandScope scope)
            : base(
                scope,
                "change",
                "Change how a server is registered. What is not named stays.",
                new("Twice the requests", $"stoa replica change {SampleId} --weight 200"),
                new("Serve it for nothing", $"stoa replica change {SampleId} --input-price 0 --output-price 0"))
        {
            Add(_id);
            Add(_address);
            Add(_noKey);
            foreach (var option in _choices.All)
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var key = await ReadKeyAsync(invocation, invocation.Get(_choices.KeyFile), cancellationToken);
            if (invocation.Get(_noKey) && key is not null)
                throw new CommandFailure("--no-key and --key-file exclude each other.", ExitCode.Usage);
            var change = new UpdateReplicaRequest(
                invocation.Get(_address),
                invocation.Get(_choices.UpstreamModel),
                invocation.Get(_noKey) ? "" : key,
                invocation.Get(_choices.Region),
                invocation.Get(_choices.Weight),
                invocation.Get(_choices.MaxRequests),
                _choices.PriceOf(invocation));
            if (change == new UpdateReplicaRequest())
                throw new CommandFailure("Nothing is to be changed: name an option, such as --weight.", ExitCode.Usage);
            return Tell(invocation, await invocation.Client.UpdateReplicaAsync(invocation.Get(_id), change with { SkipCheck = invocation.Get(_choices.SkipCheck) ? true : null }, cancellationToken));
        }
    }

    /// <summary><c>stoa replica drain</c>.</summary>
    private sealed class DrainCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _undo = new("--undo") { Description = "Give it requests again." };

        public DrainCommand(CommandScope scope)
            : base(
                scope,
                "drain",
                "Give a server no more requests; those that it has are answered.",
                new("Before it is restarted", $"stoa replica drain {SampleId}"),
                new("And afterwards", $"stoa replica drain {SampleId} --undo"))
        {
            Add(_id);
            Add(_undo);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.DrainReplicaAsync(invocation.Get(_id), !invocation.Get(_undo), cancellationToken));
    }

    /// <summary><c>stoa replica remove</c>.</summary>
    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public RemoveCommand(CommandScope scope)
            : base(scope, "remove", "Remove a server, and forget its key.", new CommandExample("When it is gone", $"stoa replica remove {SampleId}")) => Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.RemoveReplicaAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} gets no more requests.");
            return ExitCode.Ok;
        }
    }
}
