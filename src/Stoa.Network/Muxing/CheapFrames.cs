namespace Stoa.Network.Muxing;

/// <summary>Counts frames that cost the other side little, second by second.</summary>
internal struct CheapFrames(int maxPerSecond)
{
    private long _second;
    private int _count;

    /// <summary>Counts one; true when there are too many.</summary>
    public bool IsOneTooMany(TimeProvider time)
    {
        var second = time.GetTimestamp() / time.TimestampFrequency;
        if (second != _second)
            (_second, _count) = (second, 0);
        return ++_count > maxPerSecond;
    }
}
