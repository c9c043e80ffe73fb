namespace Stoa.Market.Metering;

/// <summary>How long the periods are that usage is added up by. All are periods of UTC.</summary>
public enum UsageSpan
{
    Hour,
    Day,
    Month,
}

/// <summary>The calendar of periods.</summary>
public static class UsageSpans
{
    /// <summary>When the period began that an instant lies in.</summary>
    public static DateTimeOffset StartOf(this UsageSpan span, DateTimeOffset instant)
    {
        var utc = instant.ToUniversalTime();
        return span switch
        {
            UsageSpan.Hour => new DateTimeOffset(utc.Year, utc.Month, utc.Day, utc.Hour, 0, 0, TimeSpan.Zero),
            UsageSpan.Day => new DateTimeOffset(utc.Year, utc.Month, utc.Day, 0, 0, 0, TimeSpan.Zero),
            UsageSpan.Month => new DateTimeOffset(utc.Year, utc.Month, 1, 0, 0, 0, TimeSpan.Zero),
            _ => throw new ArgumentOutOfRangeException(nameof(span)),
        };
    }

    /// <summary>When the period after one begins.</summary>
    /// <param name="span">How long periods are.</param>
    /// <param name="start">When the period began.</param>
    public static DateTimeOffset Next(this UsageSpan span, DateTimeOffset start) => span switch
    {
        UsageSpan.Hour => start.AddHours(1),
        UsageSpan.Day => start.AddDays(1),
        UsageSpan.Month => start.AddMonths(1),
        _ => throw new ArgumentOutOfRangeException(nameof(span)),
    };
}
