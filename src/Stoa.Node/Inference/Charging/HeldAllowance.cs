using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>An allowance of this node, and what is known of its row and its slot.</summary>
/// <param name="allowance">In memory.</param>
/// <param name="slot">Where what is spent of it is written down.</param>
/// <param name="holder">Who pays.</param>
/// <param name="model">For what.</param>
internal sealed class HeldAllowance(Allowance allowance, ChargeSlot slot, AllowanceHolder holder, PricedModel model) : IDisposable
{
    private long _waiting;

    public Allowance Allowance => allowance;

    public ChargeSlot Slot => slot;

    /// <summary>Who pays, with what his key may spend as of the last request that had to wait.</summary>
    public AllowanceHolder Holder { get; set; } = holder;

    public PricedModel Model => model;

    /// <summary>Whoever has it is the only one that has the allowance's row changed.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>It is known to have a row.</summary>
    public bool IsOpen { get; set; }

    /// <summary>Its opening was tried: it may have a row. When it was last, UTC.</summary>
    public DateTimeOffset? TriedAt { get; set; }

    /// <summary>What was spent when it was last settled.</summary>
    public InferenceSpending Settled { get; set; }

    /// <summary>About what was spent a second lately.</summary>
    public Money PerSecond { get; set; }

    /// <summary>The last refusal, for what, and how many there were before.</summary>
    public RefusedRenewal? Refused { get; set; }

    /// <summary>What all requests together need that wait for it.</summary>
    public Money Waiting => new(Interlocked.Read(ref _waiting));

    public void AddWaiting(Money amount) => Interlocked.Add(ref _waiting, amount.Nanodollars);

    public void Dispose() => Turn.Dispose();
}

/// <summary>That a renewal was refused.</summary>
/// <param name="Number">Of this refusal, counted at its allowance.</param>
/// <param name="Amount">Of the request that it was for: more is refused all the same.</param>
/// <param name="Why">The refusal, its detail as the end of a sentence.</param>
internal sealed record RefusedRenewal(long Number, Money Amount, Refusal<AllowanceRefusal> Why);
