using System.Collections.ObjectModel;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>A task for which an agent is looked for.</summary>
/// <param name="Requirement">What must be done.</param>
/// <param name="InputBytes">Size of the input.</param>
/// <param name="Budget">The most that it may cost now; null for any price.</param>
/// <param name="TimeLeft">Until the deadline; null for no hurry.</param>
/// <param name="MaxMemoryBytes">The most that a task gets here.</param>
/// <param name="Caps">Limits of the request, which cut those of the agents.</param>
/// <param name="Excluded">Agents that are out of the question: <c>publisher/name</c>.</param>
/// <param name="Takes">Whether an agent takes the input and the parameters; asked about the best ones, one after another.</param>
public sealed record SelectionQuery(
    Requirement Requirement,
    long InputBytes,
    Money? Budget,
    TimeSpan? TimeLeft,
    long MaxMemoryBytes,
    LimitCaps Caps,
    IReadOnlyCollection<string> Excluded,
    Func<IndexedAgent, bool> Takes)
{
    /// <summary>The task's priority, on which prices may depend: 0 for background, 1 for normal, 2 for high, 3 for urgent.</summary>
    public int Priority { get; init; } = PriceFactors.NormalTier;

    /// <summary>For how many tasks of an agent the consumer has paid this month, by <c>publisher/name</c>: the prices of some depend on it. None where those who are found are to bid.</summary>
    public IReadOnlyDictionary<string, long> Paid { get; init; } = NonePaid;

    /// <summary>Nothing was paid for.</summary>
    public static IReadOnlyDictionary<string, long> NonePaid => ReadOnlyDictionary<string, long>.Empty;

    /// <summary>Whether only agents will do that call nobody: what calls cost cannot be bid for, and what they are given and give is not sealed.</summary>
    public bool CallsNobody { get; init; }

    /// <summary>Where it had better run; null for anywhere.</summary>
    public RegionPreference? Preference { get; init; }
}

/// <summary>Limits below those of the agents; each null leaves the agent's.</summary>
public sealed record LimitCaps(long? Fuel = null, long? MemoryBytes = null, long? TimeoutMs = null);
