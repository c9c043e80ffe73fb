using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>What of the hold of a task is left for its requests to models, in one attempt: each reserves the most that it may cost, and is settled with what it did cost.</summary>
/// <remarks>
/// Nothing of it is written down before the attempt has ended. At every moment, whatever many threads do at once, what is spent and reserved is no
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
    /// <param name="entry">Whose request it is, and by which entry of its <c>asks</c>.</param>
    /// <param name="maxPrice">The most that all requests of that entry cost.</param>
    /// <param name="most">What it may cost at most.</param>
    /// <returns>Whether there is as much, and what is left.</returns>
    internal (bool IsReserved, Money Left) TryReserve((int Caller, string Model) entry, Money maxPrice, Money most)
    {
        lock (_gate)
        {
            var taken = _taken.GetValueOrDefault(entry);
            var left = Money.Min(_left, maxPrice - taken);
            if (_isClosed || most > left)
                return (false, left);
            _left -= most;
            _taken[entry] = taken + most;
            return (true, left - most);
        }
    }

    /// <summary>Takes a part of what was reserved, and gives the rest back.</summary>
    internal void Settle((int Caller, string Model) entry, Money reserved, Money cost)
    {
        lock (_gate)
        {
            _taken[entry] -= reserved - cost;
            if (!_isClosed)
                _left += reserved - cost;
        }
    }
}

/// <summary>What one request is paid out of, and what it came to.</summary>
/// <param name="budget">Of its attempt.</param>
/// <param name="entry">Whose request it is, and by which entry of its <c>asks</c>.</param>
/// <param name="maxPrice">The most that all requests of that entry cost.</param>
internal sealed class ModelPurse(ModelBudget budget, (int Caller, string Model) entry, Money maxPrice) : IInferencePayer
{
    /// <summary>What was used, of which model, and what it costs; null as long as nothing was settled.</summary>
    public PaidRequest? Paid { get; private set; }

    public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken)
    {
        if (model.TryPriceOf(most)?.Total is not { } amount || amount > Registry.AgentUse.MostPrice)
        {
            return new(new Refusal<AllowanceRefusal>(
                AllowanceRefusal.PriceTooHigh, $"{most.InputTokens} tokens in and {most.OutputTokens} out of {model.Listing} cost more than any request may. Ask for fewer tokens."));
        }

        // What costs nothing is reserved all the same: it is counted when it is settled.
        var (isReserved, left) = budget.TryReserve(entry, maxPrice, amount);
        return isReserved
            ? new(new Part(this, amount))
            : new(new Refusal<AllowanceRefusal>(
                AllowanceRefusal.BudgetExhausted,
                $"The request may cost {amount} USD, and {left} are left of what agent.json allows for it in asks. Say max_tokens, ask for fewer, or have the agent's publisher allow a higher maxPrice."));
    }

    private sealed class Part(ModelPurse purse, Money amount) : Reservation(amount)
    {
        protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model)
        {
            purse.Paid = new PaidRequest(model, used, price);
            purse.Settle(Amount, price.Total);
            return price.Total;
        }

        protected override void GiveBack() => purse.Settle(Amount, Money.Zero);
    }

    private void Settle(Money reserved, Money cost) => budget.Settle(entry, reserved, cost);
}

/// <summary>What a request to a model came to.</summary>
/// <param name="Model">That has answered, as it is priced.</param>
/// <param name="Used">Tokens as they are billed.</param>
/// <param name="Price">By its parts; no more than was set aside.</param>
public sealed record PaidRequest(PricedModel Model, TokenUsage Used, InferencePrice Price);
