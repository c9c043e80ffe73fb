using Stoa.Market.Registry;

namespace Stoa.Market.Selection;

/// <summary>An agent's place in the index.</summary>
/// <param name="number">Counts up from 0; of this agent for ever.</param>
/// <param name="state">What is known of it first.</param>
internal sealed class AgentSlot(int number, AgentState state)
{
    private volatile AgentState _state = state;
    private volatile GroupPlace[] _places = [];
    private volatile int _loadElsewhere;
    private int _load;

    public int Number => number;

    /// <summary>What is known of it; replaced as a whole.</summary>
    public AgentState State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>Where it stands in the group of each of its capabilities; replaced as a whole.</summary>
    public GroupPlace[] Places
    {
        get => _places;
        set => _places = value;
    }

    /// <summary>Tasks that it has at other nodes of the cell.</summary>
    public int LoadElsewhere
    {
        set => _loadElsewhere = value;
    }

    /// <summary>Tasks that it has.</summary>
    public int Load => Volatile.Read(ref _load) + _loadElsewhere;

    public void AddLoad(int more) => Interlocked.Add(ref _load, more);
}

/// <summary>A place in a group.</summary>
internal readonly record struct GroupPlace(CapabilityGroup Group, int Index);

/// <summary>What is known of an agent at one moment.</summary>
/// <param name="Agent">Its newest version.</param>
/// <param name="Stats">Null when it has not been tried.</param>
/// <param name="Sums">The statistics, relative to the landmark of the index.</param>
internal sealed record AgentState(IndexedAgent Agent, AgentStats? Stats, AgentSums Sums)
{
    /// <summary>How many tasks of it are due or run in the cell, each consumer's up to his share, for its demand factor; 0 where it has none.</summary>
    public int Open { get; init; }

    /// <summary>What the price of a task of this priority is multiplied by for somebody who has had nothing done yet.</summary>
    public PriceFactor FactorAt(int priority) => Agent.Factors.At(priority, Open);

    /// <summary>What the price of a task is multiplied by.</summary>
    public PriceFactor FactorFor(SelectionQuery query) =>
        Agent.Factors.At(query.Priority, Open, Agent.Factors.Volume is null ? 0 : query.Paid.GetValueOrDefault(Agent.Name));
}

/// <summary>The sums of <see cref="AgentStats"/> decayed to the landmark of an index, so that single precision holds them.</summary>
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
    double GigabyteSeconds)
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
            stats.GigabyteSeconds / unit);
    }

    /// <summary>Only the slowest in forty of its runs took longer: two standard deviations above its own mean. 0 before its first run.</summary>
    public double SlowSeconds
    {
        get
        {
            if (Runs <= 0)
                return 0;
            var mean = Seconds / Runs;
            return mean + (2 * Math.Sqrt(Math.Max(0, (SecondsSquared / Runs) - (mean * mean))));
        }
    }
}
