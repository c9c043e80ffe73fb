using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa payment</c>. They are small and say the same things, so they are together.</summary>
internal static class PaymentCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "payment",
        "Money that was paid in by Stripe.",
        [new("Has it arrived?", "stoa payment list")],
        new ListCommand(scope),
        new ShowCommand(scope),
        new UncreditedCommand(scope),
        new RefundCommand(scope),
        new PortalCommand(scope));

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa payment list shows it (pay_…).", IdKind.Payment);

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List payments, newest first.", new CommandExample("The last ten", "stoa payment list --limit 10")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (payments, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListPaymentsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<PaymentResponse>(payments), json => json.ListResponsePaymentResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "When", "Amount", "State", "Refunded", "Owed"],
                [.. payments.Select(payment => (IReadOnlyList<string>)
                [
                    payment.Id,
                    ListLimit.When(invocation, payment.CreatedAt),
                    Format.Money(payment.Amount),
                    Words(payment.State),
                    Format.Money(payment.Refunded),
                    Format.Money(payment.Owed),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class UncreditedCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public UncreditedCommand(CommandScope scope)
            : base(
                scope,
                "uncredited",
                "List payments of everybody that are paid at Stripe and in no wallet: refund them in its dashboard, or make room. Administrators only.",
                new CommandExample("Is somebody's money stuck?", "stoa payment uncredited")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (payments, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListUncreditedPaymentsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<PaymentResponse>(payments), json => json.ListResponsePaymentResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "When", "Asked for"],
                [.. payments.Select(payment => (IReadOnlyList<string>)[payment.Id, ListLimit.When(invocation, payment.CreatedAt), Format.Money(payment.Amount)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _open = BrowserLink.Option();

        public ShowCommand(CommandScope scope)
            : base(
                scope,
                "show",
                "Show how a payment stands, and its refunds.",
                new("Is it in the wallet?", "stoa payment show pay_01h2xcejqtf2nbrexx3vqjhp41"),
                new("Go on paying", "stoa payment show pay_01h2xcejqtf2nbrexx3vqjhp41 --open"))
        {
            Add(_id);
            Add(_open);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var payment = await invocation.Client.GetPaymentAsync(invocation.Get(_id), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(payment, json => json.PaymentResponse);
            else
                Show(invocation.Screen, payment);
            BrowserLink.Open(invocation, payment.Url, invocation.Get(_open));
            return ExitCode.Ok;
        }

        private static void Show(Screen screen, PaymentResponse payment)
        {
            screen.Facts(
                ("State", $"[bold]{Words(payment.State)}[/]"),
                ("Amount", Format.Money(payment.Amount)),
                ("Refunded", IsNone(payment.Refunded) ? null : Format.Money(payment.Refunded)),
                ("Disputed", IsNone(payment.Disputed) ? null : Format.Money(payment.Disputed)),
                ("Owed", IsNone(payment.Owed) ? null : $"[red]{Format.Money(payment.Owed)}[/] of what went back: taken out of the wallet as soon as it is there"),
                ("Begun", Format.Time(payment.CreatedAt)),
                ("Pay at", payment.Url is { } url ? Format.Escaped(url) : null));
            if (payment.Refunds is { Count: > 0 } refunds)
            {
                screen.Table(
                    ["Refund", "When", "Amount", "State", "Reason"],
                    [.. refunds.Select(refund => (IReadOnlyList<string>)
                    [
                        refund.Id, Format.Time(refund.CreatedAt), Format.Money(refund.Amount), refund.State, refund.Reason ?? "",
                    ])]);
            }
        }

        private static bool IsNone(string amount) => amount.All(character => character is '0' or '.');
    }

    private sealed class RefundCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string?> _amount = new("--amount")
        {
            Description = "US dollars in whole cents. Default: all that is left of the payment.",
            HelpName = "AMOUNT",
            CustomParser = Quantity.Dollars,
        };

        public RefundCommand(CommandScope scope)
            : base(
                scope,
                "refund",
                "Have what was not spent go back to where it came from.",
                new("All of it", "stoa payment refund pay_01h2xcejqtf2nbrexx3vqjhp41"),
                new("A part", "stoa payment refund pay_01h2xcejqtf2nbrexx3vqjhp41 --amount 10"))
        {
            Add(_id);
            Add(_amount);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var refund = await invocation.Client.RefundPaymentAsync(invocation.Get(_id), invocation.Get(_amount), cancellationToken: cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(refund, json => json.RefundResponse);
            else
                invocation.Screen.Line($"{refund.Id} of {Format.Money(refund.Amount)} is {refund.State}.{(refund.Reason is { } reason ? " " + Format.Line(reason) : "")}");
            return refund.State == "failed" ? ExitCode.Refused : ExitCode.Ok;
        }
    }

    private sealed class PortalCommand : StoaCommand
    {
        private readonly Option<bool> _open = BrowserLink.Option();

        public PortalCommand(CommandScope scope)
            : base(scope, "portal", "Show the address where your receipts and payment methods are.", new CommandExample("In the browser", "stoa payment portal --open")) => Add(_open);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var link = await invocation.Client.OpenBillingPortalAsync(cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(link, json => json.LinkResponse);
            else
                invocation.Screen.Line(link.Url);
            BrowserLink.Open(invocation, link.Url, invocation.Get(_open));
            return ExitCode.Ok;
        }
    }

    private static string Words(string state) => state switch
    {
        "created" => "not paid yet",
        "paid" => "paid, not in the wallet",
        "partlyRefunded" => "refunded in part",
        "won" => "dispute won",
        "lost" => "dispute lost",
        _ => state,
    };
}
