namespace Stoa.Node.Metering;

/// <summary>How this node adds usage up.</summary>
public sealed record MeteringOptions
{
    /// <summary>How often usage is added up, budgets are settled and alerts are told, in milliseconds. Reports are exact whatever it is. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (PollMs is < 10 or > 60_000)
            yield return "Metering:PollMs is from 10 to 60000.";
    }
}
