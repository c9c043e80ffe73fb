namespace Stoa.Node.Plans;

/// <summary>Plans and coupons of the operator.</summary>
public sealed record PlansOptions
{
    /// <summary>For how many days it is tried again when a plan cannot be renewed since the wallet has too little. Default 7.</summary>
    public int GraceDays { get; init; } = 7;

    /// <summary>How often the node looks for plans to renew and credit that expires, in milliseconds. Default 5,000.</summary>
    public int PollMs { get; init; } = 5_000;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (GraceDays is < 1 or > 27)
            yield return "Plans:GraceDays is from 1 to 27.";
        if (PollMs is < 10 or > 3_600_000)
            yield return "Plans:PollMs is from 10 to 3600000.";
    }
}
