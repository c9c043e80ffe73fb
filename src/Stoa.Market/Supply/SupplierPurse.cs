using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>What one node of a cell may spend at a supplier for requests to models: granted in pieces, each of which is written before it is spent, and drawn on in memory.</summary>
/// <remarks>It counts in all since it was opened, so that writing the same twice changes nothing. It may be used by many threads at once.</remarks>
public sealed class SupplierPurse
{
    private readonly Lock _gate = new();
    private readonly Grant _grant = new();
    private PurseCounts _counts;

    /// <summary>What came of its requests so far.</summary>
    public PurseCounts Counts
    {
        get
        {
            lock (_gate)
                return _counts;
        }
    }

    /// <summary>How it stands.</summary>
    public PurseStanding Standing
    {
        get
        {
            lock (_gate)
                return new PurseStanding(_counts, Granted, _grant.Reserved, _grant.Uses) { UnderWay = _grant.Open };
        }
    }

    /// <summary>Sets aside what a request can cost.</summary>
    /// <returns>Whether there was as much. It is settled once.</returns>
    public bool TryReserve(Money amount)
    {
        lock (_gate)
            return _grant.TryReserve(amount);
    }

    /// <summary>Sets aside what a request can cost, where no more are under way than may be.</summary>
    /// <param name="amount">What it can cost.</param>
    /// <param name="mostUnderWay">So many at most, with this one.</param>
    /// <param name="mostReserved">And so much for all of them.</param>
    /// <returns>Whether it was. It is settled once.</returns>
    public bool TryReserve(Money amount, int mostUnderWay, Money mostReserved)
    {
        lock (_gate)
            return _grant.Open < mostUnderWay && amount <= mostReserved - _grant.Reserved && _grant.TryReserve(amount);
    }

    /// <summary>So much may be spent in all from now on. It was written before.</summary>
    public void Grant(Money granted)
    {
        lock (_gate)
            _grant.Set(granted - _counts.Spent - _grant.Reserved);
    }

    /// <summary>Gives back what is not reserved. It is to be written afterwards.</summary>
    /// <returns>What may be spent in all from now on.</returns>
    public Money GiveBack()
    {
        lock (_gate)
        {
            _grant.Set(Money.Zero);
            return Granted;
        }
    }

    /// <summary>Reserves nothing any more, and gives back what is not reserved. What is under way is settled still.</summary>
    /// <returns>What may be spent in all from now on.</returns>
    public Money Close()
    {
        lock (_gate)
        {
            _grant.Close();
            return Granted;
        }
    }

    /// <summary>A request has ended.</summary>
    /// <param name="reserved">What was set aside for it.</param>
    /// <param name="spent">What it has cost, as far as is known; no more than that.</param>
    /// <param name="most">The most that can have been charged for it; what of it is above what is known to have been spent is in doubt, as far as it was reserved.</param>
    /// <param name="outcome">What it says of the supplier; null for nothing.</param>
    public void Settle(Money reserved, Money spent, Money most, CallOutcome? outcome)
    {
        var cost = Money.Min(spent, reserved);
        var doubtful = Money.Max(Money.Zero, Money.Min(most, reserved) - cost);
        lock (_gate)
        {
            _grant.End(reserved, cost);
            _counts = new PurseCounts(
                _counts.Spent + cost,
                _counts.Doubtful + doubtful,
                _counts.Successes + (outcome is CallOutcome.Done ? 1 : 0),
                _counts.Failures + (outcome is CallOutcome.Failed ? 1 : 0),
                _counts.Lies + (outcome is CallOutcome.Lied ? 1 : 0));
        }
    }

    /// <summary>A request that was settled has turned out to have failed through the supplier's fault.</summary>
    public void NoteFailure()
    {
        lock (_gate)
            _counts = _counts with { Failures = _counts.Failures + 1 };
    }

    /// <summary>What it is worth being granted beyond what is spent and reserved: enough for those who wait and for some time, but no more than may be in doubt should the node die right after that.</summary>
    /// <param name="amount">What the request needs that it is for: that in any case.</param>
    /// <param name="others">What others need that wait.</param>
    /// <param name="some">What is sensible besides.</param>
    /// <param name="most">What may be in doubt of it; below zero when what is reserved is more.</param>
    public static Money WorthGranting(Money amount, Money others, Money some, Money most) => Money.Max(amount, Money.Min(Money.Max(amount, some) + others, most));

    private Money Granted => _counts.Spent + _grant.Reserved + _grant.Left;
}

/// <summary>What came of requests to models at a supplier, in all. Every number only grows.</summary>
/// <param name="Spent">What they have cost.</param>
/// <param name="Doubtful">What may have been charged for them besides.</param>
/// <param name="Successes">Answered, with receipts that held.</param>
/// <param name="Failures">Not answered, or refused.</param>
/// <param name="Lies">Answered with what is not to be believed.</param>
public readonly record struct PurseCounts(Money Spent, Money Doubtful, long Successes, long Failures, long Lies)
{
    /// <summary>What came since an earlier look.</summary>
    public PurseCounts Since(PurseCounts earlier) => new(
        Spent - earlier.Spent, Doubtful - earlier.Doubtful, Successes - earlier.Successes, Failures - earlier.Failures, Lies - earlier.Lies);
}

/// <summary>How a purse stands.</summary>
/// <param name="Counts">What came of its requests.</param>
/// <param name="Granted">What may be spent in all.</param>
/// <param name="Reserved">For requests under way.</param>
/// <param name="Uses">How often something was reserved or settled.</param>
public readonly record struct PurseStanding(PurseCounts Counts, Money Granted, Money Reserved, long Uses)
{
    /// <summary>How many requests are under way, whether they cost anything or not.</summary>
    public int UnderWay { get; init; }
}
