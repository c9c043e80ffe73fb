namespace Stoa.Node.Registry.Discovery;

/// <summary>How listings are recommended.</summary>
public sealed record DiscoveryOptions
{
    /// <summary>How many different consumers have to have used two agents before one is said to be used with the other; at least 2, so that nobody's own choice is told. Default 5.</summary>
    public int UsedWithConsumers { get; init; } = 5;

    /// <summary>How often it is found out anew which agents are used with each other, in minutes. Default 60.</summary>
    public int UsedWithMinutes { get; init; } = 60;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (UsedWithConsumers is < 2 or > 1_000_000)
            yield return "Discovery:UsedWithConsumers is from 2 to 1000000.";
        if (UsedWithMinutes is < 1 or > 1_440)
            yield return "Discovery:UsedWithMinutes is from 1 to 1440.";
    }
}
