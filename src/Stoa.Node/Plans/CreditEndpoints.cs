using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;

namespace Stoa.Node.Plans;

/// <summary>Credit over HTTP.</summary>
public static class CreditEndpoints
{
    public static void MapCredit(this IEndpointRouteBuilder api)
    {
        api.MapGet("/credit", GetAsync)
            .Needs(Permission.WalletRead)
            .WithName("getCredit").WithTags("Plans").WithSummary("Show your credit")
            .WithDescription("What plans and coupons have given you to spend on tasks and on nothing else. It is spent before the wallet, what expires first to begin with.")
            .Produces<CreditResponse>();
        api.MapGet("/credit/transfers", ListAsync)
            .Needs(Permission.WalletRead)
            .WithName("listCreditTransfers").WithTags("Plans").WithSummary("List the transfers of your credit")
            .WithDescription("The statement of the credit, newest first: what was given, what tasks have cost, what has expired.")
            .Produces<ListResponse<TransferResponse>>();
    }

    private static async Task<IResult> GetAsync(Caller caller, SqlCreditStore store, CancellationToken cancellationToken)
    {
        var credit = await store.FindAsync(caller.UserId, cancellationToken);
        return TypedResults.Ok(new CreditResponse(
            Account.CreditOf(caller.UserId).ToString(),
            credit.Balance.ToString(),
            credit.Held.ToString(),
            (credit.Balance - credit.Held).ToString(),
            [.. credit.Grants.Select(ToContract)]));
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var account = Account.CreditOf(caller.UserId);
        return TypedResults.Ok(ListQuery.Answer(
            await ledger.ListTransfersAsync(account, query.ToPage(), cancellationToken), transfer => LedgerEndpoints.ToContract(transfer, account)));
    }

    private static CreditGrantBody ToContract(CreditGrant grant) => new(
        grant.Id.ToString(), grant.Source.ToString().ToLowerInvariant(), grant.Amount.ToString(), grant.Remaining.ToString(), grant.CreatedAt, grant.ExpiresAt);
}
