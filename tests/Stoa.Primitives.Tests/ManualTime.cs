namespace Stoa.Primitives.Tests;

/// <summary>A clock that stands still until a test moves it.</summary>
internal sealed class ManualTime(long unixTimeMs) : TimeProvider
{
    private long _unixTimeMs = unixTimeMs;

    public long UnixTimeMs
    {
        get => Volatile.Read(ref _unixTimeMs);
        set => Volatile.Write(ref _unixTimeMs, value);
    }

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(UnixTimeMs);
}
