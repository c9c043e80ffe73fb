using Stoa.Market;
using Stoa.Market.Inference;

namespace Stoa.Node.Inference.Limits;

/// <summary>Tokens that were taken for a request out of limits a minute, until it ends: once, by what it has used or by being disposed of, as one that has used nothing.</summary>
/// <param name="end">Gives back what was not used.</param>
/// <param name="other">What was taken for it out of another limit; null for none.</param>
internal sealed class TakenTokens(Action<long> end, TakenTokens? other) : IDisposable
{
    private int _isOver;

    /// <summary>The request has ended.</summary>
    /// <param name="used">As it is billed.</param>
    public void End(TokenUsage used)
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0)
            return;
        end(used.InputTokens + used.OutputTokens);
        other?.End(used);
    }

    public void Dispose() => End(default);
}

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
        protected override Primitives.Money Take(TokenUsage used, InferencePrice price, PricedModel model)
        {
            taken.End(used);
            return reservation.Settle(used, model);
        }

        protected override void GiveBack() => reservation.Release();
    }
}
