using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>What an API key may spend: a submission carries it to where its money is held.</summary>
/// <param name="KeyId">The key.</param>
/// <param name="PerDay">The most in a day of UTC.</param>
public sealed record SpendingAllowance(Id<ApiKey> KeyId, Money PerDay)
{
    /// <summary>That of a caller who may spend nothing at all.</summary>
    public static SpendingAllowance Nothing { get; } = new(default, Money.Zero);

    /// <summary>The day of an instant, counted from 1970-01-01 in UTC.</summary>
    public static long DayOf(DateTimeOffset instant) => (long)Math.Floor(instant.ToUnixTimeMilliseconds() / 86_400_000.0);
}
