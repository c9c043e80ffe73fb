namespace Stoa.Node.Webhooks;

/// <summary>How this node tells webhooks of events.</summary>
public sealed record WebhooksOptions
{
    /// <summary>Whether webhooks may have plain HTTP addresses. Default false.</summary>
    public bool AllowHttp { get; init; }

    /// <summary>Whether webhooks may be on this machine or in private networks. Only for nodes whose users are all trusted: whoever registers a webhook there makes the node call it. Default false.</summary>
    public bool AllowPrivateAddresses { get; init; }

    /// <summary>How long a receiver may take to answer, in milliseconds. Default 10,000.</summary>
    public int TimeoutMs { get; init; } = 10_000;

    /// <summary>How often a delivery is tried in all. The waits grow from 5 s to 6 h, so that the default, 11, takes about a day.</summary>
    public int MaxAttempts { get; init; } = 11;

    /// <summary>For how many hours every attempt must have failed before a webhook is disabled. Default 120.</summary>
    public int DisableAfterHours { get; init; } = 120;

    /// <summary>For how many days the outcome of a delivery can be seen, and the delivery be repeated. Default 30.</summary>
    public int KeepDays { get; init; } = 30;

    /// <summary>How many webhooks are sent to at once. Each gets at most four deliveries at a time. Default 8.</summary>
    public int Lanes { get; init; } = 8;

    /// <summary>How often the node looks for what other nodes of the cell have made, in milliseconds. Its own it sees at once. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (TimeoutMs is < 100 or > 12_000)
            yield return "Webhooks:TimeoutMs is from 100 to 12000.";
        if (MaxAttempts is < 1 or > 100)
            yield return "Webhooks:MaxAttempts is from 1 to 100.";
        if (DisableAfterHours is < 1 or > 8_760)
            yield return "Webhooks:DisableAfterHours is from 1 to 8760.";
        if (KeepDays is < 1 or > 3_650)
            yield return "Webhooks:KeepDays is from 1 to 3650.";
        if (Lanes is < 1 or > 1_000)
            yield return "Webhooks:Lanes is from 1 to 1000.";
        if (PollMs is < 10 or > 60_000)
            yield return "Webhooks:PollMs is from 10 to 60000.";
    }
}
