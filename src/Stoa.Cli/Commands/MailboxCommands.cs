using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa mailbox</c>. They are small and say the same things, so they are together.</summary>
internal static class MailboxCommands
{
    private const string Sample = "msg_01h2xcejqtf2nbrexx3vqjhp41";

    public static CommandGroup Create(CommandScope scope) => new(
        "mailbox",
        "Send messages to accounts, and receive them.",
        [new("A message from one program to another", "stoa mailbox create jobs --senders anyone && stoa mailbox send ada/jobs --text 'order 17' && stoa mailbox receive ada/jobs --wait 20s")],
        new CreateCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new SendCommand(scope),
        new ReceiveCommand(scope),
        new AcknowledgeCommand(scope),
        new ExtendCommand(scope),
        new ReturnCommand(scope),
        new DeadCommand(scope),
        new RedriveCommand(scope),
        new DeleteCommand(scope));

    /// <summary>The address of a mailbox or topic, which is looked at here: the node would only say that there is none such.</summary>
    public static Argument<string> Address(string name, string what)
    {
        var address = new Argument<string>(name) { Description = "Its address, OWNER/NAME." };
        address.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && token.Value.Split('/') is not [{ Length: > 0 }, { Length: > 0 }])
                result.AddError($"'{token.Value}' is not the address of a {what}: it is written as OWNER/NAME, such as ada/jobs.");
        });
        return address;
    }

    private static Argument<string> Mailbox() => Address("MAILBOX", "mailbox");

    private static Argument<string> Message() => CommonArguments.Id("MESSAGE", "As stoa mailbox receive shows it (msg_…).", IdKind.Message);

    private static Argument<string> Token() => new("TOKEN") { Description = "That came with the delivery." };

    /// <summary>Whole seconds, rather too many than too few.</summary>
    public static int? Seconds(long? milliseconds) => milliseconds is { } time ? (int)Math.Min((time + 999) / 1_000, int.MaxValue) : null;

    private static IReadOnlyList<string> Row(MessageResponse message) =>
    [
        message.Id,
        message.Token ?? "",
        message.From,
        Format.Invariant($"{message.Deliveries}"),
        message.DeadAt is { } dead ? Format.Time(dead) : message.HeldUntil is { } held ? Format.Time(held) : "",
        message.Body is { } body ? body.GetRawText() : $"{message.ContentType}, base64: {message.Base64}",
    ];

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Argument<string> _name = new("NAME") { Description = "2 to 64 characters of a-z 0-9 -, the first a letter." };
        private readonly Option<string?> _senders = new("--senders") { Description = "Who may send to it beside yourself: owner (nobody), organisation or anyone. Default: owner.", HelpName = "WHO" };
        private readonly Option<string[]?> _accounts = new("--from") { Description = "An account that may send to it; may be given several times.", HelpName = "HANDLE" };
        private readonly Option<long?> _visibility = new("--visibility") { Description = "How long a delivery is held for its receiver. Default: 30s.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
        private readonly Option<int?> _deliveries = new("--deliveries") { Description = "Deliveries after which a message is a dead letter. Default: 5.", HelpName = "COUNT" };
        private readonly Option<long?> _keep = new("--keep") { Description = "How long messages are kept. Default: 4d.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Make a mailbox.",
                new("One that others may send to", "stoa mailbox create results --from grace --from linus"),
                new("For work that takes its time", "stoa mailbox create jobs --senders anyone --visibility 10min --deliveries 3"))
        {
            _senders.Accepts("owner", "organisation", "anyone");
            foreach (var option in new Option[] { _senders, _accounts, _visibility, _deliveries, _keep })
                Add(option);
            Add(_name);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var accounts = invocation.Get(_accounts) is { Length: > 0 } named ? named : null;
            var mailbox = await invocation.Client.CreateMailboxAsync(
                new CreateMailboxRequest(
                    invocation.Get(_name),
                    accounts is null ? invocation.Get(_senders) : "accounts",
                    accounts,
                    Seconds(invocation.Get(_visibility)),
                    invocation.Get(_deliveries),
                    Seconds(invocation.Get(_keep))),
                cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(mailbox, json => json.MailboxResponse);
            else
                invocation.Screen.Line(mailbox.Address);
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's mailboxes.", new CommandExample("Which are there, and how full are they?", "stoa mailbox list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (mailboxes, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListMailboxesAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<MailboxResponse>(mailboxes), json => json.ListResponseMailboxResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Address", "Senders", "Messages", "Dead letters", "Size"],
                [.. mailboxes.Select(mailbox => (IReadOnlyList<string>)
                [
                    mailbox.Address,
                    mailbox.Accounts is { } accounts ? string.Join(", ", accounts) : mailbox.Senders,
                    Format.Invariant($"{mailbox.Messages}"),
                    Format.Invariant($"{mailbox.DeadLetters}"),
                    Format.Size(mailbox.Bytes),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show a mailbox.", new CommandExample("How full is it?", "stoa mailbox show ada/jobs")) => Add(_mailbox);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var mailbox = await invocation.Client.GetMailboxAsync(invocation.Get(_mailbox), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(mailbox, json => json.MailboxResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["", ""],
                [
                    ["Address", mailbox.Address],
                    ["Senders", mailbox.Accounts is { } accounts ? string.Join(", ", accounts) : mailbox.Senders],
                    ["Held for", Format.Invariant($"{mailbox.VisibilitySeconds} s")],
                    ["Deliveries", Format.Invariant($"at most {mailbox.MaxDeliveries}")],
                    ["Kept for", Format.Invariant($"{mailbox.RetentionSeconds} s")],
                    ["Messages", Format.Invariant($"{mailbox.Messages}")],
                    ["Dead letters", Format.Invariant($"{mailbox.DeadLetters}")],
                    ["Size", Format.Size(mailbox.Bytes)],
                    ["Made", Format.Time(mailbox.CreatedAt)],
                ]);
            return ExitCode.Ok;
        }
    }

    private sealed class SendCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly MessageInput _input = new();

        public SendCommand(CommandScope scope)
            : base(
                scope,
                "send",
                "Send a message.",
                new("Once, also when it is repeated", "stoa mailbox send ada/jobs order.json --dedupe-key order-17"),
                new("A request that wants a reply", "stoa mailbox send ada/jobs question.json --reply-to grace/answers --correlation q1"))
        {
            Add(_mailbox);
            _input.AddTo(this);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var sent = await invocation.Client.SendMessageAsync(invocation.Get(_mailbox), await _input.ReadAsync(invocation, cancellationToken), cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(sent, json => json.SentMessageResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Line(sent.Id);
            if (sent.Duplicate)
                invocation.Screen.Note("[grey]It was sent before with this key: nothing was sent now.[/]");
            return ExitCode.Ok;
        }
    }

    private sealed class ReceiveCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly Option<int?> _max = new("--max") { Description = "At most so many, 1 to 50. Default: 1.", HelpName = "COUNT" };
        private readonly Option<long?> _wait = new("--wait") { Description = "How long to wait for the first, at most a minute.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
        private readonly Option<long?> _visibility = new("--visibility") { Description = "How long they are held. Default: as the mailbox says.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
        private readonly Option<bool> _acknowledge = new("--ack") { Description = "Acknowledge them once they are shown." };

        public ReceiveCommand(CommandScope scope)
            : base(
                scope,
                "receive",
                "Receive messages. Each is handed out again unless it is acknowledged in time.",
                new("The next one, as soon as there is one", "stoa mailbox receive ada/jobs --wait 20s"),
                new("For a script", "stoa mailbox receive ada/jobs --max 10 --visibility 5min --json"))
        {
            Add(_mailbox);
            foreach (var option in new Option[] { _max, _wait, _visibility, _acknowledge })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var mailbox = invocation.Get(_mailbox);
            var received = await invocation.Client.ReceiveMessagesAsync(
                mailbox,
                invocation.Get(_max) ?? 1,
                invocation.Get(_wait) is { } wait ? TimeSpan.FromMilliseconds(wait) : null,
                Seconds(invocation.Get(_visibility)),
                cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(received, json => json.ReceivedResponse);
            else
                invocation.Screen.Table(["Message", "Token", "From", "Delivery", "Held until", "Body"], [.. received.Messages.Select(Row)]);
            if (!invocation.Get(_acknowledge) || received.Messages.Count == 0)
                return ExitCode.Ok;
            var done = await invocation.Client.AcknowledgeMessagesAsync(
                mailbox, [.. received.Messages.Select(message => new DeliveryMarkBody(message.Id, message.Token!))], cancellationToken);
            return done.Refused is [var refused, ..] ? throw new CommandFailure(refused.Detail, ExitCode.Refused) : ExitCode.Ok;
        }
    }

    private sealed class AcknowledgeCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly Argument<string> _message = Message();
        private readonly Argument<string> _token = Token();

        public AcknowledgeCommand(CommandScope scope)
            : base(scope, "ack", "Acknowledge a message: it is dealt with, and gone.", new CommandExample("When the work is done", $"stoa mailbox ack ada/jobs {Sample} 2f6c1d9e8b7a4c35"))
        {
            Add(_mailbox);
            Add(_message);
            Add(_token);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.AcknowledgeMessageAsync(invocation.Get(_mailbox), invocation.Get(_message), invocation.Get(_token), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_message)} is acknowledged.");
            return ExitCode.Ok;
        }
    }

    private sealed class ExtendCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly Argument<string> _message = Message();
        private readonly Argument<string> _token = Token();
        private readonly Option<long?> _by = new("--visibility") { Description = "How long from now on. Default: as the mailbox says.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };

        public ExtendCommand(CommandScope scope)
            : base(scope, "extend", "Hold a delivery for longer.", new CommandExample("The work takes longer", $"stoa mailbox extend ada/jobs {Sample} 2f6c1d9e8b7a4c35 --visibility 5min"))
        {
            Add(_mailbox);
            Add(_message);
            Add(_token);
            Add(_by);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var extended = await invocation.Client.ExtendDeliveryAsync(
                invocation.Get(_mailbox), invocation.Get(_message), new ExtendDeliveryRequest(invocation.Get(_token), Seconds(invocation.Get(_by))), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(extended, json => json.ExtendedResponse);
            else
                invocation.Screen.Line($"{invocation.Get(_message)} is held until {Format.Time(extended.HeldUntil)}.");
            return ExitCode.Ok;
        }
    }

    private sealed class ReturnCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly Argument<string> _message = Message();
        private readonly Argument<string> _token = Token();
        private readonly Option<long?> _delay = new("--delay") { Description = "How long nothing of the same sender is handed out. Default: 0s.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };

        public ReturnCommand(CommandScope scope)
            : base(scope, "return", "Give a delivery back: it is handed out again.", new CommandExample("Try again in a minute", $"stoa mailbox return ada/jobs {Sample} 2f6c1d9e8b7a4c35 --delay 1min"))
        {
            Add(_mailbox);
            Add(_message);
            Add(_token);
            Add(_delay);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var returned = await invocation.Client.ReturnDeliveryAsync(
                invocation.Get(_mailbox), invocation.Get(_message), new ReturnDeliveryRequest(invocation.Get(_token), Seconds(invocation.Get(_delay))), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(returned, json => json.ReturnedResponse);
            else
                invocation.Screen.Line($"{invocation.Get(_message)} {(returned.Dead ? "is a dead letter." : "waits again.")}");
            return ExitCode.Ok;
        }
    }

    private sealed class DeadCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly Option<int> _limit = ListLimit.Option();

        public DeadCommand(CommandScope scope)
            : base(scope, "dead", "List dead letters: what was handed out too often without being acknowledged.", new CommandExample("What went wrong?", "stoa mailbox dead ada/jobs"))
        {
            Add(_mailbox);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (letters, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListDeadLettersAsync(invocation.Get(_mailbox), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<MessageResponse>(letters), json => json.ListResponseMessageResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(["Message", "From", "Deliveries", "Since", "Body"], [.. letters.Select(letter => (IReadOnlyList<string>)[.. Row(letter).Where((_, column) => column != 1)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class RedriveCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();
        private readonly Option<string[]?> _messages = new("--message") { Description = "Only this one; may be given several times. Default: all, at most 1,000.", HelpName = "MESSAGE" };

        public RedriveCommand(CommandScope scope)
            : base(scope, "redrive", "Let dead letters wait again, as if they had just been sent.", new CommandExample("After the receiver was mended", "stoa mailbox redrive ada/jobs"))
        {
            Add(_mailbox);
            Add(_messages);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var messages = invocation.Get(_messages) is { Length: > 0 } named ? named : null;
            var redriven = await invocation.Client.RedriveAsync(invocation.Get(_mailbox), new RedriveRequest(messages), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(redriven, json => json.RedrivenResponse);
            else
                invocation.Screen.Line(Format.Invariant($"{redriven.Redriven} wait again."));
            return ExitCode.Ok;
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _mailbox = Mailbox();

        public DeleteCommand(CommandScope scope)
            : base(scope, "delete", "Delete a mailbox with all that is in it.", new CommandExample("One that is not used any more", "stoa mailbox delete ada/jobs")) => Add(_mailbox);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteMailboxAsync(invocation.Get(_mailbox), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_mailbox)} is deleted.");
            return ExitCode.Ok;
        }
    }
}
