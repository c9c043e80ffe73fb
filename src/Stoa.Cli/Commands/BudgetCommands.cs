using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa budget</c>.</summary>
internal static class BudgetCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "budget",
        "Limit what tasks may cost in a day or a month, and be told before it is used up.",
        [new("At most five dollars a day", "stoa budget set 5 --per day"), new("What is left?", "stoa budget list")],
        new SetCommand(scope),
        new ListCommand(scope),
        new RemoveCommand(scope),
        new AlertCommand(scope),
        new BalanceCommand(scope));

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa budget list shows it (budget_…).", IdKind.Budget);

    private static Option<string?> AlertAt() => new("--alert-at")
    {
        Description = "Percentages at which you are told, with commas; none for never. Each is told once a period.",
        HelpName = "PERCENTAGES",
    };

    private static Option<bool> Mail() => new("--mail") { Description = "Tell by e-mail too, where the node sends any." };

    private static Option<bool> NoMail() => new("--no-mail") { Description = "Tell by events and webhooks alone." };

    private static List<int>? ReadPercentages(string? text)
    {
        if (text is null)
            return null;
        if (text == "none")
            return [];
        var percentages = new List<int>();
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!int.TryParse(word.TrimEnd('%'), NumberStyles.None, CultureInfo.InvariantCulture, out var percent) || percent is < 1 or > 100)
                throw new CommandFailure($"'{word}' is not a percentage from 1 to 100.", hint: "Give some with commas, such as --alert-at 50,80,100, or --alert-at none.");
            percentages.Add(percent);
        }

        return percentages;
    }

    private static bool? ReadMail(Invocation invocation, Option<bool> mail, Option<bool> noMail) => (invocation.Get(mail), invocation.Get(noMail)) switch
    {
        (true, true) => throw new CommandFailure("Either --mail or --no-mail, not both."),
        (true, _) => true,
        (_, true) => false,
        _ => null,
    };

    private static string What(BudgetResponse budget) => budget.Agent ?? budget.Publisher ?? "everything";

    private static int Show(Invocation invocation, BudgetResponse budget)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(budget, json => json.BudgetResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(budget.Id)}[/]");
        invocation.Screen.Facts(
            ("Budget", $"{Format.Money(budget.Amount)} a {Format.Escaped(budget.Per)}"),
            ("For", Format.Escaped(What(budget))),
            ("Left", $"[green]{Format.Money(budget.Left)}[/]"),
            ("Spent", Format.Money(budget.Spent)),
            ("Held", Format.Money(budget.Held)),
            ("Renews", Format.Time(budget.RenewsAt)),
            ("Told at", Alerts(budget)));
        return ExitCode.Ok;
    }

    private static string Alerts(BudgetResponse budget) => budget.AlertAt.Count == 0
        ? "never"
        : string.Join(", ", budget.AlertAt.Select(percent => $"{percent} %")) + (budget.Mail ? ", by e-mail too" : "");

    private sealed class SetCommand : StoaCommand
    {
        private readonly Argument<string> _amount = new("AMOUNT") { Description = "US dollars, such as 5 or 0.25.", CustomParser = result => Quantity.Dollars(result) ?? "" };
        private readonly Option<string?> _per = new("--per") { Description = "How long it lasts: day or month, of UTC. Default: month.", HelpName = "PERIOD" };
        private readonly Option<string?> _agent = new("--agent", "-a") { Description = "Only tasks of this agent count.", HelpName = "PUBLISHER/NAME" };
        private readonly Option<string?> _publisher = new("--publisher") { Description = "Only tasks of this publisher's agents count.", HelpName = "HANDLE" };
        private readonly Option<string?> _alertAt = AlertAt();
        private readonly Option<bool> _mail = Mail();
        private readonly Option<bool> _noMail = NoMail();

        public SetCommand(CommandScope scope)
            : base(
                scope,
                "set",
                "Make a budget, or change the amount of the one that there is for the same. A task that would hold more than is left is refused.",
                new("At most five dollars a day, and be told at half of it", "stoa budget set 5 --per day --alert-at 50,80,100"),
                new("Of which one agent gets no more than one", "stoa budget set 1 --per day --agent stoa/image-resize"))
        {
            Add(_amount);
            foreach (var option in new Option[] { _per, _agent, _publisher, _alertAt, _mail, _noMail })
                Add(option);
            _per.Accepts("day", "month");
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Show(invocation, await invocation.Client.SetBudgetAsync(
            new SetBudgetRequest(
                invocation.Get(_amount),
                invocation.Get(_per) ?? "month",
                invocation.Get(_agent),
                invocation.Get(_publisher),
                ReadPercentages(invocation.Get(_alertAt)),
                ReadMail(invocation, _mail, _noMail)),
            cancellationToken));
    }

    private sealed class ListCommand : StoaCommand
    {
        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's budgets, with what is left of them.", new CommandExample("What is left?", "stoa budget list"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var budgets = new List<BudgetResponse>();
            await foreach (var budget in invocation.Client.ListBudgetsAsync(cancellationToken))
                budgets.Add(budget);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<BudgetResponse>(budgets), json => json.ListResponseBudgetResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Budget", "For", "Left", "Spent", "Held", "Renews"],
                [.. budgets.Select(budget => (IReadOnlyList<string>)
                [
                    budget.Id,
                    $"{Format.Money(budget.Amount)} a {budget.Per}",
                    What(budget),
                    Format.Money(budget.Left),
                    Format.Money(budget.Spent),
                    Format.Money(budget.Held),
                    Format.Time(budget.RenewsAt),
                ])]);
            return ExitCode.Ok;
        }
    }

    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public RemoveCommand(CommandScope scope)
            : base(scope, "remove", "Remove a budget: nothing is refused for it any more.", new CommandExample("One that is too tight", "stoa budget remove budget_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteBudgetAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is removed.");
            return ExitCode.Ok;
        }
    }

    private sealed class AlertCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string?> _alertAt = AlertAt();
        private readonly Option<bool> _mail = Mail();
        private readonly Option<bool> _noMail = NoMail();

        public AlertCommand(CommandScope scope)
            : base(
                scope,
                "alert",
                "Say when you are told how far a budget is used up, and how.",
                new("At half of it and at the end, by e-mail too", "stoa budget alert budget_01h2xcejqtf2nbrexx3vqjhp41 --alert-at 50,100 --mail"),
                new("Never", "stoa budget alert budget_01h2xcejqtf2nbrexx3vqjhp41 --alert-at none"))
        {
            Add(_id);
            foreach (var option in new Option[] { _alertAt, _mail, _noMail })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Show(invocation, await invocation.Client.SetBudgetAlertsAsync(
            invocation.Get(_id), new SetBudgetAlertsRequest(ReadPercentages(invocation.Get(_alertAt)), ReadMail(invocation, _mail, _noMail)), cancellationToken));
    }

    private sealed class BalanceCommand : StoaCommand
    {
        private readonly Argument<string?> _below = new("AMOUNT") { Description = "US dollars, or off to be told no more.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<bool> _noMail = NoMail();

        public BalanceCommand(CommandScope scope)
            : base(
                scope,
                "balance",
                "Say below which amount in the wallet you are told, or show it.",
                new("When there are less than five dollars", "stoa budget balance 5"),
                new("Not any more", "stoa budget balance off"))
        {
            Add(_below);
            Add(_noMail);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var alert = invocation.Get(_below) switch
            {
                null => await invocation.Client.GetBalanceAlertAsync(cancellationToken),
                "off" => await invocation.Client.SetBalanceAlertAsync(new SetBalanceAlertRequest(), cancellationToken),
                var amount => await invocation.Client.SetBalanceAlertAsync(new SetBalanceAlertRequest(amount.TrimStart('$'), !invocation.Get(_noMail)), cancellationToken),
            };
            if (invocation.IsJson)
                invocation.Screen.Json(alert, json => json.BalanceAlertResponse);
            else
                invocation.Screen.Line(alert.Below is { } below ? $"You are told when there is less than {Format.Money(below)} in the wallet{(alert.Mail ? ", by e-mail too" : "")}." : "You are not told of the wallet.");
            return ExitCode.Ok;
        }
    }
}
