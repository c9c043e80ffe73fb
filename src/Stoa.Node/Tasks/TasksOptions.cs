using Stoa.Market.Registry;

namespace Stoa.Node.Tasks;

/// <summary>How this node works on tasks.</summary>
public sealed record TasksOptions
{
    /// <summary>How many programs run at once. Default: the number of processors; more help only where programs wait for inputs and outputs in the content store, or for models that they ask.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>The most that the memory limits of running tasks may sum to, and so the most that one task can get. Default: half of the machine's memory.</summary>
    public long MaxMemoryBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>How often a node of a cell gives a sign of life and looks for those of others, in milliseconds. One that was silent for five times as long is dead, and its tasks are taken over. Default 500.</summary>
    public int BeatMs { get; init; } = 500;

    /// <summary>How often a node asks for tasks that other nodes of the cell have queued, in milliseconds. Its own it sees at once. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>How often the progress of a running task is told, in milliseconds. Default 250.</summary>
    public int ProgressMs { get; init; } = 250;

    /// <summary>How long a node that is asked to stop lets running tasks end before it hands them back, in milliseconds. Default 5,000.</summary>
    public int StopGraceMs { get; init; } = 5_000;

    /// <summary>How many compiled programs are kept. Default 256.</summary>
    public int CachedPrograms { get; init; } = 256;

    /// <summary>Attempts of a task in all, when its failures are transient. Default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>How often the agents of one task may ask models in an attempt, all of them together; 0 where agents ask none at this node. From 0 to 64. Default 64.</summary>
    public int MaxModelRequests { get; init; } = AgentAsk.MostRequests;

    /// <summary>Of a captured price: what the creator gets, in percent. Default 70.</summary>
    public int CreatorPercent { get; init; } = 70;

    /// <summary>Of a captured price: what this node gets, in percent. Default 25.</summary>
    public int NodePercent { get; init; } = 25;

    /// <summary>Of a captured price: what the platform gets, in percent. Default 5.</summary>
    public int PlatformPercent { get; init; } = 5;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (Workers is < 1 or > 4_096)
            yield return "Tasks:Workers is from 1 to 4096.";
        if (MaxMemoryBytes < 64 << 20)
            yield return "Tasks:MaxMemoryBytes is at least 67108864, which is 64 MiB.";
        if (BeatMs is < 100 or > 60_000)
            yield return "Tasks:BeatMs is from 100 to 60000.";
        if (PollMs is < 10 or > 60_000)
            yield return "Tasks:PollMs is from 10 to 60000.";
        if (ProgressMs is < 50 or > 60_000)
            yield return "Tasks:ProgressMs is from 50 to 60000.";
        if (StopGraceMs is < 0 or > 600_000)
            yield return "Tasks:StopGraceMs is from 0 to 600000.";
        if (CachedPrograms < 1)
            yield return "Tasks:CachedPrograms is at least 1.";
        if (MaxAttempts is < 1 or > 20)
            yield return "Tasks:MaxAttempts is from 1 to 20.";
        if (MaxModelRequests is < 0 or > AgentAsk.MostRequests)
            yield return $"Tasks:MaxModelRequests is from 0 to {AgentAsk.MostRequests}.";
        if (CreatorPercent < 0 || NodePercent < 0 || PlatformPercent < 0 || CreatorPercent + NodePercent + PlatformPercent != 100)
            yield return "Tasks:CreatorPercent, NodePercent and PlatformPercent are not negative and sum to 100.";
    }
}
