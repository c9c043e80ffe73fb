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
                Signed(transfer),
                transfer.Purpose,
                KindOf(transfer.Kind),
                transfer.Cause,
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }

    private static string Signed(TransferResponse transfer) =>
        (transfer.Amount.All(character => character is '0' or '.') ? "" : transfer.Direction == "out" ? "-" : "+") + Format.Money(transfer.Amount);

    /// <summary>What the ledger did, in words for people.</summary>
    private static string KindOf(string kind) => kind switch
    {
        "pending" => "held",
        "postPending" => "paid out of a hold",
        "voidPending" => "hold released",
        "posted" => "paid",
        _ => kind,
    };
}
