using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What is captured for a task.</summary>
public static class TaskPricing
{
    /// <summary>What an attempt is charged for. Time beyond the limit, which passes while a program is being stopped, is not.</summary>
    public static PricedWork WorkOf(long inputBytes, AgentLimits limits, Usage usage) =>
        new(inputBytes, usage.Fuel, usage.PeakMemoryBytes, Math.Min(usage.DurationMs, limits.TimeoutMs));

    /// <summary>What is captured for an attempt that succeeded.</summary>
    /// <exception cref="InvalidOperationException">It would be above what is held, which the sandbox makes impossible.</exception>
    public static Money Capture(AgentPrice price, AgentTask task, Usage usage) =>
        price.TryPrice(WorkOf(task.Input.SizeBytes, task.Limits, usage), out var parts) && parts.Total <= task.MaxPrice
            ? parts.Total
            : throw new InvalidOperationException($"The price of {task.Id} at {usage.Fuel} fuel is above its hold of {task.MaxPrice}.");
}
