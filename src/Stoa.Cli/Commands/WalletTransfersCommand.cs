using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet transfers</c>.</summary>
internal sealed class WalletTransfersCommand : StoaCommand
{
    private readonly Option<int> _limit = ListLimit.Option();

    public WalletTransfersCommand(CommandScope scope)
        : base(scope, "transfers", "List what came in and went out, newest first.", new CommandExample("The last ten", "stoa wallet transfers --limit 10")) =>
        Add(_limit);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (transfers, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListTransfersAsync(cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<TransferResponse>(transfers), json => json.ListResponseTransferResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["When", "Amount", "Purpose", "Kind", "Cause"],
            [.. transfers.Select(transfer => (IReadOnlyList<string>)
            [
                ListLimit.When(invocation, transfer.CreatedAt),
                (transfer.Direction == "out" ? "-" : "+") + Format.Money(transfer.Amount),
                transfer.Purpose,
                transfer.Kind,
                transfer.Cause,
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}
