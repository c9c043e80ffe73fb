namespace Stoa.Node.Workflows;

/// <summary>How this node carries runs of workflows.</summary>
public sealed record WorkflowsOptions
{
    /// <summary>How many runs that are not over an account may have. Default 1,000.</summary>
    public int MaxOpenRuns { get; init; } = 1_000;

    /// <summary>How many runs this node carries at once; others wait, or another node of the cell carries them. Default 20,000.</summary>
    public int MaxRuns { get; init; } = 20_000;

    /// <summary>How many tasks of one run wait or run at once. Default 2,000.</summary>
    public int MaxOpenTasks { get; init; } = 2_000;

    /// <summary>How many bytes of what has happened to it a run keeps; beyond them its tasks fail. Default 64 MiB.</summary>
    public long MaxLogBytes { get; init; } = 64 << 20;

    /// <summary>How often the node looks for runs that nobody carries, in milliseconds. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>For how many days a run can be looked at once it is over. Default 90.</summary>
    public int KeepDays { get; init; } = 90;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaxOpenRuns is < 1 or > 1_000_000)
            yield return "Workflows:MaxOpenRuns is from 1 to 1000000.";
        if (MaxRuns is < 1 or > 1_000_000)
            yield return "Workflows:MaxRuns is from 1 to 1000000.";
        if (MaxOpenTasks is < 1 or > 100_000)
            yield return "Workflows:MaxOpenTasks is from 1 to 100000.";
        if (MaxLogBytes is < 1 << 20 or > 1L << 30)
            yield return "Workflows:MaxLogBytes is from 1048576 to 1073741824.";
        if (PollMs is < 10 or > 30_000)
            yield return "Workflows:PollMs is from 10 to 30000.";
        if (KeepDays is < 1 or > 3_650)
            yield return "Workflows:KeepDays is from 1 to 3650.";
    }
}
