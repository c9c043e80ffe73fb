using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>What of the hold of a task is left for its requests to models, in one attempt: each reserves the most that it may cost, and is settled with what it did cost.</summary>
/// <remarks>
/// Nothing of it is written down before the task has succeeded: an attempt that fails costs nothing, and takes its budget with it. At every moment, whatever many threads do at once, what is spent and reserved is no
/// more than the whole, and no more than the entry of the agent's <c>asks</c> allows.
/// </remarks>
/// <param name="whole">What the hold has beyond the agent's own price at its limits.</param>
public sealed class ModelBudget(Money whole)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Caller, string Model), Money> _taken = [];
    private Money _left = whole;
    private bool _isClosed;

    /// <summary>What may still be reserved.</summary>
    public Money Left
    {
        get
        {
            lock (_gate)
                return _left;
        }
    }

    /// <summary>Nothing is reserved from here on.</summary>
    public void Close()
    {
        lock (_gate)
            (_isClosed, _left) = (true, Money.Zero);
    }

    /// <summary>Reserves what a request may cost.</summary>
    /// <param name="purse">Whose request it is.</param>
    /// <param name="model">At whose prices it is settled.</param>
    /// <param name="most">What it may cost at most; what costs nothing is reserved all the same, to be counted.</param>
    /// <returns>Null with what is left when that is less, or the attempt is over.</returns>
    internal (Reservation? Reservation, Money Left) TryReserve(ModelPurse purse, PricedModel model, Money most)
    {
        lock (_gate)
        {
            var taken = _taken.GetValueOrDefault(purse.Entry);
            var left = Money.Min(_left, purse.MaxPrice - taken);
            if (_isClosed || most > left)
                return (null, left);
            _left -= most;
            _taken[purse.Entry] = taken + most;
            return (new Reservation(purse, model, most), left - most);
        }
    }

    /// <summary>Takes a part of what was reserved, and gives the rest back.</summary>
    internal void Settle(ModelPurse purse, Money reserved, Money cost)
    {
        lock (_gate)
        {
            _taken[purse.Entry] -= reserved - cost;
            if (!_isClosed)
                _left += reserved - cost;
        }
    }
}

/// <summary>What one request is paid out of, and what it came to.</summary>
/// <param name="budget">Of its attempt.</param>
/// <param name="caller">The number of the call that asks; 0 for the task's own agent.</param>
/// <param name="model">What it names as its model.</param>
/// <param name="maxPrice">The most that all requests of the entry cost.</param>
internal sealed class ModelPurse(ModelBudget budget, int caller, string model, Money maxPrice) : IRequestPurse, IReservedFrom
{
    /// <summary>Whose entry of <c>asks</c> it is.</summary>
    public (int Caller, string Model) Entry => (caller, model);

    public Money MaxPrice => maxPrice;

    /// <summary>What was used, of which model, and what it costs; null as long as nothing was settled.</summary>
    public PaidRequest? Paid { get; private set; }

    public Outcome<Reservation, AllowanceRefusal> Reserve(PricedModel priced, TokenUsage most)
    {
        if (priced.TryPriceOf(most)?.Total is not { } amount || amount > Registry.AgentUse.MostPrice)
        {
            return new Refusal<AllowanceRefusal>(
                AllowanceRefusal.PriceTooHigh, $"{most.InputTokens} tokens in and {most.OutputTokens} out of {priced.Listing} cost more than any request may. Ask for fewer tokens.");
        }

        var (reservation, left) = budget.TryReserve(this, priced, amount);
        return reservation is not null
            ? reservation
            : new Refusal<AllowanceRefusal>(
                AllowanceRefusal.BudgetExhausted,
                $"The request may cost {amount} USD, and {left} are left of what agent.json allows for it in asks. Say max_tokens, ask for fewer, or have the agent's publisher allow a higher maxPrice.");
    }

    Money IReservedFrom.Settle(Reservation reservation, TokenUsage used)
    {
        var price = reservation.PriceOf(used);
        Paid = new PaidRequest(reservation.Model, used, price);
        budget.Settle(this, reservation.Amount, price.Total);
        return price.Total;
    }

    void IReservedFrom.Release(Reservation reservation) => budget.Settle(this, reservation.Amount, Money.Zero);
}

/// <summary>What a request to a model came to.</summary>
/// <param name="Model">That has answered, as it is priced.</param>
/// <param name="Used">Tokens as they are billed.</param>
/// <param name="Price">By its parts.</param>
public sealed record PaidRequest(PricedModel Model, TokenUsage Used, InferencePrice Price);
