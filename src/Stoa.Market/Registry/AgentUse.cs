using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What an agent may call while it works: an entry of <c>uses</c> in its manifest. Today each names an agent.</summary>
/// <param name="Agent">With its version: what is called never changes. Without one only in a draft, beside a range.</param>
/// <param name="MaxCalls">How often one task may call it.</param>
/// <param name="MaxPrice">The most that all these calls of one task cost together, with whatever they call.</param>
/// <param name="MaxInputBytes">The longest input of one call.</param>
/// <param name="Limits">What one call may use.</param>
public sealed record AgentUse(ListingName Agent, int MaxCalls, Money MaxPrice, long MaxInputBytes, UseLimits Limits)
{
    /// <summary>Most entries of a manifest.</summary>
    public const int MostUses = 16;

    /// <summary>Most calls of an entry.</summary>
    public const int MostCalls = 64;

    /// <summary>The longest input where the entry does not say: 1 MiB.</summary>
    public const long DefaultInputBytes = 1 << 20;

    /// <summary>What an entry may say at most: 256 MiB.</summary>
    public const long MostInputBytes = 256 << 20;

    /// <summary>What an entry may cost at most: a million dollars, so that sums of them are always money.</summary>
    public static readonly Money MostPrice = Money.Parse("1000000");

    /// <summary>Which versions would have done, of which the one in <see cref="Agent"/> was taken; null where the manifest names none.</summary>
    /// <remarks>It decides what the agent is published with, and nothing after that: price, receipt and what runs go by the version.</remarks>
    public SemanticRange? Range { get; init; }

    /// <summary>Whether a call names this entry: by the version, or by the agent alone where a range took the version, which a program cannot know.</summary>
    /// <param name="agent">As a program writes it, <c>publisher/name@version</c> or <c>publisher/name</c>.</param>
    public bool IsNamedBy(string agent) => Agent.ToString() == agent || (Range is not null && $"{Agent.Publisher}/{Agent.Name}" == agent);

    /// <summary>What one call may use: what the entry says, and otherwise what the called agent's manifest does.</summary>
    public AgentLimits LimitsOf(AgentLimits called) => new(
        Limits.Fuel ?? called.Fuel,
        Limits.MemoryBytes ?? called.MemoryBytes,
        Limits.TimeoutMs ?? called.TimeoutMs,
        Limits.OutputBytes ?? called.OutputBytes,
        Limits.LogBytes ?? called.LogBytes);
}

/// <summary>Limits of a call below those of the called agent; each null leaves the agent's.</summary>
public sealed record UseLimits(long? Fuel = null, long? MemoryBytes = null, long? TimeoutMs = null, long? OutputBytes = null, long? LogBytes = null)
{
    /// <summary>The agent's own.</summary>
    public static UseLimits None { get; } = new();
}
