using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa topic</c>.</summary>
internal static class TopicCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "topic",
        "Publish messages to all mailboxes that subscribe.",
        [new("News for whoever wants them", "stoa topic create news --subscribers anyone && stoa topic publish ada/news release.json")],
        new CreateCommand(scope),
        new ListCommand(scope),
        new PublishCommand(scope),
        new SubscribeCommand(scope),
        new UnsubscribeCommand(scope),
        new SubscriptionsCommand(scope),
        new DeleteCommand(scope));

    private static Argument<string> Topic() => MailboxCommands.Address("TOPIC", "topic");

    private static Argument<string> Mailbox() => MailboxCommands.Address("MAILBOX", "mailbox");

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Argument<string> _name = new("NAME") { Description = "2 to 64 characters of a-z 0-9 -, the first a letter." };
        private readonly Option<string?> _senders = new("--senders") { Description = "Who may publish beside yourself: owner (nobody), organisation or anyone. Default: owner.", HelpName = "WHO" };
        private readonly Option<string[]?> _from = new("--from") { Description = "An account that may publish; may be given several times.", HelpName = "HANDLE" };
        private readonly Option<string?> _subscribers = new("--subscribers") { Description = "Whose mailboxes may subscribe beside your own: owner (nobody's), organisation or anyone. Default: owner.", HelpName = "WHO" };
        private readonly Option<string[]?> _to = new("--to") { Description = "An account whose mailboxes may subscribe; may be given several times.", HelpName = "HANDLE" };

        public CreateCommand(CommandScope scope)
            : base(scope, "create", "Make a topic.", new("News for whoever wants them", "stoa topic create news --subscribers anyone"), new("Among friends", "stoa topic create plans --from grace --to grace --to linus"))
        {
            _senders.Accepts("owner", "organisation", "anyone");
            _subscribers.Accepts("owner", "organisation", "anyone");
            Add(_name);
            foreach (var option in new Option[] { _senders, _from, _subscribers, _to })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var from = invocation.Get(_from) is { Length: > 0 } senders ? senders : null;
            var to = invocation.Get(_to) is { Length: > 0 } subscribers ? subscribers : null;
            var topic = await invocation.Client.CreateTopicAsync(
                new CreateTopicRequest(
                    invocation.Get(_name), from is null ? invocation.Get(_senders) : "accounts", from, to is null ? invocation.Get(_subscribers) : "accounts", to),
                cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(topic, json => json.TopicResponse);
            else
                invocation.Screen.Line(topic.Address);
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's topics.", new CommandExample("Which are there, and for how many?", "stoa topic list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (topics, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListTopicsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<TopicResponse>(topics), json => json.ListResponseTopicResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Address", "Senders", "Subscribers", "Subscriptions"],
                [.. topics.Select(topic => (IReadOnlyList<string>)
                [
                    topic.Address,
                    topic.SenderAccounts is { } senders ? string.Join(", ", senders) : topic.Senders,
                    topic.SubscriberAccounts is { } subscribers ? string.Join(", ", subscribers) : topic.Subscribers,
                    Format.Invariant($"{topic.Subscriptions}"),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class PublishCommand : StoaCommand
    {
        private readonly Argument<string> _topic = Topic();
        private readonly MessageInput _input = new();

        public PublishCommand(CommandScope scope)
            : base(scope, "publish", "Send a message to all mailboxes that subscribe.", new CommandExample("Once to each, also when it is repeated", "stoa topic publish ada/news release.json --dedupe-key release-1.1"))
        {
            Add(_topic);
            _input.AddTo(this);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var published = await invocation.Client.PublishMessageAsync(invocation.Get(_topic), await _input.ReadAsync(invocation, cancellationToken), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(published, json => json.PublishedResponse);
            else
                invocation.Screen.Line(Format.Invariant($"{published.Delivered} have got it, {published.Duplicates} had it before, {published.Missed} missed it."));
            return ExitCode.Ok;
        }
    }

    private sealed class SubscribeCommand : StoaCommand
    {
        private readonly Argument<string> _topic = Topic();
        private readonly Argument<string> _mailbox = Mailbox();

        public SubscribeCommand(CommandScope scope)
            : base(scope, "subscribe", "Have what is published sent to a mailbox of yours.", new CommandExample("From now on", "stoa topic subscribe ada/news grace/inbox"))
        {
            Add(_topic);
            Add(_mailbox);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.SubscribeMailboxAsync(invocation.Get(_mailbox), invocation.Get(_topic), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_mailbox)} subscribes to {invocation.Get(_topic)}.");
            return ExitCode.Ok;
        }
    }

    private sealed class UnsubscribeCommand : StoaCommand
    {
        private readonly Argument<string> _topic = Topic();
        private readonly Argument<string> _mailbox = Mailbox();

        public UnsubscribeCommand(CommandScope scope)
            : base(scope, "unsubscribe", "End a subscription.", new CommandExample("No more news", "stoa topic unsubscribe ada/news grace/inbox"))
        {
            Add(_topic);
            Add(_mailbox);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.UnsubscribeMailboxAsync(invocation.Get(_mailbox), invocation.Get(_topic), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_mailbox)} does not subscribe to {invocation.Get(_topic)} any more.");
            return ExitCode.Ok;
        }
    }

    private sealed class SubscriptionsCommand : StoaCommand
    {
        private readonly Argument<string> _address = MailboxCommands.Address("ADDRESS", "topic or mailbox");
        private readonly Option<bool> _ofMailbox = new("--of-mailbox") { Description = "The address is that of a mailbox of yours: what it subscribes to." };

        public SubscriptionsCommand(CommandScope scope)
            : base(
                scope,
                "subscriptions",
                "List who subscribes to a topic of yours, or what a mailbox of yours subscribes to.",
                new("Who gets it, and who has missed some?", "stoa topic subscriptions ada/news"),
                new("Where does it come from?", "stoa topic subscriptions grace/inbox --of-mailbox"))
        {
            Add(_address);
            Add(_ofMailbox);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var address = invocation.Get(_address);
            var subscriptions = invocation.Get(_ofMailbox)
                ? await invocation.Client.ListMailboxSubscriptionsAsync(address, cancellationToken)
                : await invocation.Client.ListTopicSubscriptionsAsync(address, cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(subscriptions, json => json.ListResponseTopicSubscriptionResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Topic", "Mailbox", "Since", "Missed"],
                [.. subscriptions.Items.Select(one => (IReadOnlyList<string>)[one.Topic, one.Mailbox, Format.Time(one.CreatedAt), Format.Invariant($"{one.Missed}")])]);
            return ExitCode.Ok;
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _topic = Topic();

        public DeleteCommand(CommandScope scope)
            : base(scope, "delete", "Delete a topic with its subscriptions.", new CommandExample("One that is not used any more", "stoa topic delete ada/news")) => Add(_topic);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteTopicAsync(invocation.Get(_topic), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_topic)} is deleted.");
            return ExitCode.Ok;
        }
    }
}
