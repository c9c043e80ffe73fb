using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>What one request to a model may cost, set aside for it. It is settled or released once; what comes after the first does nothing.</summary>
public sealed class Reservation
{
    private readonly IReservedFrom? _source;
    private int _isOver;

    internal Reservation(IReservedFrom? source, PricedModel model, Money amount) => (_source, Model, Amount) = (source, model, amount);

    /// <summary>For a request that costs nothing: nothing is held, taken or written down for it.</summary>
    public static Reservation OfNothing(PricedModel model) => new(null, model, Money.Zero);

    /// <summary>At whose prices.</summary>
    public PricedModel Model { get; }

    /// <summary>What is set aside; no more is ever taken.</summary>
    public Money Amount { get; }

    /// <summary>The request has ended: what it has cost is taken, and the rest may be reserved by others.</summary>
    /// <param name="used">As it was counted; neither is negative.</param>
    /// <returns>What was taken: the price, but never above <see cref="Amount"/>; zero when it was over already.</returns>
    public Money Settle(TokenUsage used)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(used.InputTokens, nameof(used));
        ArgumentOutOfRangeException.ThrowIfNegative(used.OutputTokens, nameof(used));
        return _source is null || Interlocked.Exchange(ref _isOver, 1) != 0 ? Money.Zero : _source.Settle(this, used);
    }

    /// <summary>The request gave nothing: nothing is taken.</summary>
    public void Release()
    {
        if (_source is not null && Interlocked.Exchange(ref _isOver, 1) == 0)
            _source.Release(this);
    }

    /// <summary>The price of what was used, but no more than is set aside.</summary>
    internal InferencePrice PriceOf(TokenUsage used) => (Model.TryPriceOf(used) ?? new InferencePrice(Money.Zero, Amount)).AtMost(Amount);
}

/// <summary>Out of which something was reserved. Each reservation comes back once.</summary>
internal interface IReservedFrom
{
    /// <summary>Takes what was used.</summary>
    /// <returns>What was taken.</returns>
    Money Settle(Reservation reservation, TokenUsage used);

    /// <summary>Takes nothing.</summary>
    void Release(Reservation reservation);
}
