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

/// <summary>The outer door of payments: money that comes in. A payment of somebody else is one that does not exist, but for administrators.</summary>
public static class PaymentsEndpoints
{
    /// <summary>Stripe's events are some kilobytes.</summary>
    private const long MaxEventBytes = 256 << 10;

    public static void MapPayments(this IEndpointRouteBuilder api)
    {
        var payments = api.MapGroup("/payments").WithTags("Payments").NeedsPayments();
        payments.MapPost("/add-credit", AddCreditAsync)
            .Needs(Permission.WalletSpend)
            .WithName("addCredit").WithSummary("Pay money into your wallet")
            .WithDescription("Answers the address of a checkout at Stripe. When it is paid the wallet is credited, once, whatever happens on the way; the event stoa.payment.credited tells of it.")
            .Idempotent()
            .Produces<PaymentResponse>(StatusCodes.Status201Created)
            .Refuses(
                PaymentRefusal.AmountNotWholeCents, PaymentRefusal.AmountOutOfRange, PaymentRefusal.CurrencyUnsupported, PaymentRefusal.PaymentsTooMany,
                PaymentRefusal.PaymentExpired, PaymentRefusal.StripeUnavailable, PaymentRefusal.StripeRefused);
        payments.MapGet("/", ListAsync)
            .Needs(Permission.WalletRead)
            .WithName("listPayments").WithSummary("List your payments, newest first")
            .WithDescription("Without their refunds.")
            .Produces<ListResponse<PaymentResponse>>();
        payments.MapGet("/uncredited", ListUncreditedAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listUncreditedPayments").WithSummary("List payments that are paid and in no wallet")
            .WithDescription("For administrators: of everybody, newest first. Another amount or currency was paid than was asked for, or the wallet is full. Each is tried again by itself, for as long as it takes; what is refunded whole in Stripe's dashboard is off the list at the next look.")
            .Produces<ListResponse<PaymentResponse>>();
        payments.MapGet("/{id}", GetAsync)
            .Needs(Permission.WalletRead)
            .WithName("getPayment").WithSummary("Get a payment")
            .WithDescription("How it stands, and the refunds that were asked for here. Administrators see those of everybody.")
            .Produces<PaymentResponse>()
            .Refuses(PaymentRefusal.PaymentUnknown);
        payments.MapPost("/{id}/refunds", RefundAsync)
            .Needs(Permission.WalletSpend)
            .WithName("refundPayment").WithSummary("Have a payment refunded")
            .WithDescription("What was not spent goes back to where it came from. The amount is held first; when Stripe has decided the hold is captured or released, never both. Administrators may refund payments of everybody.")
            .Idempotent()
            .Produces<RefundResponse>(StatusCodes.Status201Created)
            .Produces<RefundResponse>(StatusCodes.Status202Accepted)
            .Refuses(
                PaymentRefusal.PaymentUnknown, PaymentRefusal.PaymentNotRefundable, PaymentRefusal.RefundExceedsPayment, PaymentRefusal.AmountNotWholeCents,
                PaymentRefusal.InsufficientFunds);
        payments.MapPost("/portal", OpenPortalAsync)
            .Needs(Permission.WalletSpend)
            .WithName("openBillingPortal").WithSummary("Open the billing portal")
            .WithDescription("Answers an address at Stripe where you see your receipts and keep your payment methods. It works for some minutes.")
            .TakesIdempotencyKey()
            .Produces<LinkResponse>()
            .Refuses(PaymentRefusal.CustomerUnknown, PaymentRefusal.StripeUnavailable, PaymentRefusal.StripeRefused);
        payments.MapPost("/stripe/webhook", ReceiveAsync)
            .WithName("receiveStripeEvent").WithSummary("Take an event of Stripe")
            .WithDescription("For Stripe alone: the address of the webhook endpoint that an operator registers there. The signature is checked over the bytes of the body (Stripe-Signature, five minutes); the same event again changes nothing.")
            .OpenToAll()
            .Accepts<Stream>("application/json")
            .TakesAtMost(MaxEventBytes)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(PaymentRefusal.StripeSignatureInvalid, PaymentRefusal.StripeEventInvalid);
    }

    private static async Task<IResult> AddCreditAsync(
        Body<AddCreditRequest> body, MadeId made, Caller caller, IUserStore users, ILedgerStore ledger, PaymentDesk desk, PaymentsOptions options, CancellationToken cancellationToken)
    {
        var amount = AmountField.ReadOrRefuse(body.Value.Amount, "/amount");
        if (body.Value.Currency is { } currency && !currency.Equals(StripeView.Dollars, StringComparison.OrdinalIgnoreCase))
            return Refuse(PaymentRefusal.CurrencyUnsupported, "Only US dollars are taken: leave currency out, or give \"usd\".", "/currency").ToProblem();
        if (!Cents.TryOf(amount, out _))
            return Refuse(PaymentRefusal.AmountNotWholeCents, $"{amount} USD is no whole number of cents.", "/amount").ToProblem();
        var (min, max) = (Money.Parse(options.MinCredit), Money.Parse(options.MaxCredit));
        if (amount < min || amount > max)
            return Refuse(PaymentRefusal.AmountOutOfRange, $"From {min} to {max} USD are paid in at once.", "/amount").ToProblem();
        if (await users.GetAsync(caller.UserId, cancellationToken) is not { } user)
            return RequestRefusal.Unauthenticated.ToProblem();
        var wallet = (await ledger.GetWalletAsync(caller.UserId, cancellationToken)).Id;
        return (await desk.BeginAsync(made.For<Payment>(), user, wallet, amount, cancellationToken)).Match<IResult>(
            payment => TypedResults.Created($"/api/v1/payments/{payment.Id}", payment.ToContract()), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlPaymentStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), payment => payment.ToContract()));

    private static async Task<IResult> ListUncreditedAsync([AsParameters] ListQuery query, SqlPaymentStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListUncreditedAsync(query.ToPage(), cancellationToken), payment => payment.ToContract()));

    private static async Task<IResult> GetAsync(Id<Payment> id, Caller caller, SqlPaymentStore store, CancellationToken cancellationToken) =>
        await FindAsync(id, caller, store, cancellationToken) is { } payment
            ? TypedResults.Ok(payment.ToContract(await store.ListRefundsAsync(id, cancellationToken)))
            : Unknown(id).ToProblem();

    private static async Task<IResult> RefundAsync(
        Id<Payment> id, Body<RefundPaymentRequest> body, MadeId made, Caller caller, SqlPaymentStore store, PaymentDesk desk, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await FindAsync(id, caller, store, cancellationToken) is not { } payment)
            return Unknown(id).ToProblem();
        var amount = body.Value.Amount is { } text ? AmountField.ReadOrRefuse(text, "/amount") : payment.Amount - payment.Refunded;
        var now = time.GetUtcNow().ToMilliseconds();
        var asked = new Refund(made.For<Refund>(), id, amount, RefundState.Requested, null, null, now, now);
        if (!(await store.RequestRefundAsync(asked, cancellationToken)).TryGet(out var refund, out var refusal))
            return refusal.ToProblem();
        try
        {
            await desk.LookAsync(id, ifDue: false, cancellationToken);
        }
        catch (StripeException)
        {
            // The amount is held, and the node asks again: that it takes longer is no refusal.
        }

        refund = (await store.ListRefundsAsync(id, cancellationToken)).Single(found => found.Id == refund.Id);
        return TypedResults.Json(
            refund.ToContract(), statusCode: refund.State is RefundState.Requested ? StatusCodes.Status202Accepted : StatusCodes.Status201Created);
    }

    private static async Task<IResult> OpenPortalAsync(HttpContext context, MadeId made, Caller caller, PaymentDesk desk, CancellationToken cancellationToken) =>
        (await desk.OpenPortalAsync(caller.UserId, KeyOf(context, caller, made), cancellationToken)).Match<IResult>(
            url => TypedResults.Ok(new LinkResponse(url)), refusal => refusal.ToProblem());

    private static async Task<IResult> ReceiveAsync(
        HttpRequest request, PaymentsOptions options, SqlPaymentStore store, PaymentWorker worker, TimeProvider time, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadAsync(request, cancellationToken);
        var headers = request.Headers["Stripe-Signature"];
        var now = time.GetUtcNow();
        var verdict = StripeSignature.Check(headers.Count == 1 ? headers[0] : null, body.Span, options.WebhookSecrets, now);
        if (verdict is not SignatureVerdict.Valid)
            return Refuse(PaymentRefusal.StripeSignatureInvalid, Explain(verdict)).ToProblem();
        if (!StripeEvent.Read(body).TryGet(out var told, out var refusal))
            return refusal.ToProblem();
        if (await store.NoteAsync(told, now, cancellationToken))
            worker.Wake();
        return TypedResults.NoContent();
    }

    /// <summary>What a client repeats gives the same address again, and what it does not a new one.</summary>
    internal static string KeyOf(HttpContext context, Caller caller, MadeId made) =>
        IdempotencyKeyHeader.Read(context.Request) is { } key
            ? ContentHash.Of(System.Text.Encoding.UTF8.GetBytes($"{caller.UserId} {context.Request.Path} {key}")).ToString()
            : made.Uuid.ToString();

    private static async Task<Payment?> FindAsync(Id<Payment> id, Caller caller, SqlPaymentStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } payment && (payment.UserId == caller.UserId || caller.IsAdmin) ? payment : null;

    private static string Explain(SignatureVerdict verdict) => verdict switch
    {
        SignatureVerdict.HeaderInvalid => "The header Stripe-Signature is missing or not of its form.",
        SignatureVerdict.OutOfTolerance => "The signature is more than five minutes old or in the future: Stripe signs each attempt anew. If all are refused, look at this node's clock.",
        _ => "None of the secrets in Payments:WebhookSecrets has signed this body. Look at the endpoint's secret in Stripe's dashboard, and whether something in between changes bodies.",
    };

    private static Refusal<PaymentRefusal> Refuse(PaymentRefusal code, string detail, string? pointer = null) =>
        new(code, detail, pointer is null ? [] : [new FieldError(pointer, detail)]);

    private static Refusal<PaymentRefusal> Unknown(Id<Payment> id) =>
        new(PaymentRefusal.PaymentUnknown, $"You have no payment {id}. List those that you have with GET /api/v1/payments.");
}
