using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wallet transfers</c>.</summary>
internal sealed class WalletTransfersCommand : StoaCommand
{
    private readonly Option<int> _limit = ListLimit.Option();
    private readonly Option<bool> _credit = new("--credit") { Description = "Of the credit in place of the wallet: what was given, what tasks have cost, what has expired." };

    public WalletTransfersCommand(CommandScope scope)
        : base(
            scope,
            "transfers",
            "List what came in and went out, newest first.",
            new("The last ten", "stoa wallet transfers --limit 10"),
            new("What became of the credit", "stoa wallet transfers --credit"))
    {
        Add(_limit);
        Add(_credit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (transfers, hasMore) = await ListLimit.TakeAsync(
            invocation.Get(_credit) ? invocation.Client.ListCreditTransfersAsync(cancellationToken) : invocation.Client.ListTransfersAsync(cancellationToken), invocation.Get(_limit));
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
