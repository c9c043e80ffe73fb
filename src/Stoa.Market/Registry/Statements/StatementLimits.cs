namespace Stoa.Market.Registry.Statements;

/// <summary>What all nodes agree on about the size and the time of statements: a statement that one refuses by these for good, all do.</summary>
public static class StatementLimits
{
    /// <summary>The largest payload in bytes: a listing whose manifest has <see cref="ManifestReader.MaxBytes"/>, each of which has to be escaped.</summary>
    public const int MaxPayloadBytes = (2 * ManifestReader.MaxBytes) + (8 * 1024);

    /// <summary>The longest name for people, in characters.</summary>
    public const int MaxDisplayNameLength = 64;

    /// <summary>The longest handle that is claimed, in characters: that of a DNS name.</summary>
    public const int MaxHandleLength = 253;

    /// <summary>The fewest stars of a review.</summary>
    public const int MinStars = 1;

    /// <summary>The most stars of a review.</summary>
    public const int MaxStars = 5;

    /// <summary>The longest text of a review, in characters.</summary>
    public const int MaxReviewLength = 2_000;

    /// <summary>The most agents of a summary of receipts.</summary>
    public const int MaxSummedAgents = 512;

    /// <summary>The most addresses of an offer.</summary>
    public const int MaxAddresses = 16;

    /// <summary>The longest address, in characters.</summary>
    public const int MaxAddressLength = 255;

    /// <summary>The most programs that an offer names.</summary>
    public const int MaxPrograms = 1_024;

    /// <summary>The most models.</summary>
    public const int MaxModels = 256;

    /// <summary>The most models whose answers an offer says are sold.</summary>
    public const int MaxSoldModels = 64;

    /// <summary>The most programs of whose runs an offer says the price.</summary>
    public const int MaxPostedRuns = 64;

    /// <summary>The longest context of a model that is sold, in tokens.</summary>
    public const long MaxContextLength = 1L << 40;

    /// <summary>The highest speed of one of them, in tokens a second.</summary>
    public const long MaxTokensPerSecond = 1_000_000_000;

    /// <summary>The greatest factor on prices, in parts per thousand.</summary>
    public const int MaxPriceFactor = 100_000;

    /// <summary>How far ahead of the receiver's clock a statement may be. One that is further is refused until its time has come.</summary>
    public static TimeSpan MaxAhead { get; } = TimeSpan.FromMinutes(2);

    /// <summary>How long an offer may be good for.</summary>
    public static TimeSpan MaxOfferLife { get; } = TimeSpan.FromDays(1);

    /// <summary>How much longer than it could be good for an offer is kept: clocks differ, and who keeps it should not be told anew by those who do.</summary>
    public static TimeSpan OfferGrace { get; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest while that a summary of receipts is about.</summary>
    public static TimeSpan MaxSummedTime { get; } = TimeSpan.FromDays(366);
}
