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
internal sealed class SoldPayer(PayerRequest request, HttpContext context, SalesParts parts) : IInferencePayer
{
    private readonly AllowanceHolder _holder = new(request.Payee.Id, null, request.Channel.Channel.Id);
    private bool _isTaken;

    /// <summary>Why it is not paid for, as whoever asks is told; null when it is.</summary>
    public ProblemResult? Refusal { get; private set; }

    /// <summary>What it was settled with; null until then.</summary>
    public SoldUse? Used { get; private set; }

    /// <summary>Whether what it may cost was set aside, and the request taken: from then on it may be charged.</summary>
    public bool IsPaid { get; private set; }

    /// <summary>Tokens of the request, as they were counted here.</summary>
    public long InputTokens { get; set; }

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
            if (channel.Unpaid.FindTooLittle(amount, request.Claim.Cumulative) is { } little)
                return Refuse(parts.Till.DemandMore(context, request.Payee, ForSaleOf(model, amount), little));
        }

        if (!(await parts.Allowances.ReserveAsync(_holder, model, most, cancellationToken)).TryGet(out var reservation, out var refused))
            return Refuse(await ExplainAsync(model, most, refused, cancellationToken));
        try
        {
            // Not before, unless its body is long: what is not paid for costs no nonce.
            if (await TakeAsync(cancellationToken) is { } replayed)
            {
                reservation.Release();
                return Refuse(replayed);
            }
        }
        catch
        {
            // Whoever has asked for it has nothing that could release it.
            reservation.Release();
            throw;
        }

        channel.Unpaid.NotePaid();
        IsPaid = true;
        return new Noted(this, reservation);
    }

    /// <summary>Takes the request, once.</summary>
    /// <returns>Why it is not taken: it was before; null when it is.</returns>
    public async ValueTask<ProblemResult?> TakeAsync(CancellationToken cancellationToken)
    {
        _isTaken = _isTaken || await parts.Nonces.TakeAsync(request.Channel.Channel.Id, request.Signature.Input.Nonce!, request.Signature.Created, cancellationToken);
        return _isTaken ? null : new Refusal<AnswerRefusal>(AnswerRefusal.RequestReplayed, "A request with this nonce was taken before: sign each request anew.").ToProblem();
    }

    private bool HasGone => context.RequestAborted.IsCancellationRequested;

    /// <summary>What is to be paid for.</summary>
    internal static ForSale ForSaleOf(PricedModel model, Money most) => new(most, $"An answer of {model.Listing}", "application/json");

    private async Task<ProblemResult> ExplainAsync(PricedModel model, TokenUsage most, Refusal<AllowanceRefusal> refused, CancellationToken cancellationToken)
    {
        switch (refused.Code)
        {
            case AllowanceRefusal.CreditUsedUp:
                var wanted = ForSaleOf(model, model.PriceOf(most));
                var credit = await parts.Database.ReadAsync(session => SqlCallCredit.ReadAsync(session, request.Channel.Channel.Id), cancellationToken);
                // What is held for requests like this one, and free, need not be paid once more.
                credit = credit with { Reserved = credit.Reserved - Money.Min(credit.Reserved, parts.Allowances.FreeOf(_holder, model)) };
                request.Channel.Unpaid.NoteUnpaid(wanted.Most, request.Claim.Cumulative, credit);
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

    /// <summary>Takes note of what was taken, and has whoever goes away once a server is at work for him pay for what that one has read.</summary>
    private sealed class Noted(SoldPayer payer, Reservation reservation) : Reservation(reservation.Amount)
    {
        private PricedModel? _sentTo;

        public override void NoteSent(PricedModel model) => _sentTo = model;

        public override void NoteFailed() => _sentTo = null;

        protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model)
        {
            var taken = reservation.Settle(used, model, price.Total);
            payer.Used = new SoldUse(used, taken);
            return taken;
        }

        protected override void GiveBack()
        {
            if (_sentTo is { } model && payer.HasGone)
                payer.Used = new SoldUse(new TokenUsage(payer.InputTokens, 0), reservation.Settle(new TokenUsage(payer.InputTokens, 0), model));
            else
                reservation.Release();
        }
    }
}
