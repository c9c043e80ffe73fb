namespace Stoa.Market.Selection;

/// <summary>An agent's place in the index.</summary>
internal sealed class AgentSlot(IndexedAgent agent)
{
    private int load;

    public IndexedAgent Agent { get; set; } = agent;

    public AgentStats? Stats { get; set; }

    public AgentSums Sums { get; set; }

    /// <summary>Where it stands in the group of each of its capabilities.</summary>
    public List<(CapabilityGroup Group, int Index)> Places { get; } = new(agent.Capabilities.Count);

    /// <summary>How many tasks of it wait or run in the cell, for its demand factor; 0 where it has none.</summary>
    public int Open { get; set; }

    public int Load => Volatile.Read(ref load);

    public void AddLoad(int more) => Interlocked.Add(ref load, more);
}

/// <summary>The sums of <see cref="AgentStats"/> decayed to the landmark of an index, so that single precision holds them.</summary>
/// <remarks>The end of the suspension is in seconds after the landmark; 0 when there is none.</remarks>
internal readonly record struct AgentSums(
    double Successes,
    double Paid,
    double Faults,
    double Had,
    double NotHad,
    double Runs,
    double Seconds,
    double SecondsSquared,
    double Gigafuel,
    double GigabyteSeconds,
    double SuspendedUntil)
{
    public static AgentSums Of(AgentStats stats, DateTimeOffset landmark)
    {
        var unit = Decay.WeightAt(landmark);
        return new AgentSums(
            stats.Successes / unit,
            stats.Paid / unit,
            stats.Faults / unit,
            stats.Had / unit,
            stats.NotHad / unit,
            stats.Runs / unit,
            stats.Seconds / unit,
            stats.SecondsSquared / unit,
            stats.Gigafuel / unit,
            stats.GigabyteSeconds / unit,
            stats.SuspendedUntil is { } until ? Math.Max(0, (until - landmark).TotalSeconds) : 0);
    }
}
