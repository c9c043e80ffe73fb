namespace Stoa.Market.Registry.Replication;

/// <summary>How two sets were compared.</summary>
public enum ReconciliationWay
{
    /// <summary>Not at all: the other side was busy.</summary>
    Busy,

    /// <summary>By coded symbols.</summary>
    Sketch,

    /// <summary>By ranges.</summary>
    Ranges,

    /// <summary>All of the other's was taken in pages.</summary>
    Pages,
}

/// <summary>What a session has come to, as one side of it knows.</summary>
public sealed record ReconciliationReport
{
    /// <summary>How the sets were compared at last.</summary>
    public ReconciliationWay Way { get; init; }

    /// <summary>Coded symbols that went over.</summary>
    public int Symbols { get; init; }

    /// <summary>Ranges that were asked for.</summary>
    public int Ranges { get; init; }

    /// <summary>What was found that only the other side has, also what is unwanted.</summary>
    public int Theirs { get; init; }

    /// <summary>What was found that only this side has.</summary>
    public int Ours { get; init; }

    /// <summary>What became of the statements that came.</summary>
    public IntakeReport Intake { get; init; }

    /// <summary>Statements that were asked for and did not come: the other side has lost them meanwhile, or never had them.</summary>
    public int Missing { get; init; }

    /// <summary>Statements that were given.</summary>
    public int Given { get; init; }

    /// <summary>Whether nothing was left for another session.</summary>
    public bool IsComplete { get; init; }

    /// <summary>Where the pages go on; null when there are none to come.</summary>
    public UInt128? PageFrom { get; init; }
}
