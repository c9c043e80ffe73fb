using Stoa.Market.Registry;

namespace Stoa.Market.Membership;

/// <summary>What a node tells the others of its cell with every sign of life.</summary>
/// <param name="Version">Of its software.</param>
/// <param name="Region">Where it stands, such as <c>eu-central</c>; null when it does not say.</param>
/// <param name="Capacity">What it has.</param>
/// <param name="Load">What of that is in use.</param>
public sealed record NodeReport(string Version, string? Region, NodeCapacity Capacity, NodeLoad Load);

/// <summary>What a node has for tasks.</summary>
/// <param name="Workers">How many run at once.</param>
/// <param name="MemoryBytes">What their memory limits may sum to.</param>
public sealed record NodeCapacity(int Workers, long MemoryBytes);

/// <summary>What of a node's capacity is in use.</summary>
/// <param name="BusyWorkers">Workers that run a task.</param>
/// <param name="BusyMemoryBytes">The sum of the memory limits of the tasks that run, or wait for a thread; never above the capacity.</param>
/// <param name="HeldTasks">Tasks that it has: those that run, and those that wait for a worker or for their end to be written.</param>
/// <param name="ClaimedTasks">How many tasks it has taken since it started.</param>
/// <param name="Running">How many tasks it has by agent, <c>publisher/name</c>: the <see cref="MaxAgents"/> busiest.</param>
public sealed record NodeLoad(int BusyWorkers, long BusyMemoryBytes, int HeldTasks, long ClaimedTasks, IReadOnlyDictionary<string, int> Running)
{
    /// <summary>The most agents that a report names.</summary>
    public const int MaxAgents = 256;

    /// <summary>Counts running tasks by agent.</summary>
    /// <param name="agents">The agent of each.</param>
    public static IReadOnlyDictionary<string, int> Count(IEnumerable<ListingName> agents) => agents
        .CountBy(agent => $"{agent.Publisher}/{agent.Name}", StringComparer.Ordinal)
        .OrderByDescending(counted => counted.Value)
        .Take(MaxAgents)
        .ToDictionary(StringComparer.Ordinal);
}

/// <summary>A node as the others find it.</summary>
/// <param name="Beat">Its last sign of life.</param>
/// <param name="StartedAt">When it was first listed, by its own clock.</param>
/// <param name="SeenAt">When it gave its last sign of life, by its own clock. Whether it is alive is not judged by it.</param>
/// <param name="Report">Null of a node whose version does not report.</param>
public sealed record ListedNode(NodeBeat Beat, DateTimeOffset StartedAt, DateTimeOffset SeenAt, NodeReport? Report);
