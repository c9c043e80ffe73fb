namespace Stoa.Market.Webhooks;

/// <summary>When a delivery that failed is tried again, and when its webhook is given up.</summary>
/// <param name="MaxAttempts">Attempts in all.</param>
/// <param name="DisableAfter">How long every attempt must have failed before a webhook is disabled.</param>
public sealed record WebhookRetries(int MaxAttempts, TimeSpan DisableAfter)
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(6);

    /// <summary>The wait after so many failed attempts; null when that was the last one.</summary>
    /// <remarks>5 s, 20 s, 80 s and so on, four times as long each time up to 6 h, each a fifth shorter or longer by chance: eleven attempts take about a day.</remarks>
    public TimeSpan? AfterFailure(int attempts, Random random)
    {
        if (attempts >= MaxAttempts)
            return null;
        var seconds = Math.Min(s_first.TotalSeconds * Math.Pow(4, attempts - 1), s_longest.TotalSeconds);
        return TimeSpan.FromSeconds(seconds * (0.8 + (0.4 * random.NextDouble())));
    }
}
