using System.Buffers;
using System.Text;

namespace Stoa.Market.Registry.Discovery;

/// <summary>A listing that is like another one.</summary>
/// <param name="Key">Which.</param>
/// <param name="Standing">What consumers made of it.</param>
/// <param name="LikenessHundredths">How much of what marks the other one it shares, 1 to 100.</param>
public sealed record SimilarListing(ListingKey Key, ListingStanding Standing, int LikenessHundredths);

/// <summary>Finds what is like a listing: of the same kind, with the same capabilities, tags and words, each counting the more the fewer have it.</summary>
/// <remarks>What both have counts as much as it says of the one of which it says less, so nothing is more like a listing than it is itself.</remarks>
internal sealed class SimilarListings
{
    /// <summary>The share of what marks a listing that another one has to have, in hundredths.</summary>
    public const int LeastLikeness = 10;

    // Words of a description that are looked at: those that say most.
    private const int MostWords = 24;

    // What an ability says, beside a tag or the name: that is what somebody looks for.
    private const int OfCapability = 3;

    // The postings that are passed over. What nearly all have is left out first: it would cost most and says least.
    private const int MostPostings = 500_000;

    private readonly ListingDocument _of;
    private readonly SegmentView[] _segments;
    private readonly List<Mark> _marks;
    private readonly long _whole;

    /// <param name="of">To which.</param>
    /// <param name="segments">Where.</param>
    public SimilarListings(ListingDocument of, SegmentView[] segments)
    {
        (_of, _segments) = (of, segments);
        var all = segments.Sum(view => (long)view.Segment.Count);
        var words = Impact.Of(of).OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal).Take(MostWords);
        var marks = words.Select(word => (Term: Terms.Of(TermKind.Word, word.Key), Says: (int)word.Value))
            .Concat(of.Capabilities.Distinct(StringComparer.Ordinal).Select(capability => (Terms.Of(TermKind.Capability, capability), Impact.Most * OfCapability)))
            .Concat(of.Tags.Select(SearchWords.FoldTag).Distinct(StringComparer.Ordinal).Select(tag => (Terms.Of(TermKind.Tag, tag), Impact.Most)))
            .Select(mark => (mark.Item1, mark.Item2, Having: segments.Sum(view => (long)Count(view.Segment, mark.Item1))))
            .Where(mark => mark.Having > 0)
            .OrderBy(mark => mark.Having);
        _marks = [];
        var postings = 0L;
        foreach (var (term, says, having) in marks)
        {
            postings += having;
            if (postings > MostPostings && _marks.Count > 0)
                break;
            _marks.Add(new Mark(term, says, Impact.WeightOf(all, having)));
        }

        _whole = _marks.Sum(mark => (long)mark.Says * mark.Weight);
    }

    /// <summary>The most like it, best first; what is equally like it in the order of keys.</summary>
    /// <param name="limit">The most.</param>
    /// <param name="cancellationToken">Looked at between segments.</param>
    public IReadOnlyList<SimilarListing> Find(int limit, CancellationToken cancellationToken)
    {
        if (_whole == 0)
            return [];
        var best = new List<(long Score, SearchSegment Segment, int Agent)>();
        foreach (var view in _segments)
        {
            cancellationToken.ThrowIfCancellationRequested();
            best.AddRange(Find(view, limit));
        }

        return [.. best
            .Select(found => new SimilarListing(found.Segment.KeyOf(found.Agent), found.Segment.StandingOf(found.Agent), (int)(found.Score * 100 / _whole)))
            .OrderByDescending(found => found.LikenessHundredths).ThenBy(found => found.Key)
            .Take(limit)];
    }

    private static int Count(SearchSegment segment, byte[] term) => segment.FindTerm(term) is >= 0 and var at ? segment.PostingStarts[at + 1] - segment.PostingStarts[at] : 0;

    private IEnumerable<(long Score, SearchSegment Segment, int Agent)> Find(SegmentView view, int limit)
    {
        var segment = view.Segment;
        var scores = ArrayPool<int>.Shared.Rent(segment.Count);
        try
        {
            Array.Clear(scores, 0, segment.Count);
            foreach (var mark in _marks)
                Add(segment, mark, scores);
            var best = new PriorityQueue<(long Score, SearchSegment Segment, int Agent), (int Likeness, int Place)>();
            var itself = segment.Find(_of.Key.Publisher.ToString(), Encoding.ASCII.GetBytes(_of.Key.Name));
            var least = (int)Math.Max(1, ScoreOf(LeastLikeness));
            var found = scores.AsSpan(0, segment.Count);
            var kind = (byte)_of.Kind;
            for (var agent = 0; agent < found.Length; agent++)
            {
                if (found[agent] < least || segment.Kinds[agent] != kind || !view.IsLive(agent) || agent == itself)
                    continue;
                // Of those that are equally like it the later in the order of keys goes first.
                best.Enqueue((found[agent], segment, agent), ((int)(found[agent] * 100L / _whole), -agent));
                if (best.Count <= limit)
                    continue;
                best.Dequeue();
                // Who comes behind in the order of keys has to be more like it than the last of those that are kept.
                best.TryPeek(out _, out var last);
                least = (int)Math.Max(least, ScoreOf(last.Likeness + 1));
            }

            return [.. best.UnorderedItems.Select(item => item.Element)];
        }
        finally
        {
            ArrayPool<int>.Shared.Return(scores);
        }
    }

    private static void Add(SearchSegment segment, Mark mark, int[] scores)
    {
        var at = segment.FindTerm(mark.Term);
        if (at < 0)
            return;
        var (isWord, begin, end) = (mark.Term[0] == (byte)TermKind.Word, segment.PostingStarts[at], segment.PostingStarts[at + 1]);
        for (var posting = begin; posting < end; posting++)
            scores[segment.Postings[posting]] += (isWord ? Math.Min(mark.Says, segment.Impacts[posting]) : mark.Says) * mark.Weight;
    }

    /// <summary>The least score of a likeness.</summary>
    private long ScoreOf(int hundredths) => ((_whole * hundredths) + 99) / 100;

    /// <summary>A term that marks the listing.</summary>
    /// <param name="Term">The term.</param>
    /// <param name="Says">How much it says of it.</param>
    /// <param name="Weight">How rare it is.</param>
    private sealed record Mark(byte[] Term, int Says, int Weight);
}
