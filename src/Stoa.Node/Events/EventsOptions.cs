namespace Stoa.Node.Events;

/// <summary>How this node tells of events.</summary>
public sealed record EventsOptions
{
    /// <summary>How long a stream of server-sent events is silent before a comment line shows that it lives, in seconds. Less where a proxy cuts connections off that are idle for a short time. Default 15.</summary>
    public int KeepAliveSeconds { get; init; } = 15;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (KeepAliveSeconds is < 1 or > 300)
            yield return "Events:KeepAliveSeconds is from 1 to 300.";
    }
}
