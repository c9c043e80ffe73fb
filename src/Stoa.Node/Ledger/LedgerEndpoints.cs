using System.Text.Json;
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
    public static void MapLedger(this IEndpointRouteBuilder api)
    {
        api.MapGet("/wallet", GetWalletAsync)
            .WithName("getWallet").WithTags("Ledger").WithSummary("Show the wallet")
            .WithDescription("What is posted, what of it is held for running tasks, and what may still be spent.")
            .Produces<WalletResponse>();
        api.MapGet("/wallet/transfers", ListTransfersAsync)
            .WithName("listTransfers").WithTags("Ledger").WithSummary("List the wallet's transfers")
            .WithDescription("The statement of the wallet, newest first. A hold is a pending transfer; a later entry posts or voids it.")
            .Produces<ListResponse<TransferResponse>>();
        api.MapPost("/deposits", DepositAsync)
            .WithName("createDeposit").WithTags("Ledger").WithSummary("Credit a wallet")
            .WithDescription("Moves money from the world outside into a user's wallet: an administrator records here what was paid in.")
            .RequireAuthorization(IdentityModule.AdminPolicy)
            .Idempotent()
            .Produces<TransferResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.UserUnknown)
            .Refuses(TransferRefusal.AmountNotPositive, TransferRefusal.BalanceOverflow);
    }

    private static async Task<IResult> GetWalletAsync(Caller caller, ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var wallet = await FindWalletAsync(ledger, caller.UserId, cancellationToken);
        return TypedResults.Ok(new WalletResponse(
            wallet.Id.ToString(), wallet.Posted.ToString(), wallet.PendingDebits.ToString(), wallet.Available.ToString()));
    }

    private static async Task<IResult> ListTransfersAsync(
        [AsParameters] ListQuery query, Caller caller, ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var wallet = await FindWalletAsync(ledger, caller.UserId, cancellationToken);
        var page = await ledger.ListTransfersAsync(wallet.Id, query.ToPage(), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, transfer => ToContract(transfer, wallet.Id)));
    }

    private static async Task<IResult> DepositAsync(
        Body<DepositRequest> body, MadeId id, IUserStore users, ILedgerStore ledger, SystemAccounts accounts, TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!Money.TryParse(body.Value.Amount, out var amount))
            return RequestRefusal.RequestInvalid.ToProblem(errors: [new FieldError("/amount", "An amount in US dollars such as \"25\" or \"0.001250000\" is expected.")]);
        if (await users.FindByHandleAsync(body.Value.Handle, cancellationToken) is not { } user)
        {
            return new Refusal<IdentityRefusal>(
                IdentityRefusal.UserUnknown, $"No user has the handle '{body.Value.Handle}'.", [new FieldError("/handle", "No user has this handle.")]).ToProblem();
        }

        var wallet = await FindWalletAsync(ledger, user.Id, cancellationToken);
        // A repeated request finds the transfer that it made: its time differs, so it is not applied a second time but looked up.
        var made = id.For<Transfer>();
        var transfer = await ledger.GetTransferAsync(made, cancellationToken) ?? new Transfer(
            made, TransferKind.Posted, accounts.World, wallet.Id, amount, null, TransferPurpose.Deposit, user.Id.ToString(), time.GetUtcNow());
        var applied = await ledger.ApplyAsync([transfer], cancellationToken);
        return applied.Match<IResult>(
            transfers => TypedResults.Created("/api/v1/wallet/transfers", ToContract(transfers[0], wallet.Id)),
            refusal => refusal.ToProblem());
    }

    private static async Task<Account> FindWalletAsync(ILedgerStore ledger, Id<User> user, CancellationToken cancellationToken) =>
        await ledger.FindAccountAsync(user.ToString(), AccountKind.Wallet, cancellationToken)
        ?? throw new InvalidOperationException($"The user {user} has no wallet.");

    private static TransferResponse ToContract(Transfer transfer, Id<Account> wallet) => new(
        transfer.Id.ToString(),
        JsonNamingPolicy.CamelCase.ConvertName(transfer.Kind.ToString()),
        JsonNamingPolicy.CamelCase.ConvertName(transfer.Purpose.ToString()),
        transfer.CreditAccountId == wallet ? "in" : "out",
        transfer.Amount.ToString(),
        transfer.Cause,
        transfer.CreatedAt);
}
