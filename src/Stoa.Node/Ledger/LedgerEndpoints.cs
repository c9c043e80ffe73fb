using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>Wallets and deposits over HTTP.</summary>
public static class LedgerEndpoints
{
    private const string Csv = "text/csv";
    private const int ExportedAtOnce = 1_000;
    private const int BlocksAtOnce = 50;
    private const long MaxBlocksBytes = 4 << 20;

    // Of a block without its entries, as JSON.
    private const int BlockOverheadBytes = 200;

    public static void MapLedger(this IEndpointRouteBuilder api)
    {
        api.MapGet("/wallet", GetWalletAsync)
            .Needs(Permission.WalletRead)
            .WithName("getWallet").WithTags("Ledger").WithSummary("Show the wallet")
            .WithDescription("What is posted, what of it is held for running tasks, and what may still be spent.")
            .Produces<WalletResponse>();
        api.MapGet("/wallet/transfers", ListTransfersAsync)
            .Needs(Permission.WalletRead)
            .WithName("listTransfers").WithTags("Ledger").WithSummary("List the wallet's transfers")
            .WithDescription("The statement of the wallet, newest first. A hold is a pending transfer; a later entry posts or voids it.")
            .Produces<ListResponse<TransferResponse>>();
        api.MapGet("/wallet/transfers.csv", ExportTransfers)
            .Needs(Permission.WalletRead)
            .WithName("exportTransfers").WithTags("Ledger").WithSummary("Export the wallet's transfers")
            .WithDescription("All of the statement as CSV (RFC 4180), newest first, with a header line.")
            .Produces<string>(StatusCodes.Status200OK, Csv);
        api.MapGet("/ledger/checkpoint", GetCheckpointAsync)
            .ForAnyCaller()
            .WithName("getCheckpoint").WithTags("Ledger").WithSummary("Have the end of the journal signed")
            .WithDescription("The number and hash of the last block of the journal, signed by the node (DSSE). Whoever keeps it can tell later that nothing before it was changed.")
            .Produces<DsseEnvelope>();
        api.MapGet("/ledger/accounts", ListAccountsAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listAccounts").WithTags("Ledger").WithSummary("List all accounts")
            .WithDescription("Every account with its balances and the entry after which it has them: the trial balance.")
            .Produces<ListResponse<AccountResponse>>();
        api.MapGet("/ledger/blocks", ListBlocksAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listJournalBlocks").WithTags("Ledger").WithSummary("Read the journal")
            .WithDescription("The blocks behind the one named, in order: as many as come to about four megabytes, none when there are no more. Their form is in docs/ledger.md.")
            .Produces<JournalBlocksResponse>();
        api.MapPost("/deposits", DepositAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("createDeposit").WithTags("Ledger").WithSummary("Credit a wallet")
            .WithDescription("Moves money from the world outside into a user's wallet: an administrator records here what was paid in.")
            .Idempotent()
            .Produces<TransferResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.UserUnknown)
            .Refuses(TransferRefusal.AmountNotPositive, TransferRefusal.BalanceOverflow);
    }

    private static async Task<IResult> GetWalletAsync(Caller caller, ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var wallet = await ledger.GetWalletAsync(caller.UserId, cancellationToken);
        return TypedResults.Ok(new WalletResponse(
            wallet.Id.ToString(), wallet.Posted.ToString(), wallet.PendingDebits.ToString(), wallet.Available.ToString()));
    }

    private static async Task<IResult> ListTransfersAsync(
        [AsParameters] ListQuery query, Caller caller, ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var wallet = await ledger.GetWalletAsync(caller.UserId, cancellationToken);
        var page = await ledger.ListTransfersAsync(wallet.Id, query.ToPage(), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, transfer => ToContract(transfer, wallet.Id)));
    }

    private static async Task<IResult> ExportTransfers(Caller caller, ILedgerStore ledger, HttpContext context, CancellationToken cancellationToken)
    {
        var wallet = await ledger.GetWalletAsync(caller.UserId, cancellationToken);
        context.Response.Headers.ContentDisposition = "attachment; filename=\"transfers.csv\"";
        return TypedResults.Stream(
            async stream =>
            {
                await using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\r\n" };
                await writer.WriteLineAsync(TransferCsv.Header);
                string? cursor = null;
                do
                {
                    var page = await ledger.ListTransfersAsync(wallet.Id, new PageRequest(ExportedAtOnce, cursor), cancellationToken);
                    foreach (var transfer in page.Items)
                        await writer.WriteLineAsync(TransferCsv.Line(transfer, wallet.Id));
                    await writer.FlushAsync(cancellationToken);
                    cursor = page.NextCursor;
                }
                while (cursor is not null);
            },
            Csv);
    }

    private static async Task<IResult> GetCheckpointAsync(ILedgerStore ledger, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(JournalCheckpoint.Sign(await ledger.GetHeadAsync(cancellationToken), node, time.GetUtcNow()));

    private static async Task<IResult> ListAccountsAsync([AsParameters] ListQuery query, ILedgerStore ledger, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await ledger.ListAccountsAsync(query.ToPage(), cancellationToken), stated => new AccountResponse(
            stated.Account.Id.ToString(),
            stated.Account.Owner,
            EnumWord.Of(stated.Account.Kind),
            stated.Account.Posted.ToString(),
            stated.Account.PendingDebits.ToString(),
            stated.Account.PendingCredits.ToString(),
            stated.Latest.Value,
            stated.Account.CreatedAt)));

    private static async Task<IResult> ListBlocksAsync(
        [FromQuery, Description("The number of a block: those behind it are read. From the first one on when left out.")] long? after,
        ILedgerStore ledger,
        CancellationToken cancellationToken)
    {
        var last = after ?? 0;
        var blocks = new List<JournalBlockResponse>();
        for (var bytes = 0L; bytes < MaxBlocksBytes;)
        {
            var read = await ledger.ReadJournalAsync(last, BlocksAtOnce, cancellationToken);
            foreach (var block in read)
            {
                if (bytes >= MaxBlocksBytes)
                    break;
                blocks.Add(new JournalBlockResponse(block.Number, block.Count, block.Stride, block.Entries, block.Hash.ToString()));
                bytes += block.Entries.Length + BlockOverheadBytes;
                last = block.Number;
            }

            if (read.Count < BlocksAtOnce)
                break;
        }

        return TypedResults.Ok(new JournalBlocksResponse(blocks));
    }

    private static async Task<IResult> DepositAsync(
        Body<DepositRequest> body, MadeId id, IUserStore users, ILedgerStore ledger, SystemAccounts accounts, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var amount = AmountField.Read(body.Value.Amount, "/amount", errors);
        if (errors.Count > 0)
            return RequestRefusal.RequestInvalid.ToProblem(errors: errors);
        if (await users.FindByHandleAsync(body.Value.Handle, cancellationToken) is not { } user)
        {
            return new Refusal<IdentityRefusal>(
                IdentityRefusal.UserUnknown, $"No user has the handle '{body.Value.Handle}'.", [new FieldError("/handle", "No user has this handle.")]).ToProblem();
        }

        var wallet = await ledger.GetWalletAsync(user.Id, cancellationToken);
        // The same request again makes the same transfer, which the ledger answers as it was entered.
        var transfer = new Transfer(
            id.For<Transfer>(), TransferKind.Posted, accounts.World, wallet.Id, amount, null, TransferPurpose.Deposit, user.Id.ToString(), time.GetUtcNow());
        var applied = await ledger.ApplyAsync([transfer], cancellationToken);
        return applied.Match<IResult>(
            transfers => TypedResults.Created("/api/v1/wallet/transfers", ToContract(transfers[0], wallet.Id)),
            refusal => refusal.ToProblem());
    }

    internal static TransferResponse ToContract(Transfer transfer, Id<Account> wallet) => new(
        transfer.Id.ToString(),
        EnumWord.Of(transfer.Kind),
        EnumWord.Of(transfer.Purpose),
        transfer.CreditAccountId == wallet ? "in" : "out",
        transfer.Amount.ToString(),
        transfer.Cause,
        transfer.CreatedAt);
}
