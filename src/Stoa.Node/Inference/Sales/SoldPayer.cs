using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Http;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;
using Reservation = Stoa.Market.Inference.Reservation;

namespace Stoa.Node.Inference.Sales;

/// <summary>What a request to a model was settled with.</summary>
/// <param name="Tokens">As they are billed.</param>
/// <param name="Price">What was taken.</param>
internal sealed record SoldUse(TokenUsage Tokens, Money Price);

/// <summary>Who pays for a request: a channel's credit, out of the wallet of the account that sells, into which its vouchers are paid. And when it is paid for, the request is taken, once.</summary>
/// <param name="request">The request.</param>
/// <param name="context">Of the request.</param>
/// <param name="parts">What all requests need.</param>
internal sealed class SoldPayer(PaidRequest request, HttpContext context, SalesParts parts) : IInferencePayer
{
    private readonly AllowanceHolder _holder = new(request.Payee.Id, null, request.Channel.Channel.Id);

    /// <summary>Why it is not paid for, as whoever asks is told; null when it is.</summary>
    public ProblemResult? Refusal { get; private set; }

    /// <summary>What it was settled with; null until then.</summary>
    public SoldUse? Used { get; private set; }

    /// <inheritdoc/>
    public async ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken)
    {
        var channel = request.Channel;
        if (model.TryPriceOf(most)?.Total is { } amount)
        {
            // Prices have risen since its payer has read them: he is told, and agrees by asking again.
            if (request.Most is { } agreed && amount > agreed)
                return Refuse(parts.Till.Demand(context, request.Payee, ForSaleOf(model, amount)));
            if (request.Ask is { } ask && ModelAsk.FindFault(ask, model.Listing, amount) is { } fault)
                return Refuse(new Refusal<AnswerRefusal>(AnswerRefusal.AskInvalid, fault.Detail).ToProblem());
            // Whoever comes again without paying costs no look into the database.
            if (channel.FindTooLittle(amount, request.Claim.Cumulative) is { } little)
                return Refuse(parts.Till.DemandMore(context, request.Payee, ForSaleOf(model, amount), little));
        }

        if (!(await parts.Allowances.ReserveAsync(_holder, model, most, cancellationToken)).TryGet(out var reservation, out var refused))
            return Refuse(await ExplainAsync(model, most, refused, cancellationToken));
        channel.NotePaid();
        // Not before: what is not paid for may come again, and costs no nonce.
        if (!await TakeAsync(cancellationToken))
        {
            reservation.Release();
            return Refuse(new Refusal<AnswerRefusal>(AnswerRefusal.RequestReplayed, "A request with this nonce was taken before: sign each request anew.").ToProblem());
        }

        return new Noted(this, reservation);
    }

    /// <summary>What is to be paid for.</summary>
    internal static ForSale ForSaleOf(PricedModel model, Money most) => new(most, $"An answer of {model.Listing}", "application/json");

    private Task<bool> TakeAsync(CancellationToken cancellationToken) =>
        parts.Nonces.TakeAsync(request.Channel.Channel.Id, request.Signature.Input.Nonce!, request.Signature.Created, cancellationToken);

    private async Task<ProblemResult> ExplainAsync(PricedModel model, TokenUsage most, Refusal<AllowanceRefusal> refused, CancellationToken cancellationToken)
    {
        switch (refused.Code)
        {
            case AllowanceRefusal.CreditUsedUp:
                var wanted = ForSaleOf(model, model.PriceOf(most));
                var credit = await parts.Database.ReadAsync(session => SqlCallCredit.ReadAsync(session, request.Channel.Channel.Id), cancellationToken);
                request.Channel.NoteUnpaid(wanted, request.Claim.Cumulative, credit);
                return parts.Till.DemandMore(context, request.Payee, wanted, credit);
            case AllowanceRefusal.PriceTooHigh:
                return new Refusal<AnswerRefusal>(AnswerRefusal.AnswerTooDear, refused.Detail).ToProblem();
            case AllowanceRefusal.AllowancesTooMany:
                return new Refusal<AnswerRefusal>(AnswerRefusal.AnswersBusy, refused.Detail).ToProblem();
            default:
                // What was paid is credit still; how the account stands is nobody's business.
                parts.Logger.LogWarning("Answers of models cannot be sold, since {Payee} cannot pay for them: {Reason}", request.Payee.Handle, refused.Detail);
                return new Refusal<AnswerRefusal>(
                    AnswerRefusal.AnswersBusy, "The account that sells cannot pay for the answer itself just now: what it was paid was spent elsewhere, or is held back by a budget. What you have paid is credit still.").ToProblem();
        }
    }

    // The word for it is nobody's to read: what is told is in the refusal.
    private Refusal<AllowanceRefusal> Refuse(ProblemResult problem)
    {
        Refusal = problem;
        return new Refusal<AllowanceRefusal>(AllowanceRefusal.SpendingForbidden, problem.Detail);
    }

    private sealed class Noted(SoldPayer payer, Reservation reservation) : Reservation(reservation.Amount)
    {
        protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model)
        {
            var taken = reservation.Settle(used, model, price.Total);
            payer.Used = new SoldUse(used, taken);
            return taken;
        }

        protected override void GiveBack() => reservation.Release();
    }
}
