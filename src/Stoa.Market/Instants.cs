namespace Stoa.Market;

/// <summary>Instants as they are stored: to the millisecond.</summary>
public static class Instants
{
    /// <summary>The instant without what is less than a millisecond.</summary>
    public static DateTimeOffset ToMilliseconds(this DateTimeOffset instant) => DateTimeOffset.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
}
