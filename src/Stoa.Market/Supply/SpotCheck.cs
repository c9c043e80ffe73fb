using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>What came of doing again elsewhere what a supplier has done.</summary>
public enum SpotCheckOutcome
{
    /// <summary>Not decided yet.</summary>
    Open,

    /// <summary>The other run gave the same.</summary>
    Confirmed,

    /// <summary>The other run gave something else, and so did a third one, the same as that: the supplier has lied.</summary>
    Contradicted,

    /// <summary>The other run gave something else, and a third one the same as the supplier: the other executor has lied.</summary>
    OtherContradicted,

    /// <summary>The two differ, and nobody could say who is right.</summary>
    Undecided,

    /// <summary>It could not be done again: what it ran on is gone, or nobody could run it within the day and the money that are for it.</summary>
    Skipped,
}

/// <summary>A task that a supplier has done, and that is done again elsewhere.</summary>
/// <param name="Id">Under which its calls at suppliers are made; no task's.</param>
/// <param name="Task">Whose run is checked.</param>
/// <param name="Supplier">Who has done it.</param>
/// <param name="CreatedAt">When it was drawn, UTC.</param>
public sealed record SpotCheck(Id<AgentTask> Id, Id<AgentTask> Task, Id<Supplier> Supplier, DateTimeOffset CreatedAt);

/// <summary>What a run came to, as far as it must be the same everywhere.</summary>
/// <param name="Output">Digest of the output; null when the program failed.</param>
/// <param name="Fuel">What it burnt: who overstates it is paid too much.</param>
public sealed record CheckedRun(ContentHash? Output, long Fuel);

/// <summary>The rules of spot checks.</summary>
public static class SpotCheckRules
{
    /// <summary>Whether a task is one of those that are done again.</summary>
    /// <param name="share">Of all tasks, from 0 to 1.</param>
    /// <param name="random">Chance.</param>
    public static bool IsDrawn(double share, Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return random.NextDouble() < share;
    }

    /// <summary>What the run may use when it is done again: a deadline that cut the time of the first one is not one of the others, and who is slower has not lied.</summary>
    public static AgentLimits LimitsOf(Receipt receipt, AgentTask task)
    {
        ArgumentNullException.ThrowIfNull(receipt);
        ArgumentNullException.ThrowIfNull(task);
        return receipt.Limits with { TimeoutMs = Math.Max(receipt.Limits.TimeoutMs, task.Limits.TimeoutMs) };
    }

    /// <summary>Whether a third run is needed.</summary>
    public static bool NeedsThird(CheckedRun first, CheckedRun second) => first != second;

    /// <summary>What the runs come to.</summary>
    /// <param name="first">The supplier's.</param>
    /// <param name="second">Elsewhere.</param>
    /// <param name="third">At a third executor; null when there was none to be had, or none was needed.</param>
    public static SpotCheckOutcome Judge(CheckedRun first, CheckedRun second, CheckedRun? third)
    {
        if (first == second)
            return SpotCheckOutcome.Confirmed;
        if (third == second)
            return SpotCheckOutcome.Contradicted;
        return third == first ? SpotCheckOutcome.OtherContradicted : SpotCheckOutcome.Undecided;
    }
}
