using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What is captured for a task.</summary>
public static class TaskPricing
{
    /// <summary>What an attempt is charged for. Time beyond the limit, which passes while a program is being stopped, is not.</summary>
    public static PricedWork WorkOf(long inputBytes, AgentLimits limits, Usage usage) =>
        new(inputBytes, usage.Fuel, usage.PeakMemoryBytes, Math.Min(usage.DurationMs, limits.TimeoutMs));

    /// <summary>What a task is charged by.</summary>
    /// <param name="factors">The agent's.</param>
    /// <param name="priority">The task's.</param>
    /// <param name="open">How many tasks of the agent are due or run.</param>
    /// <param name="paid">For how many tasks of the agent the consumer has paid this month.</param>
    public static PriceFactor FactorOf(PriceFactors factors, TaskPriority priority, long open, long paid = 0) => factors.At((int)priority, open, paid);

    /// <summary>What is kept of a task's factor: its demand part, where the agent has one. That of the priority follows from the priority.</summary>
    public static int? DemandOf(PriceFactors factors, PriceFactor factor) => factors.Demand is null ? null : factor.Demand;

    /// <summary>What is kept of a task's factor beside that: its volume part, null when that is one.</summary>
    public static int? VolumeOf(PriceFactor factor) => factor.Volume == PriceFactors.One ? null : factor.Volume;

    /// <summary>What is captured for an attempt that succeeded, without what it called.</summary>
    /// <param name="price">The agent's.</param>
    /// <param name="factor">By which the hold was computed.</param>
    /// <param name="task">The task.</param>
    /// <param name="usage">What was measured.</param>
    /// <exception cref="InvalidOperationException">It would be above what is held, which the sandbox makes impossible.</exception>
    public static Money Capture(AgentPrice price, PriceFactor factor, AgentTask task, Usage usage) =>
        price.TryPrice(WorkOf(task.Input.SizeBytes, task.Limits, usage), factor, out var parts) && parts.Total <= task.MaxPrice
            ? parts.Total
            : throw new InvalidOperationException($"The price of {task.Id} at {usage.Fuel} fuel is above its hold of {task.MaxPrice}.");
}
