using Stoa.Market.Identity;

namespace Stoa.Node.Privacy;

/// <summary>What persons may ask of the node about themselves.</summary>
public sealed record PrivacyOptions
{
    /// <summary>For how many days an erasure can be undone, 0 to 90. Default 7; with 0 it begins at once.</summary>
    public int ErasureGraceDays { get; init; } = 7;

    public IEnumerable<string> Validate()
    {
        if (ErasureGraceDays is < 0 or > ErasureRules.GraceDaysMax)
            yield return $"Privacy:ErasureGraceDays is from 0 to {ErasureRules.GraceDaysMax}.";
    }
}
