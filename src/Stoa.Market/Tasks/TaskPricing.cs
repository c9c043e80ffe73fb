using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The parts of a price.</summary>
/// <param name="Base">Per task.</param>
/// <param name="Input">For the size of the input.</param>
/// <param name="Fuel">For the fuel: of a quote all that the limit allows, of a price what was burnt.</param>
public sealed record PriceParts(Money Base, Money Input, Money Fuel)
{
    /// <summary>What it comes to.</summary>
    public Money Total => Base + Input + Fuel;
}

/// <summary>What a task costs: <c>base + perMegabyte × input bytes / 10⁶ + perGigafuel × fuel / 10⁹</c>.</summary>
/// <remarks>
/// Each part is rounded up to the nanodollar, so none of them falls when its quantity rises: the price of what was burnt
/// is never above the price at the limit, which is what is held. The input counts by its size, read or not, since that is
/// what the node keeps and hands over.
/// </remarks>
public static class TaskPricing
{
    private const long BytesPerMegabyte = 1_000_000;
    private const long UnitsPerGigafuel = 1_000_000_000;

    /// <summary>The price of a quantity of work; false when it is beyond the range of money.</summary>
    /// <param name="price">The agent's.</param>
    /// <param name="inputBytes">Not negative.</param>
    /// <param name="fuel">Not negative.</param>
    /// <param name="parts">The price.</param>
    public static bool TryPrice(AgentPrice price, long inputBytes, long fuel, [NotNullWhen(true)] out PriceParts? parts)
    {
        try
        {
            parts = new PriceParts(
                price.Base,
                Money.MultiplyRatioRoundingUp(price.PerMegabyte, inputBytes, BytesPerMegabyte),
                Money.MultiplyRatioRoundingUp(price.PerGigafuel, fuel, UnitsPerGigafuel));
            _ = parts.Total;
            return true;
        }
        catch (OverflowException)
        {
            parts = null;
            return false;
        }
    }

    /// <summary>What is captured for an attempt that succeeded.</summary>
    /// <exception cref="InvalidOperationException">It would be above what is held, which the sandbox makes impossible.</exception>
    public static Money Capture(AgentPrice price, AgentTask task, Usage usage) =>
        TryPrice(price, task.Input.SizeBytes, usage.Fuel, out var parts) && parts.Total <= task.MaxPrice
            ? parts.Total
            : throw new InvalidOperationException($"The price of {task.Id} at {usage.Fuel} fuel is above its hold of {task.MaxPrice}.");
}
