using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Replication;

namespace Stoa.Simulation.Registry;

/// <summary>What a world of the registry is made of.</summary>
internal sealed record RegistryWorldOptions
{
    /// <summary>How many honest nodes there are. Default 40.</summary>
    public int Nodes { get; init; } = 40;

    /// <summary>How many connections a node keeps up. Default 5.</summary>
    public int Degree { get; init; } = 5;

    /// <summary>How good the network is while there are faults. Default 1 in 2,000 messages stalls its stream, 1 in 5,000 is changed on the way, 1 in 20 attempts to connect is lost.</summary>
    public NetworkConditions Faulty { get; init; } = new() { StreamLoss = 0.0005, Corruption = 0.0002, ConnectLoss = 0.05 };

    /// <summary>How far the worst clocks are off, ahead and behind. Default 5 minutes: three more than statements may be ahead. Most are within a minute.</summary>
    public TimeSpan MaxSkew { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Who may have how many statements. Default: as nodes have it, but for work of 6 bits, so that it costs no time.</summary>
    public AdmissionPolicy Policy { get; init; } = AdmissionPolicy.Default with { StrangerWorkBits = 6 };

    /// <summary>How long a write to a disk takes. Default 8 ms.</summary>
    public TimeSpan WriteTime { get; init; } = TimeSpan.FromMilliseconds(8);

    /// <summary>How many statements a node remembers that it does not want.</summary>
    public int UnwantedCapacity { get; init; } = UnwantedStatements.DefaultCapacity;

    /// <summary>The node's own options. Default: a comparison with each peer every minute in place of five.</summary>
    public RegistryOptions Registry { get; init; } = new() { SyncSeconds = 60 };

    /// <summary>A fault to plant: disks lose the writes of the last so long before a crash.</summary>
    public TimeSpan LyingDisks { get; init; }
}
