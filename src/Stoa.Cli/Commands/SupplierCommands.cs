using System.CommandLine;
using Stoa.Cli.Channels;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa supplier</c>: other operators' nodes that run tasks for this one, and answer with their models.</summary>
internal static class SupplierCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "supplier",
        "Other operators' nodes that run tasks of agents that were not published here, and answer with their models. Administrators only.",
        [
            new("Give tasks to a node, paid out of a channel that was opened there", "stoa supplier add https://node.example.org --channel chan_01h2xcejqtf2nbrexx3vqjhp41 --key-file supplier.pem"),
            new("What have they done, and what is left there?", "stoa supplier list"),
        ],
        new AddCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new RemoveCommand(scope));

    private static void Tell(Invocation invocation, SupplierResponse supplier)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(supplier, json => json.SupplierResponse);
            return;
        }

        invocation.Screen.Facts(
            ("Supplier", supplier.Id),
            ("Node", Format.Escaped(supplier.Node)),
            ("Address", Format.Escaped(supplier.Address)),
            ("Channel", Format.Escaped(supplier.ChannelId)),
            ("Signed", $"{Format.Money(supplier.Signed)}, of which {Format.Money(supplier.Spent)} charged, {Format.Money(supplier.Reserved)} for calls under way"),
            ("Credit left", Format.Money(supplier.Credit)),
            ("Calls", $"{supplier.Successes} done, {supplier.Failures} failed, {supplier.Declines} in which the agent failed, {supplier.Lies} lies"),
            ("Done again elsewhere", supplier.Checks + supplier.Disagreements == 0 ? null : $"{supplier.Checks} by spot checks; {supplier.Disagreements} answers that another contradicts, undecided"),
            ("Region", supplier.Region is { } region ? Format.Escaped(region) : null),
            ("Reliability", Format.Invariant($"{supplier.Reliability:0.###}")),
            ("Answers in", supplier.LatencyMs is { } latency ? Format.Invariant($"{latency:0.#} ms") : null),
            ("Books differ", supplier.Beyond is { } beyond ? $"it says that it needs {Format.Money(beyond)} more than this node's books have" : null),
            ("Not known", supplier.Doubtful is { } doubtful ? $"{Format.Money(doubtful)} may be charged for requests that were given up" : null),
            ("Models", supplier.Models is { } models ? Format.Invariant($"{models.Items.Count} of {models.Listed} that it sells are in the network's catalogue") : null),
            ("Held back", supplier.Models?.Reason is { } reason ? Format.Escaped(reason) : null),
            ("Last failure", supplier.LastFailure is { } why ? $"{Format.Escaped(why)} ({ListLimit.When(invocation, supplier.LastFailedAt!.Value)})" : null));
        if (supplier.Models is not { Items.Count: > 0 } sold)
            return;
        invocation.Screen.Table(
            ["Model", "Called there", "Region", "Per million read", "Written", "Writes"],
            [.. sold.Items.Select(model => (IReadOnlyList<string>)[
                model.Model, model.NameThere, model.Region ?? "", Format.Money(model.Price.PerMillionInputTokens), Format.Money(model.Price.PerMillionOutputTokens),
                model.TokensPerSecond is { } speed ? Format.Invariant($"{speed:0.#} tokens/s") : ""])]);
    }

    /// <summary><c>stoa supplier add</c>.</summary>
    private sealed class AddCommand : StoaCommand
    {
        private readonly Argument<string> _address = new("ADDRESS") { Description = "Where the other node's API answers, such as https://node.example.org." };
        private readonly Option<string> _channel = new("--channel") { Description = "The payment channel that you have opened there, to the account that sells calls.", HelpName = "CHANNEL", Required = true };
        private readonly Option<string> _key = new("--key-file") { Description = "The private key of the channel's payer, a PEM file. From now on the node signs with it, and nobody else may.", HelpName = "FILE", Required = true };
        private readonly Option<string?> _signed = new("--signed") { Description = "The highest voucher that was signed with it before. Default: what stoa channel keeps of it on this machine, else nothing.", HelpName = "USD", CustomParser = Quantity.Dollars };

        public AddCommand(CommandScope scope)
            : base(
                scope,
                "add",
                "Give tasks to another operator's node.",
                new CommandExample("Paid out of a channel", "stoa supplier add https://node.example.org --channel chan_01h2xcejqtf2nbrexx3vqjhp41 --key-file supplier.pem"))
        {
            Add(_address);
            foreach (var option in new Option[] { _channel, _key, _signed })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var channel = invocation.Get(_channel)!;
            using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_key));
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, channel, cancellationToken);
            var signed = invocation.Get(_signed) ?? file.Kept?.Highest.ToString();
            Tell(invocation, await invocation.Client.AddSupplierAsync(new AddSupplierRequest(invocation.Get(_address)!, channel, key.ToPem(), signed), cancellationToken));
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa supplier list</c>.</summary>
    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the nodes that tasks are given to.", new CommandExample("Who lies?", "stoa supplier list --json | jq '.items[] | select(.lies > 0)'")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (suppliers, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListSuppliersAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<SupplierResponse>(suppliers), json => json.ListResponseSupplierResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Address", "Region", "Answers in", "Done", "Failed", "Lies", "Charged", "Credit left"],
                [.. suppliers.Select(supplier => (IReadOnlyList<string>)[
                    supplier.Id, supplier.Address, supplier.Region ?? "", supplier.LatencyMs is { } latency ? Format.Invariant($"{latency:0.#} ms") : "", Format.Invariant($"{supplier.Successes}"), Format.Invariant($"{supplier.Failures}"), Format.Invariant($"{supplier.Lies}"),
                    Format.Money(supplier.Spent), Format.Money(supplier.Credit)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa supplier show</c>.</summary>
    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa supplier list shows it (supp_…).", IdKind.Supplier);

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show what a supplier has done, which models it sells, and what is left there.", new CommandExample("What is left there?", "stoa supplier show supp_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            Tell(invocation, await invocation.Client.GetSupplierAsync(invocation.Get(_id), cancellationToken));
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa supplier remove</c>.</summary>
    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa supplier list shows it (supp_…).", IdKind.Supplier);

        public RemoveCommand(CommandScope scope)
            : base(scope, "remove", "Give a node no more tasks. The channel stays open: close it at the other node.", new CommandExample("After it has lied", "stoa supplier remove supp_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.RemoveSupplierAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} gets no more tasks.");
            return ExitCode.Ok;
        }
    }
}
