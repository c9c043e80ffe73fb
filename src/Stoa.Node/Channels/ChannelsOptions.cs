using Stoa.Market.Channels;
using Stoa.Primitives;

namespace Stoa.Node.Channels;

/// <summary>What payment channels may be like on this node.</summary>
public sealed record ChannelsOptions
{
    /// <summary>Least to open a channel with, in US dollars. Default 0.001.</summary>
    public string MinDeposit { get; init; } = "0.001000000";

    /// <summary>Shortest challenge window, in seconds: payees must look at their channels as often. Default 3,600.</summary>
    public int MinChallengeWindowSeconds { get; init; } = 3_600;

    /// <summary>Longest challenge window, in seconds: so long a payer may have to wait for the rest. Default 2,592,000, which is 30 days.</summary>
    public int MaxChallengeWindowSeconds { get; init; } = 2_592_000;

    /// <summary>Challenge window of a channel that names none, in seconds. Default 86,400.</summary>
    public int ChallengeWindowSeconds { get; init; } = 86_400;

    /// <summary>Longest time from opening to expiry, in days. Default 366.</summary>
    public int MaxLifetimeDays { get; init; } = 366;

    /// <summary>Time to the expiry of a channel that names none, in days. Default 90.</summary>
    public int LifetimeDays { get; init; } = 90;

    /// <summary>Most channels of one payer that are not closed. Default 10,000.</summary>
    public int MaxLivePerPayer { get; init; } = 10_000;

    /// <summary>How often the node looks for channels that have expired or whose window is over, in milliseconds. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>The limits as the rules take them.</summary>
    public ChannelLimits ToLimits() => new(
        Money.Parse(MinDeposit), TimeSpan.FromSeconds(MinChallengeWindowSeconds), TimeSpan.FromSeconds(MaxChallengeWindowSeconds), TimeSpan.FromDays(MaxLifetimeDays));

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (!Money.TryParse(MinDeposit, out var amount) || amount <= Money.Zero)
            yield return "Channels:MinDeposit is an amount in US dollars above zero, such as 0.001.";
        if (MinChallengeWindowSeconds is < 1 or > 2_592_000)
            yield return "Channels:MinChallengeWindowSeconds is from 1 to 2592000.";
        if (MaxChallengeWindowSeconds < MinChallengeWindowSeconds || MaxChallengeWindowSeconds > 31_536_000)
            yield return "Channels:MaxChallengeWindowSeconds is from MinChallengeWindowSeconds to 31536000.";
        if (ChallengeWindowSeconds < MinChallengeWindowSeconds || ChallengeWindowSeconds > MaxChallengeWindowSeconds)
            yield return "Channels:ChallengeWindowSeconds is between MinChallengeWindowSeconds and MaxChallengeWindowSeconds.";
        if (MaxLifetimeDays is < 1 or > 3_660)
            yield return "Channels:MaxLifetimeDays is from 1 to 3660.";
        if (LifetimeDays < 1 || LifetimeDays > MaxLifetimeDays)
            yield return "Channels:LifetimeDays is from 1 to MaxLifetimeDays.";
        if (MaxLivePerPayer is < 1 or > 10_000_000)
            yield return "Channels:MaxLivePerPayer is from 1 to 10000000.";
        if (PollMs is < 10 or > 60_000)
            yield return "Channels:PollMs is from 10 to 60000.";
    }
}
