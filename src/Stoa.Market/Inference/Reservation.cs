using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>What one request to a model may cost, set aside for it. It is settled or released once; what comes after the first does nothing.</summary>
public abstract class Reservation
{
    private int _isOver;

    /// <param name="amount">What is set aside.</param>
    protected Reservation(Money amount) => Amount = amount;

    /// <summary>For a request that costs nothing: nothing is held, taken or written down for it.</summary>
    public static Reservation OfNothing() => new Nothing();

    /// <summary>What is set aside; no more is ever taken.</summary>
    public Money Amount { get; }

    /// <summary>The request has ended: what it has cost is taken, and the rest may be reserved by others.</summary>
    /// <param name="used">As it was counted; neither is negative.</param>
    /// <param name="model">At whose prices.</param>
    /// <param name="most">No more than this is taken, such as what was paid elsewhere; null for what the prices give.</param>
    /// <returns>What was taken: the price, but never above <see cref="Amount"/>; zero when it was over already.</returns>
    public Money Settle(TokenUsage used, PricedModel model, Money? most = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegative(used.InputTokens, nameof(used));
        ArgumentOutOfRangeException.ThrowIfNegative(used.OutputTokens, nameof(used));
        // Whatever was counted, no more is taken than was reserved.
        return IsTheEnd() ? Take(used, (model.TryPriceOf(used) ?? Unpriceable(model)).AtMost(Money.Min(Amount, most ?? Amount)), model) : Money.Zero;
    }

    /// <summary>The request is sent to whoever is to answer it.</summary>
    /// <param name="model">At whose prices.</param>
    public virtual void NoteSent(PricedModel model)
    {
        // What is given up costs nothing, where nobody says otherwise.
    }

    /// <summary>Whoever it was sent to has failed.</summary>
    public virtual void NoteFailed()
    {
    }

    /// <summary>The request gave nothing: nothing is taken.</summary>
    public void Release()
    {
        if (IsTheEnd())
            GiveBack();
    }

    /// <summary>Takes a price out of what was set aside. Called once, or <see cref="GiveBack"/> is.</summary>
    /// <returns>What was taken.</returns>
    protected abstract Money Take(TokenUsage used, InferencePrice price, PricedModel model);

    /// <summary>Gives all of it back.</summary>
    protected abstract void GiveBack();

    /// <summary>All that was set aside, of the part that the model has.</summary>
    private InferencePrice Unpriceable(PricedModel model) => model.Supplied is null ? new InferencePrice(Money.Zero, Amount) : new InferencePrice(Money.Zero, Money.Zero, Amount);

    private bool IsTheEnd() => Interlocked.Exchange(ref _isOver, 1) == 0;

    private sealed class Nothing() : Reservation(Money.Zero)
    {
        protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model) => Money.Zero;

        protected override void GiveBack()
        {
        }
    }
}
