using System.Numerics;

namespace Stoa.Market.Registry.Discovery;

/// <summary>A segment, and which of its agents are still in it. It never changes: who has one sees what there was.</summary>
internal sealed class SegmentView
{
    private readonly ulong[] _live;

    private SegmentView(SearchSegment segment, ulong[] live, int liveCount) => (Segment, _live, LiveCount) = (segment, live, liveCount);

    public SearchSegment Segment { get; }

    public int LiveCount { get; }

    /// <summary>A bit for each agent, from the lowest bit of the first on.</summary>
    public ReadOnlySpan<ulong> Live => _live;

    /// <summary>All of a segment.</summary>
    public static SegmentView Of(SearchSegment segment)
    {
        var live = new ulong[(segment.Count + 63) / 64];
        Array.Fill(live, ulong.MaxValue);
        if (segment.Count % 64 is not 0 and var rest)
            live[^1] = (1UL << rest) - 1;
        return new SegmentView(segment, live, segment.Count);
    }

    public bool IsLive(int agent) => (_live[agent / 64] >> (agent % 64) & 1) != 0;

    /// <summary>The same without some agents.</summary>
    public SegmentView Without(IReadOnlyCollection<int> agents)
    {
        var live = (ulong[])_live.Clone();
        foreach (var agent in agents)
            live[agent / 64] &= ~(1UL << (agent % 64));
        var count = 0;
        foreach (var word in live)
            count += BitOperations.PopCount(word);
        return new SegmentView(Segment, live, count);
    }
}
