using System.Diagnostics.CodeAnalysis;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What a task costs: <c>base + perMegabyte × input MB + perGigafuel × Gfuel + perGigabyteSecond × GB·s</c>, each part rounded
/// up to the nanodollar, and the sum times the task's factor.</summary>
/// <remarks>
/// None of the parts falls when its quantity rises, so the price of what was used is never above the price at the limits, which is
/// what is held; both are by the same factor. Mega and giga are 10⁶ and 10⁹.
/// </remarks>
/// <param name="Base">Per task.</param>
/// <param name="PerMegabyte">Per 1,000,000 bytes of input.</param>
/// <param name="PerGigafuel">Per 1,000,000,000 units of fuel burnt.</param>
/// <param name="PerGigabyteSecond">Per 1,000,000,000 bytes of memory held for a second.</param>
public sealed record AgentPrice(Money Base, Money PerMegabyte, Money PerGigafuel, Money PerGigabyteSecond = default)
{
    private const long Mega = 1_000_000;
    private const long Giga = 1_000_000_000;
    private const long MillisecondsPerSecond = 1_000;

    /// <summary>The price of a quantity of work at a factor of one; false when it is beyond the range of money.</summary>
    public bool TryPrice(PricedWork work, [NotNullWhen(true)] out PriceParts? parts) => TryPrice(work, PriceFactor.One, out parts);

    /// <summary>The price of a quantity of work; false when it is beyond the range of money.</summary>
    public bool TryPrice(PricedWork work, PriceFactor factor, [NotNullWhen(true)] out PriceParts? parts)
    {
        try
        {
            parts = new PriceParts(
                Base,
                Money.MultiplyRatioRoundingUp(PerMegabyte, work.InputBytes, Mega),
                Money.MultiplyRatioRoundingUp(PerGigafuel, work.Fuel, Giga),
                Money.MultiplyRatioRoundingUp(PerGigabyteSecond, checked(work.MemoryBytes * work.DurationMs), Giga * MillisecondsPerSecond))
            {
                Factor = factor,
            };
            _ = parts.Total;
            return true;
        }
        catch (OverflowException)
        {
            parts = null;
            return false;
        }
    }
}

/// <summary>The quantities that a price depends on; none is negative.</summary>
/// <param name="InputBytes">Size of the input, read or not: that is what the node keeps and hands over.</param>
/// <param name="Fuel">Units burnt, or the limit.</param>
/// <param name="MemoryBytes">Linear memory at its largest, or the limit.</param>
/// <param name="DurationMs">Wall time in the sandbox, or the limit.</param>
public readonly record struct PricedWork(long InputBytes, long Fuel, long MemoryBytes, long DurationMs)
{
    /// <summary>All that the limits allow.</summary>
    public static PricedWork AtLimits(long inputBytes, AgentLimits limits) => new(inputBytes, limits.Fuel, limits.MemoryBytes, limits.TimeoutMs);
}

/// <summary>The parts of a price, each before the factor.</summary>
/// <param name="Base">Per task.</param>
/// <param name="Input">For the size of the input.</param>
/// <param name="Fuel">For the fuel: of a quote all that the limit allows, of a price what was burnt.</param>
/// <param name="Memory">For the memory and the time it was held: of a quote all that the limits allow, of a price what was measured.</param>
public sealed record PriceParts(Money Base, Money Input, Money Fuel, Money Memory)
{
    /// <summary>What their sum is multiplied by.</summary>
    public PriceFactor Factor { get; init; } = PriceFactor.One;

    /// <summary>What it comes to.</summary>
    public Money Total => Factor.Apply(Base + Input + Fuel + Memory);
}
