using System.CommandLine;
using Stoa.Cli.Channels;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa channel</c> that speak with the node. Those that make and check vouchers are in <see cref="ChannelVoucherCommands"/>.</summary>
internal static class ChannelCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "channel",
        "Pay somebody, or be paid, by many small vouchers out of one deposit.",
        [
            new("Pay five dollars, a little at a time", "stoa channel open stoa 5 --payee-key MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
            new("Be paid: tell the payer your key", "stoa channel key"),
        ],
        new KeyCommand(scope),
        new OpenCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new ChannelVoucherCommands.PayCommand(scope),
        new ChannelVoucherCommands.VerifyCommand(scope),
        new SettleCommand(scope),
        new TopUpCommand(scope),
        new CloseCommand(scope),
        new ChallengeCommand(scope));

    public static Argument<string> Id() => new("CHANNEL") { Description = "Id of the channel (chan_…)." };

    public static Option<string?> KeyFile() => new("--key-file") { Description = "PEM file with your private key for channels. Default: key.pem among what is kept of channels, made at its first use.", HelpName = "FILE" };

    /// <exception cref="CommandFailure">Not an amount.</exception>
    public static Money ParseAmount(string text) => Money.TryParse(text.TrimStart('$'), out var amount)
        ? amount
        : throw new CommandFailure($"'{text}' is not an amount in US dollars such as 5 or 0.0025.");

    /// <summary>Asks the node how a channel stands, and keeps the statement.</summary>
    public static async Task<ChannelResponse> LookAsync(Invocation invocation, KeptChannelFile file, string id, CancellationToken cancellationToken)
    {
        var channel = await invocation.Client.GetChannelAsync(id, cancellationToken);
        ChannelDesk.Learn(file, channel);
        return channel;
    }

    /// <summary>The kept voucher of a channel, when it is worth more than what is settled.</summary>
    public static VoucherBody? Unsettled(KeptChannelFile file, ChannelResponse channel) =>
        file.Kept is { Voucher: { } voucher } kept && kept.Highest > Money.Parse(channel.Settled) ? voucher : null;

    public static int Tell(Invocation invocation, ChannelResponse channel, KeptChannel? kept)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(channel, json => json.ChannelResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Channel", Format.Escaped(channel.Id)),
            ("State", Say(channel)),
            ("Payer", Format.Escaped(channel.Payer) + (channel.Role == "payer" ? " (you)" : "")),
            ("Payee", Format.Escaped(channel.Payee) + (channel.Role == "payee" ? " (you)" : "")),
            ("Deposit", Format.Money(channel.Deposit)),
            ("Settled", Format.Money(channel.Settled)),
            (channel.Role == "payer" ? "Signed" : "Best voucher", kept is null ? null : Format.Money(kept.Highest.ToString()) + (kept.HasAgreed ? ", and you have signed how it ends" : "")),
            ("Challenge window", Format.Duration(TimeSpan.FromSeconds(channel.ChallengeWindowSeconds))),
            ("Expires", Format.Time(channel.ExpiresAt)));
        return ExitCode.Ok;
    }

    private static string Say(ChannelResponse channel) => channel switch
    {
        { EndsAt: { } end } => $"closing, by {channel.ClosingBy}: a higher voucher wins until {Format.Time(end)}",
        { ClosedAt: { } at } => $"closed {Format.Time(at)}" + (channel.Agreed is true ? ", as both have signed" : ""),
        _ => channel.State,
    };

    private sealed class KeyCommand : StoaCommand
    {
        private readonly Option<string?> _file = KeyFile();

        public KeyCommand(CommandScope scope)
            : base(scope, "key", "Show your public key for channels, which the other side needs. It is made at the first call.", new CommandExample("Tell it to who wants to pay you", "stoa channel key")) =>
            Add(_file);

        protected override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_file));
            var text = Convert.ToBase64String(key.PublicKey.ToSpki());
            if (invocation.IsJson)
                invocation.Screen.JsonObject(("publicKey", text), ("peerId", key.PublicKey.PeerId.ToString()));
            else
                invocation.Screen.Line(text);
            return Task.FromResult(ExitCode.Ok);
        }
    }

    private sealed class OpenCommand : StoaCommand
    {
        private readonly Argument<string> _payee = new("PAYEE") { Description = "Handle of who is to be paid." };
        private readonly Argument<string> _deposit = new("DEPOSIT") { Description = "US dollars that are taken from your wallet and held." };
        private readonly Option<string> _payeeKey = new("--payee-key") { Description = "The payee's public key, as stoa channel key shows it there; of a node that sells calls the one that stoa status shows.", HelpName = "BASE64", Required = true };
        private readonly Option<long?> _window = new("--window") { Description = "How long a closing waits for a higher voucher. Default: a day, unless the operator says otherwise.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
        private readonly Option<int?> _days = new("--days") { Description = "After so many days the channel expires. Default: 90, unless the operator says otherwise.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };
        private readonly Option<string?> _file = KeyFile();

        public OpenCommand(CommandScope scope)
            : base(
                scope,
                "open",
                "Open a channel: deposit money out of which somebody is paid by vouchers.",
                new("Five dollars for stoa", "stoa channel open stoa 5 --payee-key MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
                new("For a week, with a window of two hours", "stoa channel open stoa 5 --payee-key MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE --days 7 --window 120min"))
        {
            Add(_payee);
            Add(_deposit);
            Add(_payeeKey);
            Add(_window);
            Add(_days);
            Add(_file);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_file));
            var channel = await invocation.Client.OpenChannelAsync(
                new OpenChannelRequest(
                    invocation.Get(_payee),
                    Convert.ToBase64String(key.PublicKey.ToSpki()),
                    invocation.Get(_payeeKey)!,
                    ParseAmount(invocation.Get(_deposit)).ToString(),
                    invocation.Get(_window) is { } window ? (int)Math.Min(int.MaxValue, window / 1_000) : null,
                    invocation.Get(_days) is { } days ? invocation.Surroundings.TimeProvider.GetUtcNow().AddDays(Math.Clamp(days, 0, 100_000)) : null),
                cancellationToken);
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, channel.Id, cancellationToken);
            ChannelDesk.Learn(file, channel);
            Tell(invocation, channel, file.Kept);
            invocation.Screen.Note($"[grey]Pay with: stoa channel pay {channel.Id} USD[/]");
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<string?> _role = new("--role") { Description = "Only those where you are the payer, or the payee.", HelpName = "ROLE" };
        private readonly Option<string?> _state = new("--state") { Description = "Only those that are open, closing or closed.", HelpName = "STATE" };
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List your channels, newest first.", new("Those that you are paid by", "stoa channel list --role payee"), new("Is anybody closing one?", "stoa channel list --state closing"))
        {
            _role.AcceptOnlyFromAmong("payer", "payee");
            _state.AcceptOnlyFromAmong("open", "closing", "closed");
            Add(_role);
            Add(_state);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (channels, hasMore) = await ListLimit.TakeAsync(
                invocation.Client.ListChannelsAsync(invocation.Get(_role), invocation.Get(_state), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<ChannelResponse>(channels), json => json.ListResponseChannelResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "State", "Payer", "Payee", "Deposit", "Settled", "Opened"],
                [.. channels.Select(channel => (IReadOnlyList<string>)
                [
                    channel.Id, channel.State, channel.Payer, channel.Payee, Format.Money(channel.Deposit), Format.Money(channel.Settled), ListLimit.When(invocation, channel.OpenedAt),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _kept = new("--kept") { Description = "Show what is kept here, its signatures checked again, without a node." };

        public ShowCommand(CommandScope scope)
            : base(
                scope,
                "show",
                "Show a channel, and keep what the node states of it.",
                new("How much is left?", "stoa channel show chan_01h2xcejqtf2nbrexx3vqjhp41"),
                new("What can I prove without the node?", "stoa channel show chan_01h2xcejqtf2nbrexx3vqjhp41 --kept"))
        {
            Add(_id);
            Add(_kept);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, invocation.Get(_id), cancellationToken);
            if (invocation.Get(_kept))
            {
                var facts = ChannelDesk.Describe(file.Kept ?? throw new CommandFailure("Nothing of this channel is kept here.", ExitCode.Refused, $"Look at it first with: stoa channel show {invocation.Get(_id)}"));
                if (invocation.IsJson)
                    invocation.Screen.JsonObject([.. facts.Select(fact => (fact.Name, (object?)fact.Value))]);
                else
                    invocation.Screen.Facts([.. facts.Select(fact => (fact.Name, fact.Value is null ? null : Format.Escaped(fact.Value)))]);
                return ExitCode.Ok;
            }

            return Tell(invocation, await LookAsync(invocation, file, invocation.Get(_id), cancellationToken), file.Kept);
        }
    }

    private sealed class TopUpCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Argument<string> _amount = new("AMOUNT") { Description = "US dollars that are added to the deposit." };

        public TopUpCommand(CommandScope scope)
            : base(scope, "top-up", "Add to the deposit of a channel.", new CommandExample("Five dollars more", "stoa channel top-up chan_01h2xcejqtf2nbrexx3vqjhp41 5"))
        {
            Add(_id);
            Add(_amount);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_id);
            var more = ParseAmount(invocation.Get(_amount));
            if (more <= Money.Zero)
                throw new CommandFailure("An amount above zero is added.");
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
            var before = await LookAsync(invocation, file, id, cancellationToken);
            var channel = await invocation.Client.RaiseDepositAsync(id, (Money.Parse(before.Deposit) + more).ToString(), cancellationToken);
            ChannelDesk.Learn(file, channel);
            return Tell(invocation, channel, file.Kept);
        }
    }

    private sealed class SettleCommand : StoaCommand
    {
        private readonly Argument<string[]> _ids = new("CHANNEL") { Description = "Ids of channels (chan_…); none for all that something is kept of here.", Arity = ArgumentArity.ZeroOrMore };

        public SettleCommand(CommandScope scope)
            : base(
                scope,
                "settle",
                "Have the best vouchers that are kept here paid, by as few transfers as will do.",
                new("One channel", "stoa channel settle chan_01h2xcejqtf2nbrexx3vqjhp41"),
                new("All", "stoa channel settle")) =>
            Add(_ids);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            const int atOnce = 200;
            var asked = invocation.Get(_ids);
            var vouchers = new List<ChannelVoucherBody>();
            foreach (var id in asked.Length > 0 ? asked : KeptChannelFile.Ids(invocation.Surroundings))
            {
                using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
                if (file.Kept is { Voucher: { } voucher, Role: "payee" })
                    vouchers.Add(new ChannelVoucherBody(id, voucher));
                else if (asked.Length > 0)
                    throw new CommandFailure($"No voucher of {id} is kept here, as its payee.", ExitCode.Refused, "Take one with: stoa channel verify");
            }

            var results = new List<SettlementResponse>();
            foreach (var part in vouchers.Chunk(atOnce))
                results.Add(await invocation.Client.SettleVouchersAsync(part, cancellationToken));
            var refused = results.Sum(result => result.Results.Count(one => one.Code is not null));
            if (invocation.IsJson)
            {
                foreach (var result in results)
                    invocation.Screen.JsonLine(result, json => json.SettlementResponse);
            }
            else
            {
                foreach (var one in results.SelectMany(result => result.Results))
                    invocation.Screen.Line($"{one.ChannelId}  {(one.Paid is { } paid ? Format.Money(paid) : Format.Line($"{one.Code}: {one.Detail}"))}");
                invocation.Screen.Line($"{Format.Money(results.Aggregate(Money.Zero, (sum, result) => sum + Money.Parse(result.Paid)).ToString())} by {results.Sum(result => result.Transfers)} transfers.");
            }

            // What has closed in the meantime is refused each time it is asked for by "all"; asked for by name it is a failure.
            return refused > 0 && asked.Length > 0 ? ExitCode.Refused : ExitCode.Ok;
        }
    }

    private sealed class CloseCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _propose = new("--propose") { Description = "Sign that it ends with what the highest voucher says, and print that, for the other side to sign." };
        private readonly Option<string?> _agree = new("--agree") { Description = "Sign what the other side has proposed, and close the channel at once; - reads it from standard input.", HelpName = "FILE" };
        private readonly Option<string?> _file = KeyFile();

        public CloseCommand(CommandScope scope)
            : base(
                scope,
                "close",
                "End a channel: with a challenge window, or at once when both sides sign.",
                new("Alone: after the window the rest is back", "stoa channel close chan_01h2xcejqtf2nbrexx3vqjhp41"),
                new("Together, first the one", "stoa channel close chan_01h2xcejqtf2nbrexx3vqjhp41 --propose > end.json"),
                new("then the other", "stoa channel close chan_01h2xcejqtf2nbrexx3vqjhp41 --agree end.json"))
        {
            Add(_id);
            Add(_propose);
            Add(_agree);
            Add(_file);
            Validators.Add(result =>
            {
                if (result.GetValue(_propose) && result.GetValue(_agree) is not null)
                    result.AddError("Either --propose or --agree is expected.");
            });
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_id);
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
            if (invocation.Get(_propose))
            {
                using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_file));
                if (file.Kept is null)
                    await LookAsync(invocation, file, id, cancellationToken);
                invocation.Screen.JsonLine(ChannelDesk.Propose(file, null, key), json => json.DsseEnvelope);
                return ExitCode.Ok;
            }

            var channel = await LookAsync(invocation, file, id, cancellationToken);
            if (invocation.Get(_agree) is { } path)
            {
                using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_file));
                var proposal = await SmallFile.ReadEnvelopeAsync(invocation, path, "proposal", cancellationToken);
                channel = await invocation.Client.AgreeOnChannelAsync(id, ChannelDesk.Accept(file, proposal, key), cancellationToken);
            }
            else
            {
                channel = await invocation.Client.CloseChannelAsync(id, Unsettled(file, channel), cancellationToken);
            }

            ChannelDesk.Learn(file, channel);
            return Tell(invocation, channel, file.Kept);
        }
    }

    private sealed class ChallengeCommand : StoaCommand
    {
        private readonly Argument<string?> _id = new("CHANNEL") { Description = "Id of the channel (chan_…); none for all that are closing.", Arity = ArgumentArity.ZeroOrOne };

        public ChallengeCommand(CommandScope scope)
            : base(
                scope,
                "challenge",
                "Answer closings with the best vouchers that are kept here. A payee does so at least once in each challenge window.",
                new("One channel", "stoa channel challenge chan_01h2xcejqtf2nbrexx3vqjhp41"),
                new("All, from a timer", "stoa channel challenge")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var ids = invocation.Get(_id) is { } one
                ? [one]
                : await invocation.Client.ListChannelsAsync("payee", "closing", cancellationToken).Select(channel => channel.Id).ToListAsync(cancellationToken);
            foreach (var id in ids)
            {
                using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
                // What was kept comes first: the look below may be at the node's word only.
                var channel = await LookAsync(invocation, file, id, cancellationToken);
                if (channel.State != "closing" && ids is [_] && invocation.Get(_id) is not null)
                    throw new CommandFailure($"The channel is {channel.State}, not closing.", ExitCode.Refused, $"Have its voucher paid with: stoa channel settle {id}");
                if (Unsettled(file, channel) is not { } voucher)
                {
                    invocation.Screen.Note($"[grey]{id}: nothing higher than the {Format.Money(channel.Settled)} that are settled is kept here.[/]");
                    continue;
                }

                channel = await invocation.Client.SettleVoucherAsync(id, voucher, cancellationToken);
                ChannelDesk.Learn(file, channel);
                Tell(invocation, channel, file.Kept);
            }

            return ExitCode.Ok;
        }
    }
}
