using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa webhook</c>. They are small and say the same things, so they are together.</summary>
internal static class WebhookCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "webhook",
        "Have events sent to an address of yours.",
        [new("Be told when tasks end", "stoa webhook create https://example.org/stoa")],
        new CreateCommand(scope),
        new ListCommand(scope),
        new TestCommand(scope),
        new DeliveriesCommand(scope),
        new RedeliverCommand(scope),
        new EnableCommand(scope),
        new DeleteCommand(scope));

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa webhook list shows it (hook_…).", IdKind.Webhook);

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Argument<string> _url = new("URL") { Description = "Where events are sent: https://, on the public internet." };
        private readonly Option<string[]?> _types = new("--type", "-t")
        {
            Description = "An event type such as stoa.task.failed or stoa.task.*; may be given several times. Default: the ends of tasks.",
            HelpName = "TYPE",
        };

        private readonly Option<string?> _name = new("--name") { Description = "What you call it.", HelpName = "NAME" };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Register an address. The secret that signs is shown this once.",
                new("When tasks end", "stoa webhook create https://example.org/stoa --name ci"),
                new("Only failures", "stoa webhook create https://example.org/stoa --type stoa.task.failed"))
        {
            Add(_url);
            Add(_types);
            Add(_name);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var types = invocation.Get(_types) is { Length: > 0 } named ? named : null;
            var webhook = await invocation.Client.CreateWebhookAsync(
                new CreateWebhookRequest(invocation.Get(_url), types, invocation.Get(_name)), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(webhook, json => json.WebhookResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Line(webhook.Secret ?? "");
            invocation.Screen.Note($"[grey]{Format.Escaped(webhook.Id)}. Keep the secret now: it is not shown again. Try it with: stoa webhook test {Format.Escaped(webhook.Id)}[/]");
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's webhooks.", new CommandExample("Which are there, and do they work?", "stoa webhook list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (webhooks, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListWebhooksAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<WebhookResponse>(webhooks), json => json.ListResponseWebhookResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Name", "Address", "State", "Events"],
                [.. webhooks.Select(webhook => (IReadOnlyList<string>)
                [
                    webhook.Id,
                    webhook.Name ?? "",
                    webhook.Url,
                    webhook.DisabledReason is { } reason ? $"disabled: {reason}"
                        : webhook.FailingSince is { } since ? "failing since " + Format.Time(since) : webhook.State,
                    string.Join(", ", webhook.Types),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class TestCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public TestCommand(CommandScope scope)
            : base(
                scope,
                "test",
                "Send a test event.",
                new CommandExample("Does the receiver work?", "stoa webhook test hook_01h2xcejqtf2nbrexx3vqjhp41 && stoa webhook deliveries hook_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.TestWebhookAsync(invocation.Get(_id), cancellationToken));
    }

    private sealed class DeliveriesCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string?> _state = new("--state", "-s") { Description = "Only those that are pending, delivered or failed.", HelpName = "STATE" };
        private readonly Option<int> _limit = ListLimit.Option();

        public DeliveriesCommand(CommandScope scope)
            : base(
                scope,
                "deliveries",
                "List what was sent to a webhook, newest first.",
                new CommandExample("What did not arrive?", "stoa webhook deliveries hook_01h2xcejqtf2nbrexx3vqjhp41 --state failed"))
        {
            _state.Accepts("pending", "delivered", "failed");
            Add(_id);
            Add(_state);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (deliveries, hasMore) = await ListLimit.TakeAsync(
                invocation.Client.ListWebhookDeliveriesAsync(invocation.Get(_id), invocation.Get(_state), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<WebhookDeliveryResponse>(deliveries), json => json.ListResponseWebhookDeliveryResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Event", "About", "State", "Attempts", "Status", "What happened"],
                [.. deliveries.Select(delivery => (IReadOnlyList<string>)
                [
                    delivery.Id, delivery.Type, delivery.Subject, delivery.State, Format.Invariant($"{delivery.Attempts}"), Format.Invariant($"{delivery.Status}"),
                    delivery.Error is null ? "" : delivery.DueAt is { } due ? $"{delivery.Error} Next attempt {Format.Time(due)}" : delivery.Error,
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class RedeliverCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Argument<string> _delivery = CommonArguments.Id("DELIVERY", "As stoa webhook deliveries shows it (dlvr_…).", IdKind.Delivery);

        public RedeliverCommand(CommandScope scope)
            : base(
                scope,
                "redeliver",
                "Send a delivery again, under the same id.",
                new CommandExample("After the receiver was mended", "stoa webhook redeliver hook_01h2xcejqtf2nbrexx3vqjhp41 dlvr_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            Add(_id);
            Add(_delivery);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.RedeliverWebhookAsync(invocation.Get(_id), invocation.Get(_delivery), cancellationToken));
    }

    private sealed class EnableCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _off = new("--off") { Description = "Disable it instead: what waits is given up." };

        public EnableCommand(CommandScope scope)
            : base(
                scope,
                "enable",
                "Put a webhook to use again. It is told of what happens from then on.",
                new("After it was disabled", "stoa webhook enable hook_01h2xcejqtf2nbrexx3vqjhp41"),
                new("Send nothing for a while", "stoa webhook enable hook_01h2xcejqtf2nbrexx3vqjhp41 --off"))
        {
            Add(_id);
            Add(_off);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var webhook = await invocation.Client.UpdateWebhookAsync(
                invocation.Get(_id), new UpdateWebhookRequest(Enabled: !invocation.Get(_off)), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(webhook, json => json.WebhookResponse);
            else
                invocation.Screen.Line($"{webhook.Id} is {webhook.State}.");
            return ExitCode.Ok;
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public DeleteCommand(CommandScope scope)
            : base(scope, "delete", "Delete a webhook and its deliveries.", new CommandExample("One that is not used any more", "stoa webhook delete hook_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteWebhookAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is deleted.");
            return ExitCode.Ok;
        }
    }

    private static int Tell(Invocation invocation, WebhookDeliveryResponse delivery)
    {
        if (invocation.IsJson)
            invocation.Screen.Json(delivery, json => json.WebhookDeliveryResponse);
        else
            invocation.Screen.Line(delivery.Id);
        return ExitCode.Ok;
    }
}
