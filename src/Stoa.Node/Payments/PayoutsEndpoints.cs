using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>The outer door of payouts: money that goes out to those who have earned it.</summary>
public static class PayoutsEndpoints
{
    public static void MapPayouts(this IEndpointRouteBuilder api)
    {
        var payouts = api.MapGroup("/payouts").WithTags("Payouts").NeedsPayments();
        payouts.MapPost("/account", SetUpAsync)
            .Needs(Permission.WalletSpend)
            .WithName("setUpPayouts").WithSummary("Set up your account for payouts")
            .WithDescription("Makes an account for you at Stripe, once, and answers an address where you tell Stripe what it asks for. The address works once and for some minutes; ask again for another one.")
            .TakesIdempotencyKey()
            .Produces<PayoutAccountResponse>()
            .Refuses(PaymentRefusal.StripeUnavailable, PaymentRefusal.StripeRefused);
        payouts.MapGet("/account", GetAccountAsync)
            .Needs(Permission.WalletRead)
            .WithName("getPayoutAccount").WithSummary("How far is your account for payouts?")
            .WithDescription("As Stripe last told.")
            .Produces<PayoutAccountResponse>()
            .Refuses(PaymentRefusal.PayoutAccountMissing);
        payouts.MapPost("/", CreateAsync)
            .Needs(Permission.WalletSpend)
            .WithName("createPayout").WithSummary("Take money out of your wallet")
            .WithDescription("The amount is held first, then moved to your account at Stripe, then captured; if Stripe refuses it is free again. Without an amount it is all that may be spent, in whole cents: what is less than a cent stays.")
            .Idempotent()
            .Produces<PayoutResponse>(StatusCodes.Status201Created)
            .Produces<PayoutResponse>(StatusCodes.Status202Accepted)
            .Refuses(
                PaymentRefusal.PayoutAccountMissing, PaymentRefusal.PayoutAccountNotReady, PaymentRefusal.AmountNotWholeCents, PaymentRefusal.PayoutBelowMinimum,
                PaymentRefusal.InsufficientFunds, PaymentRefusal.StripeUnavailable, PaymentRefusal.StripeRefused);
        payouts.MapGet("/", ListAsync)
            .Needs(Permission.WalletRead)
            .WithName("listPayouts").WithSummary("List your payouts, newest first")
            .WithDescription("What was asked for, and what became of it.")
            .Produces<ListResponse<PayoutResponse>>();
        payouts.MapGet("/{id}", GetAsync)
            .Needs(Permission.WalletRead)
            .WithName("getPayout").WithSummary("Get a payout")
            .WithDescription("How it stands.")
            .Produces<PayoutResponse>()
            .Refuses(PaymentRefusal.PayoutUnknown);
    }

    private static async Task<IResult> SetUpAsync(
        HttpContext context, MadeId made, Caller caller, IUserStore users, PayoutDesk desk, CancellationToken cancellationToken)
    {
        if (await users.GetAsync(caller.UserId, cancellationToken) is not { } user)
            return RequestRefusal.Unauthenticated.ToProblem();
        var (party, url) = await desk.SetUpAsync(user, PaymentsEndpoints.KeyOf(context, caller, made), cancellationToken);
        return TypedResults.Ok(party.ToContract(url));
    }

    private static async Task<IResult> GetAccountAsync(Caller caller, SqlStripeParties parties, CancellationToken cancellationToken) =>
        await parties.FindAsync(caller.UserId, cancellationToken) is { Account: not null } party
            ? TypedResults.Ok(party.ToContract(null))
            : new Refusal<PaymentRefusal>(PaymentRefusal.PayoutAccountMissing, "You have no account to be paid out to. Begin with POST /api/v1/payouts/account.").ToProblem();

    private static async Task<IResult> CreateAsync(
        Body<CreatePayoutRequest> body,
        MadeId made,
        Caller caller,
        ILedgerStore ledger,
        SqlPayoutStore store,
        SqlStripeParties parties,
        PayoutDesk desk,
        PaymentsOptions options,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        Money? amount = body.Value.Amount is { } text ? AmountField.ReadOrRefuse(text, "/amount") : null;
        var wallet = (await ledger.GetWalletAsync(caller.UserId, cancellationToken)).Id;
        var now = time.GetUtcNow().ToMilliseconds();
        if (await parties.FindAsync(caller.UserId, cancellationToken) is { Account: not null, AccountState: not PayoutAccountState.Active })
        {
            // Stripe may have told that it is ready, and nobody have heard of it.
            await desk.LookAtAccountAsync(caller.UserId, ifDue: false, cancellationToken);
        }

        var requested = await store.RequestAsync(made.For<Payout>(), caller.UserId, wallet, amount, Money.Parse(options.MinPayout), now, cancellationToken);
        if (!requested.TryGet(out var payout, out var refusal))
            return refusal.ToProblem();
        try
        {
            payout = await desk.LookAsync(payout.Id, ifDue: false, cancellationToken) ?? payout;
        }
        catch (StripeException)
        {
            // The amount is held, and the node asks again: that it takes longer is no refusal.
        }

        return TypedResults.Json(
            payout.ToContract(), statusCode: payout.State is PayoutState.Requested ? StatusCodes.Status202Accepted : StatusCodes.Status201Created);
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlPayoutStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), payout => payout.ToContract()));

    private static async Task<IResult> GetAsync(Id<Payout> id, Caller caller, SqlPayoutStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } payout && (payout.UserId == caller.UserId || caller.IsAdmin)
            ? TypedResults.Ok(payout.ToContract())
            : new Refusal<PaymentRefusal>(PaymentRefusal.PayoutUnknown, $"You have no payout {id}. List those that you have with GET /api/v1/payouts.").ToProblem();
}
