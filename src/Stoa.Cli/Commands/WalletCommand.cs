using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet</c>: what there is. Holds <c>top-up</c>, <c>transfers</c>, <c>credit</c>, <c>export</c> and <c>deposit</c>.</summary>
internal sealed class WalletCommand : StoaCommand
{
    public WalletCommand(CommandScope scope)
        : base(
            scope,
            "wallet",
            "Show the money of the account: what there is, what is held for running tasks, what is free.",
            new("What is left", "stoa wallet"),
            new("Pay in", "stoa wallet top-up 25 --open"),
            new("What it went on", "stoa wallet transfers"))
    {
        Add(new WalletTopUpCommand(scope));
        Add(new WalletTransfersCommand(scope));
        Add(new WalletCreditCommand(scope));
        Add(new WalletExportCommand(scope));
        Add(new WalletDepositCommand(scope));
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var wallet = await invocation.Client.GetWalletAsync(cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(wallet, json => json.WalletResponse);
            return ExitCode.Ok;
        }

        Show(invocation.Screen, wallet);
        var credit = Money.Parse((await invocation.Client.GetCreditAsync(cancellationToken)).Available);
        if (credit > Money.Zero)
            invocation.Screen.Note($"[grey]And {Format.Money(credit.ToString())} of credit, which tasks are paid of first: stoa wallet credit[/]");
        return ExitCode.Ok;
    }

    internal static void Show(Screen screen, WalletResponse wallet) => screen.Facts(
        ("Available", $"[green]{Format.Money(wallet.Available)}[/]"),
        ("Held", Format.Money(wallet.Held)),
        ("Posted", Format.Money(wallet.Posted)));
}
