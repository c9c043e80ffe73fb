using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa payout</c>. They are small and say the same things, so they are together.</summary>
internal static class PayoutCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "payout",
        "Take out what was earned.",
        [new("All there is, in whole cents", "stoa payout create")],
        new SetUpCommand(scope),
        new CreateCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope));

    private sealed class SetUpCommand : StoaCommand
    {
        private readonly Option<bool> _open = BrowserLink.Option();

        public SetUpCommand(CommandScope scope)
            : base(
                scope,
                "setup",
                "Set up the account at Stripe that payouts go to. Shows the address where Stripe asks for what it needs to know.",
                new("In the browser", "stoa payout setup --open"),
                new("How far is it?", "stoa payout setup --json | jq -r .state")) => Add(_open);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var account = await invocation.Client.SetUpPayoutsAsync(cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(account, json => json.PayoutAccountResponse);
            else
                invocation.Screen.Line(account.Url ?? "");
            BrowserLink.Open(invocation, account.Url, invocation.Get(_open));
            invocation.Screen.Note($"[grey]{Format.Escaped(account.AccountId)} is {Format.Escaped(account.State)}. The address works once and for some minutes.[/]");
            return ExitCode.Ok;
        }
    }

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Argument<string?> _amount = new("AMOUNT")
        {
            Description = "US dollars in whole cents. Default: all that may be spent; what is less than a cent stays.",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = Quantity.Dollars,
        };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Take money out of the wallet, to the account at Stripe.",
                new("All there is", "stoa payout create"),
                new("A part", "stoa payout create 120.50")) => Add(_amount);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var payout = await invocation.Client.CreatePayoutAsync(invocation.Get(_amount), cancellationToken: cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(payout, json => json.PayoutResponse);
            else
                Show(invocation.Screen, payout);
            return payout.State == "failed" ? ExitCode.Refused : ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List payouts, newest first.", new CommandExample("The last ten", "stoa payout list --limit 10")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (payouts, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListPayoutsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<PayoutResponse>(payouts), json => json.ListResponsePayoutResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "When", "Amount", "State", "Returned", "Reason"],
                [.. payouts.Select(payout => (IReadOnlyList<string>)
                [
                    payout.Id, ListLimit.When(invocation, payout.CreatedAt), Format.Money(payout.Amount), payout.State, Format.Money(payout.Returned), payout.Reason ?? "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa payout list shows it (payout_…).", IdKind.Payout);

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show how a payout stands.", new CommandExample("Has it gone?", "stoa payout show payout_01h2xcejqtf2nbrexx3vqjhp41")) => Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var payout = await invocation.Client.GetPayoutAsync(invocation.Get(_id), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(payout, json => json.PayoutResponse);
            else
                Show(invocation.Screen, payout);
            return ExitCode.Ok;
        }
    }

    private static void Show(Screen screen, PayoutResponse payout) => screen.Facts(
        ("Payout", Format.Escaped(payout.Id)),
        ("State", $"[bold]{Format.Escaped(payout.State)}[/]"),
        ("Amount", Format.Money(payout.Amount)),
        ("Returned", payout.Returned.All(character => character is '0' or '.') ? null : Format.Money(payout.Returned)),
        ("Reason", payout.Reason is { } reason ? Format.Escaped(reason) : null),
        ("Begun", Format.Time(payout.CreatedAt)));
}
