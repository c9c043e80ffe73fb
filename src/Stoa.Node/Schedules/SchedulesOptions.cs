namespace Stoa.Node.Schedules;

/// <summary>How this node keeps schedules.</summary>
public sealed record SchedulesOptions
{
    /// <summary>How often the node looks at the clock, in milliseconds; a run begins at most so late. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>For how many days it can be seen what came of a tick. Default 30.</summary>
    public int KeepDays { get; init; } = 30;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (PollMs is < 10 or > 30_000)
            yield return "Schedules:PollMs is from 10 to 30000.";
        if (KeepDays is < 1 or > 3_650)
            yield return "Schedules:KeepDays is from 1 to 3650.";
    }
}
