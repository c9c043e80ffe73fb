using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet top-up</c>.</summary>
internal sealed class WalletTopUpCommand : StoaCommand
{
    private readonly Argument<string> _amount = new("AMOUNT") { Description = "US dollars in whole cents, such as 25 or 12.50.", CustomParser = result => Quantity.Dollars(result) ?? "" };
    private readonly Option<bool> _open = BrowserLink.Option();

    public WalletTopUpCommand(CommandScope scope)
        : base(
            scope,
            "top-up",
            "Pay money in by Stripe. Shows the address where it is paid.",
            new("25 dollars, in the browser", "stoa wallet top-up 25 --open"),
            new("For a script", "stoa wallet top-up 12.50 --json | jq -r .url"))
    {
        Add(_amount);
        Add(_open);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var payment = await invocation.Client.AddCreditAsync(invocation.Get(_amount), cancellationToken: cancellationToken);
        if (invocation.IsJson)
            invocation.Screen.Json(payment, json => json.PaymentResponse);
        else
            invocation.Screen.Line(payment.Url ?? payment.State);
        BrowserLink.Open(invocation, payment.Url, invocation.Get(_open));
        invocation.Screen.Note($"[grey]{Format.Escaped(payment.Id)}. When it is paid the wallet has it: stoa payment show {Format.Escaped(payment.Id)}[/]");
        return ExitCode.Ok;
    }
}
