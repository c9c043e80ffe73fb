using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What the price of an agent's tasks is multiplied by: how urgent they are, how much it has to do, and how much it does for the consumer. In parts per thousand, like all factors.</summary>
/// <param name="Background">For tasks of background priority.</param>
/// <param name="High">For tasks of high priority.</param>
/// <param name="Urgent">For urgent tasks. Normal ones have 1,000.</param>
/// <param name="Demand">By how much it has to do; null when that does not matter.</param>
public sealed record PriceFactors(int Background, int High, int Urgent, DemandFactor? Demand)
{
    /// <summary>By how much it has done for the consumer this month; null when that does not matter.</summary>
    public VolumeFactor? Volume { get; init; }

    /// <summary>Whether the price depends on the task's priority or on demand, which are the same for every consumer.</summary>
    public bool HasTiersOrDemand => this with { Volume = null } != None;

    /// <summary>A factor of one.</summary>
    public const int One = 1_000;

    /// <summary>The least factor of a priority: a half.</summary>
    public const int LeastTier = 500;

    /// <summary>The greatest factor, of a priority and of demand: ten.</summary>
    public const int Most = 10_000;

    /// <summary>The place of the normal priority among the four, from 0.</summary>
    public const int NormalTier = 1;

    /// <summary>A price is a price.</summary>
    public static PriceFactors None { get; } = new(One, One, One, Demand: null);

    /// <summary>What a task is charged by.</summary>
    /// <param name="priority">0 for background, 1 for normal, 2 for high, 3 for urgent.</param>
    /// <param name="open">How many tasks of the agent are due, or run.</param>
    /// <param name="paid">For how many tasks of the agent the consumer has paid this month.</param>
    public PriceFactor At(int priority, long open, long paid = 0) => new(
        priority switch
        {
            0 => Background,
            NormalTier => One,
            2 => High,
            3 => Urgent,
            _ => throw new ArgumentOutOfRangeException(nameof(priority)),
        },
        Demand?.At(open) ?? One,
        Volume?.At(paid) ?? One);
}

/// <summary>A factor that rises from one to a greatest with what an agent has to do.</summary>
/// <param name="Most">When as many tasks are due or run as it can do; in parts per thousand.</param>
/// <param name="From">The share of its capacity up to which it is one; in parts per thousand.</param>
/// <param name="Capacity">How many tasks it can do at a time, as its publisher says.</param>
public sealed record DemandFactor(int Most, int From, int Capacity)
{
    /// <summary>The largest capacity that can be stated.</summary>
    public const int MostCapacity = 10_000;

    /// <summary>How many tasks of one consumer are counted at the most: half of the capacity, rounded up, so that nobody raises the price to the top alone.</summary>
    public int ConsumerShare => (Capacity + 1) / 2;

    /// <summary>The factor, rounded down: a straight line between the share that it begins at and all of the capacity.</summary>
    /// <param name="open">How many tasks of the agent are due, or run.</param>
    public int At(long open)
    {
        var load = Math.Clamp(open, 0, Capacity) * PriceFactors.One;
        var begin = (long)From * Capacity;
        return load <= begin
            ? PriceFactors.One
            : PriceFactors.One + (int)((Most - PriceFactors.One) * (load - begin) / ((long)(PriceFactors.One - From) * Capacity));
    }
}

/// <summary>A factor that falls in steps with what a consumer has had done by an agent, in all of its versions, in the calendar month of UTC.</summary>
/// <param name="Tiers">1 to <see cref="MostTiers"/>, which begin later and cost less one after another.</param>
public sealed record VolumeFactor(IReadOnlyList<VolumeTier> Tiers)
{
    /// <summary>How many tiers there are at the most.</summary>
    public const int MostTiers = 8;

    /// <summary>The factor: that of the last tier that is reached, and one before the first.</summary>
    /// <param name="paid">For how many tasks of the agent the consumer has paid this month.</param>
    public int At(long paid)
    {
        var factor = PriceFactors.One;
        for (var index = 0; index < Tiers.Count && Tiers[index].From <= paid; index++)
            factor = Tiers[index].Factor;
        return factor;
    }
}

/// <summary>A step of a <see cref="VolumeFactor"/>.</summary>
/// <param name="From">How many tasks have been paid for when it begins, 1 to <see cref="MostFrom"/>.</param>
/// <param name="Factor">In parts per thousand, <see cref="LeastFactor"/> to <see cref="MostFactor"/>.</param>
public readonly record struct VolumeTier(long From, int Factor)
{
    /// <summary>The latest beginning.</summary>
    public const long MostFrom = 1_000_000_000;

    /// <summary>The least factor: a tenth.</summary>
    public const int LeastFactor = 100;

    /// <summary>The greatest factor, just below one.</summary>
    public const int MostFactor = PriceFactors.One - 1;
}

/// <summary>What one task's price is multiplied by, fixed when an agent gets it.</summary>
/// <param name="Tier">By the task's priority, in parts per thousand.</param>
/// <param name="Demand">By what the agent had to do, in parts per thousand.</param>
/// <param name="Volume">By what the agent had done for the consumer in the month, in parts per thousand.</param>
public sealed record PriceFactor(int Tier, int Demand, int Volume = PriceFactors.One)
{
    private const long Unit = (long)PriceFactors.One * PriceFactors.One * PriceFactors.One;

    /// <summary>Changes nothing.</summary>
    public static PriceFactor One { get; } = new(PriceFactors.One, PriceFactors.One);

    /// <summary>Whether all are in the range of factors.</summary>
    public bool IsInRange => Tier is >= PriceFactors.LeastTier and <= PriceFactors.Most && Demand is >= PriceFactors.One and <= PriceFactors.Most
        && Volume is >= VolumeTier.LeastFactor and <= PriceFactors.One;

    /// <summary>All together, as a number.</summary>
    public double Value => (double)Tier * Demand * Volume / Unit;

    /// <summary>The sum times all, rounded up to the nanodollar once.</summary>
    /// <exception cref="OverflowException">That is beyond the range of money.</exception>
    public Money Apply(Money sum) => Money.MultiplyRatioRoundingUp(sum, (long)Tier * Demand * Volume, Unit);
}
