namespace Stoa.Network.Relay;

/// <summary>Times as the messages of relays have them: seconds since 1970.</summary>
internal static class UnixTime
{
    private const ulong MaxSeconds = 253_402_300_799;

    /// <summary>The time; the last that there is when it is later.</summary>
    public static DateTimeOffset FromSeconds(ulong seconds) => DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(seconds, MaxSeconds));
}
