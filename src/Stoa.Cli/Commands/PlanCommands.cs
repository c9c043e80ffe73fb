using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa plan</c>.</summary>
internal static class PlanCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "plan",
        "Subscribe to a plan: credit for tasks, and more room, for a price a month.",
        [new("What is offered?", "stoa plan list"), new("Have one", "stoa plan subscribe pro"), new("How does mine stand?", "stoa plan show")],
        new ListCommand(scope),
        new ShowCommand(scope),
        new SubscribeCommand(scope),
        new ChangeCommand(scope),
        new CancelCommand(scope),
        new ResumeCommand(scope),
        new SetCommand(scope),
        new WithdrawCommand(scope));

    private static Argument<string> Name() => new("PLAN") { Description = "As stoa plan list shows it." };

    private static string Gives(PlanResponse plan)
    {
        var parts = new List<string>();
        if (IsSomething(plan.Credit))
            parts.Add($"{Format.Money(plan.Credit)} credit");
        if (plan.MaxOpenTasks is { } tasks)
            parts.Add(Format.Count(tasks, "open task"));
        if (plan.MaxContentBytes is { } bytes)
            parts.Add($"{Format.Size(bytes)} of content");
        return parts.Count == 0 ? "nothing more" : string.Join(", ", parts);
    }

    private static int Tell(Invocation invocation, SubscriptionResponse subscription)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(subscription, json => json.SubscriptionResponse);
            return ExitCode.Ok;
        }

        if (subscription.Change is { } change)
            invocation.Screen.Line(Say(change, subscription));
        invocation.Screen.Facts(
            ("Plan", Format.Escaped($"{subscription.Plan.Name}, version {subscription.Plan.Version}")),
            ("State", Say(subscription)),
            ("Gives", Format.Escaped(Gives(subscription.Plan)) + " a month"),
            ("Paid until", Format.Time(subscription.PeriodEnd)),
            ("Then", subscription.NextPrice is { } price ? $"{Format.Money(price)}{(subscription.NextPlan is { } next ? $" for {Format.Escaped(next.Name)}" : "")}" : "it ends"),
            ("Off", subscription.Discount is { } off ? Format.Escaped($"{off.Percent} % off {off.Plan ?? "any plan"}, for {Format.Count(off.Months, "more month")}") : null));
        return ExitCode.Ok;
    }

    private static string Say(SubscriptionChangeBody change, SubscriptionResponse subscription)
    {
        var until = Format.Time(subscription.PeriodEnd);
        var paid = IsSomething(change.Paid) ? $"Paid {Format.Money(change.Paid)} out of the wallet of {change.Wallet}" : "Nothing was to be paid";
        var credit = IsSomething(change.Credit) ? $", with {Format.Money(change.Credit)} of credit to spend on tasks until then" : "";
        return change.Kind switch
        {
            "started" => $"{paid}: you have {subscription.Plan.Name} until {until}{credit}.",
            "upgraded" => $"{paid}: you have {subscription.Plan.Name} from now on, until {until}{credit}.",
            "scheduled" => $"Nothing was paid: {subscription.NextPlan?.Name ?? subscription.Plan.Name} holds from {until} on, when the month is over.",
            "kept" => $"Nothing was paid: {subscription.Plan.Name} stays as it is and is renewed {until}.",
            _ => "It was so already: nothing was paid, and nothing has changed.",
        };
    }

    private static bool IsSomething(string amount) => amount.Any(digit => digit is >= '1' and <= '9');

    private static string Say(SubscriptionResponse subscription) => subscription.State switch
    {
        "pastDue" => $"[yellow]not paid[/]: it ends {Format.Time(subscription.GraceEnds ?? subscription.PeriodEnd)} unless the wallet has enough by then",
        "ended" => "ended",
        _ => subscription.IsCancelled ? "cancelled" : "[green]active[/]",
    };

    private sealed class ListCommand : StoaCommand
    {
        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the plans that are offered.", new CommandExample("All of them", "stoa plan list"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var plans = await invocation.Client.ListPlansAsync(cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(plans, json => json.ListResponsePlanResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Plan", "Price a month", "Gives", "Description"],
                [.. plans.Items.Select(plan => (IReadOnlyList<string>)[plan.Name, Format.Money(plan.Price), Gives(plan), plan.Description])]);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show the plan that the account has.", new CommandExample("Until when is it paid?", "stoa plan show"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.GetSubscriptionAsync(cancellationToken));
    }

    private sealed class SubscribeCommand : StoaCommand
    {
        private readonly Argument<string> _plan = Name();
        private readonly Option<string?> _coupon = new("--coupon") { Description = "A code that takes something off.", HelpName = "CODE" };

        public SubscribeCommand(CommandScope scope)
            : base(
                scope,
                "subscribe",
                "Subscribe to a plan. The first month is paid out of the wallet at once.",
                new("By the month", "stoa plan subscribe pro"),
                new("With something off", "stoa plan subscribe pro --coupon k7qd-m2xp-4wsa-q2mz"))
        {
            Add(_plan);
            Add(_coupon);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
            invocation, await invocation.Client.PutSubscriptionAsync(new PutSubscriptionRequest(invocation.Get(_plan), Coupon: invocation.Get(_coupon)), cancellationToken));
    }

    private sealed class ChangeCommand : StoaCommand
    {
        private readonly Argument<string> _plan = Name();
        private readonly Option<int?> _version = new("--version-number") { Description = "The version that is offered, to take its terms in place of those that you have.", HelpName = "N" };

        public ChangeCommand(CommandScope scope)
            : base(
                scope,
                "change",
                "Change to another plan: to a dearer one at once, for the difference; to any other when the month is over.",
                new("More", "stoa plan change team"),
                new("The newest terms of the same", "stoa plan change pro --version-number 3"),
                new("Stay with what there is after all", "stoa plan change pro"))
        {
            Add(_plan);
            Add(_version);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
            invocation, await invocation.Client.PutSubscriptionAsync(new PutSubscriptionRequest(invocation.Get(_plan), invocation.Get(_version)), cancellationToken));
    }

    private sealed class CancelCommand : StoaCommand
    {
        public CancelCommand(CommandScope scope)
            : base(scope, "cancel", "Have the plan end with the month that is paid.", new CommandExample("Do without", "stoa plan cancel"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.CancelSubscriptionAsync(cancellationToken));
    }

    private sealed class ResumeCommand : StoaCommand
    {
        public ResumeCommand(CommandScope scope)
            : base(scope, "resume", "Have a cancelled plan go on after all.", new CommandExample("Keep it", "stoa plan resume"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.ResumeSubscriptionAsync(cancellationToken));
    }

    private sealed class SetCommand : StoaCommand
    {
        private readonly Argument<string> _name = new("PLAN") { Description = "Lower-case letters, digits and hyphens." };
        private readonly Argument<string> _price = new("PRICE") { Description = "US dollars a month, such as 20; 0 for a free plan.", CustomParser = result => Quantity.Dollars(result) ?? "" };
        private readonly Option<string?> _credit = new("--credit") { Description = "US dollars of credit that are included in a month.", HelpName = "AMOUNT", CustomParser = Quantity.Dollars };
        private readonly Option<long?> _openTasks = new("--open-tasks") { Description = "How many tasks may wait or run, such as 500k. Left out: as many as everybody's.", HelpName = "N", CustomParser = Quantity.Count };
        private readonly Option<long?> _content = new("--content") { Description = "How much may be stored, such as 200GB. Left out: as much as everybody.", HelpName = "SIZE", CustomParser = Quantity.Bytes };
        private readonly Option<string?> _description = new("--description") { Description = "For people.", HelpName = "TEXT" };

        public SetCommand(CommandScope scope)
            : base(
                scope,
                "set",
                "Offer a plan by these terms; whoever has it keeps the terms that he has. Administrators only.",
                new CommandExample("Twenty dollars with twenty-five of credit", "stoa plan set pro 20 --credit 25 --open-tasks 500k --description 'For teams.'"))
        {
            Add(_name);
            Add(_price);
            foreach (var option in new Option[] { _credit, _openTasks, _content, _description })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var plan = await invocation.Client.PutPlanAsync(
                invocation.Get(_name),
                new PutPlanRequest(invocation.Get(_price), invocation.Get(_credit), invocation.Get(_openTasks), invocation.Get(_content), invocation.Get(_description)),
                cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(plan, json => json.PlanResponse);
            else
                invocation.Screen.Line($"{plan.Name} is offered for {Format.Money(plan.Price)} a month, as version {plan.Version}: {Gives(plan)}.");
            return ExitCode.Ok;
        }
    }

    private sealed class WithdrawCommand : StoaCommand
    {
        private readonly Argument<string> _name = Name();

        public WithdrawCommand(CommandScope scope)
            : base(scope, "withdraw", "Offer a plan no more; whoever has it keeps it. Administrators only.", new CommandExample("One that is too cheap", "stoa plan withdraw basic")) =>
            Add(_name);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.WithdrawPlanAsync(invocation.Get(_name), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_name)} is not offered any more.");
            return ExitCode.Ok;
        }
    }
}
