using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>Money that is held once for many requests of one payer to one model: each reserves the most that it may cost, is settled with what it did cost, and gives the rest back.</summary>
/// <remarks>
/// Nothing here waits or leaves the memory but the <see cref="ISpendingRecord"/>. At every moment, whatever many threads do at once,
/// <code>left + reserved + (spent - spent when it was last renewed) ≤ held</code>
/// where <i>held</i> is what the ledger holds for it. A renewal settles what was spent and holds anew; while one is under way nobody knows which of the two holds there is, so what is left is
/// cut down beforehand to what both have. One renewal is under way at a time; its caller sees to that.
/// </remarks>
/// <param name="id">Of this allowance; never used before.</param>
/// <param name="record">Where what is spent is written down.</param>
public sealed class Allowance(Id<Allowance> id, ISpendingRecord record) : IIdentified
{
    private readonly Lock _gate = new();
    private readonly Grant _grant = new();
    private InferenceSpending _spent;
    private bool _isLost;

    public static string IdPrefix => "allow";

    /// <summary>Of this allowance.</summary>
    public Id<Allowance> Id => id;

    /// <summary>How it stands.</summary>
    public AllowanceStanding Standing
    {
        get
        {
            lock (_gate)
                return new AllowanceStanding(_spent, _grant.Left, _grant.Reserved, _grant.Open, _grant.Uses, _grant.IsClosed);
        }
    }

    /// <summary>Reserves what a request may cost.</summary>
    /// <param name="most">What it may cost at most.</param>
    /// <returns>Null when less than that is left, or nothing is reserved any more.</returns>
    public Reservation? TryReserve(Money most)
    {
        lock (_gate)
            return Take(most);
    }

    /// <summary>Begins a renewal: says what is to be settled and held.</summary>
    /// <param name="free">What is wanted beyond what is reserved.</param>
    /// <param name="needed">Of that, without which it is of no use; zero for as little as there may be.</param>
    public AllowanceRenewal BeginRenewal(Money free, Money needed)
    {
        lock (_gate)
        {
            // What is left from here on may be reserved before the ledger has answered. Of a request that needs more than there is, all that is left is a part.
            var kept = needed > Money.Zero ? Money.Zero : Money.Min(_grant.Left, free);
            var withheld = _grant.Left - kept;
            _grant.Set(kept);
            var least = Money.Max(kept, needed);
            return new AllowanceRenewal(_spent, _grant.Reserved, withheld, _grant.Reserved + Money.Max(free, least), _grant.Reserved + least);
        }
    }

    /// <summary>The ledger has refused: it holds what it held before.</summary>
    /// <param name="renewal">As it was begun.</param>
    public void RefuseRenewal(AllowanceRenewal renewal)
    {
        lock (_gate)
            _grant.Set(_grant.Left + renewal.Withheld);
    }

    /// <summary>The ledger has settled what was spent, and holds anew.</summary>
    /// <param name="renewal">As it was begun.</param>
    /// <param name="held">From <see cref="AllowanceRenewal.Least"/> on.</param>
    /// <param name="most">What the request may cost at most for which it was done; null without one.</param>
    /// <returns>What is reserved for that request before anybody else, if it was begun with what that needs; null without one.</returns>
    public Reservation? EndRenewal(AllowanceRenewal renewal, Money held, Money? most = null)
    {
        lock (_gate)
        {
            _grant.Set(held - _grant.Reserved - (_spent.Price.Total - renewal.Spent.Price.Total));
            return most is { } amount ? Take(amount) : null;
        }
    }

    /// <summary>Nothing is reserved from here on. What is reserved may still be settled.</summary>
    public void Close()
    {
        lock (_gate)
            _grant.Close();
    }

    /// <summary>Closes it if nothing is reserved, and, when it is told how often it was used, only if it was not used since.</summary>
    /// <returns>What was spent in all; null when something is reserved still, or it was used.</returns>
    public InferenceSpending? TryEnd(long? uses = null)
    {
        lock (_gate)
        {
            if (_grant.Open > 0 || (uses is { } before && before != _grant.Uses))
                return null;
            _grant.Close();
            return _spent;
        }
    }

    /// <summary>The ledger does not hold anything for it any more: nothing of it is paid from here on, nor written down.</summary>
    public void Lose()
    {
        lock (_gate)
        {
            _isLost = true;
            _grant.Close();
        }
    }

    private Money Settle(Money reserved, TokenUsage used, InferencePrice price)
    {
        lock (_gate)
        {
            _grant.End(reserved, price.Total);
            if (_isLost)
                return Money.Zero;
            _spent = _spent.With(used, price);
            record.Write(_spent);
        }

        return price.Total;
    }

    private void Release(Money reserved)
    {
        lock (_gate)
            _grant.End(reserved, Money.Zero);
    }

    private Part? Take(Money most) => _grant.TryReserve(most) ? new Part(this, most) : null;

    private sealed class Part(Allowance allowance, Money amount) : Reservation(amount)
    {
        protected override Money Take(TokenUsage used, InferencePrice price, PricedModel model) => allowance.Settle(Amount, used, price);

        protected override void GiveBack() => allowance.Release(Amount);
    }
}

/// <summary>How an allowance stands.</summary>
/// <param name="Spent">Since it was opened.</param>
/// <param name="Left">What may still be reserved.</param>
/// <param name="Reserved">For requests under way.</param>
/// <param name="Open">How many requests that is.</param>
/// <param name="Uses">How often something was reserved, settled or released.</param>
/// <param name="IsClosed">Nothing is reserved any more.</param>
public readonly record struct AllowanceStanding(InferenceSpending Spent, Money Left, Money Reserved, int Open, long Uses, bool IsClosed);

/// <summary>What a renewal is to do.</summary>
/// <param name="Spent">Of that what is not settled is settled.</param>
/// <param name="Reserved">For requests under way.</param>
/// <param name="Withheld">What was left and may not be reserved until it is known what came of it.</param>
/// <param name="Wanted">What is to be held then, if wallet, budgets and key have as much.</param>
/// <param name="Least">What has to be held, or nothing is done.</param>
public readonly record struct AllowanceRenewal(InferenceSpending Spent, Money Reserved, Money Withheld, Money Wanted, Money Least);
