using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet deposit</c>.</summary>
internal sealed class WalletDepositCommand : StoaCommand
{
    private readonly Argument<string> _handle = new("HANDLE") { Description = "Whose wallet." };
    private readonly Argument<string> _amount = new("AMOUNT") { Description = "US dollars, such as 10 or 2.50.", CustomParser = result => Quantity.Dollars(result) ?? "" };

    public WalletDepositCommand(CommandScope scope)
        : base(scope, "deposit", "Credit a user's wallet. Administrators only.", new CommandExample("Ten dollars for ada", "stoa wallet deposit ada 10"))
    {
        Add(_handle);
        Add(_amount);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var transfer = await invocation.Client.DepositAsync(
            new DepositRequest(invocation.Get(_handle), invocation.Get(_amount)), cancellationToken);
        if (invocation.IsJson)
            invocation.Screen.Json(transfer, json => json.TransferResponse);
        else
            invocation.Screen.Line($"{Format.Money(transfer.Amount)} credited to {invocation.Get(_handle)} ({transfer.Id}).");
        return ExitCode.Ok;
    }
}
