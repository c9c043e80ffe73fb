using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Limits;

/// <summary>Has a request's limits know what it has used, at the moment at which that is billed: before the end of the answer goes out, so that whoever asks again then has it back.</summary>
/// <param name="payer">Pays.</param>
/// <param name="taken">For the request.</param>
internal sealed class LimitedPayer(IInferencePayer payer, TakenTokens taken) : IInferencePayer
{
    /// <inheritdoc/>
    public async ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken)
    {
        var reserved = await payer.ReserveAsync(model, most, cancellationToken);
        return reserved.Match<Outcome<Reservation, AllowanceRefusal>>(reservation => new Counted(reservation, taken), refusal => refusal);
    }

    private sealed class Counted(Reservation reservation, TakenTokens taken) : Reservation(reservation.Amount)
    {
        protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model)
        {
            taken.End(used);
            return reservation.Settle(used, model, price.Total);
        }

        protected override void GiveBack() => reservation.Release();
    }
}
