namespace Stoa.Node.Disputes;

/// <summary>How long tasks can be disputed, and how disputes are decided.</summary>
public sealed record DisputesOptions
{
    /// <summary>For how many days after its end a task can be disputed. Default 30.</summary>
    public int WindowDays { get; init; } = 30;

    /// <summary>The longest run that decides a dispute, in seconds. One that takes longer leads to nothing. Default 3,600.</summary>
    public int MaxRunSeconds { get; init; } = 3_600;

    /// <summary>How often the node looks for disputes that other nodes of the cell were told of, in milliseconds. Default 2,000.</summary>
    public int PollMs { get; init; } = 2_000;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (WindowDays is < 1 or > 3_650)
            yield return "Disputes:WindowDays is from 1 to 3650.";
        if (MaxRunSeconds is < 1 or > 86_400)
            yield return "Disputes:MaxRunSeconds is from 1 to 86400.";
        if (PollMs is < 10 or > 60_000)
            yield return "Disputes:PollMs is from 10 to 60000.";
    }
}
