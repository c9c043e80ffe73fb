using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet credit</c>.</summary>
internal sealed class WalletCreditCommand : StoaCommand
{
    public WalletCreditCommand(CommandScope scope)
        : base(
            scope,
            "credit",
            "Show the credit of the account: what plans and coupons have given it to spend on tasks, and when that expires.",
            new CommandExample("What is left of it", "stoa wallet credit"),
            new CommandExample("What became of it", "stoa wallet transfers --credit"))
    {
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var credit = await invocation.Client.GetCreditAsync(cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(credit, json => json.CreditResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Available", $"[green]{Format.Money(credit.Available)}[/]"),
            ("Held", Format.Money(credit.Held)),
            ("Credit", Format.Money(credit.Balance)));
        if (credit.Grants.Count > 0)
        {
            invocation.Screen.Table(
                ["Left", "Of", "From", "Expires"],
                [.. credit.Grants.Select(grant => (IReadOnlyList<string>)
                    [Format.Money(grant.Remaining), Format.Money(grant.Amount), grant.Source, grant.ExpiresAt is { } end ? Format.Time(end) : "never"])]);
        }

        return ExitCode.Ok;
    }
}
