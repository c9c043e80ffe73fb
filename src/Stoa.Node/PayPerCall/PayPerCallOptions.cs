namespace Stoa.Node.PayPerCall;

/// <summary>Whether this node sells single calls to whoever pays for them out of a payment channel.</summary>
public sealed record PayPerCallOptions
{
    /// <summary>Handle of the account that sells: channels pay it, and it pays for the tasks. Use it for nothing else. Default empty: no calls are sold.</summary>
    public string Payee { get; init; } = "";

    /// <summary>How long the line is held for the end of a call, in seconds. Later its result is fetched. Default 30.</summary>
    public int WaitSeconds { get; init; } = 30;

    /// <summary>How often the node looks for calls that have ended and channels that are closed, in milliseconds. Default 2,000.</summary>
    public int PollMs { get; init; } = 2_000;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (WaitSeconds is < 0 or > 300)
            yield return "PayPerCall:WaitSeconds is from 0 to 300.";
        if (PollMs is < 10 or > 60_000)
            yield return "PayPerCall:PollMs is from 10 to 60000.";
    }
}
