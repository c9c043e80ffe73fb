using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>Makes one segment of several, without what has been removed from them.</summary>
internal sealed class SegmentMerger
{
    private readonly SegmentView[] _sources;

    // For each source where its agents are now; −1 for those that are left out.
    private readonly int[][] _placeOf;

    // For each agent that is left, in order, where it was.
    private readonly int[] _sourceOf;
    private readonly int[] _agentOf;

    private SegmentMerger(SegmentView[] sources)
    {
        _sources = sources;
        _placeOf = [.. sources.Select(source => new int[source.Segment.Count])];
        var count = sources.Sum(source => source.LiveCount);
        (_sourceOf, _agentOf) = (new int[count], new int[count]);
    }

    /// <summary>Merges segments in which every agent is at most once.</summary>
    /// <returns>Null when nothing is left of them.</returns>
    public static SearchSegment? Merge(IEnumerable<SegmentView> sources)
    {
        SegmentView[] left = [.. sources.Where(source => source.LiveCount > 0)];
        return left.Length == 0 ? null : new SegmentMerger(left).Merge();
    }

    private SearchSegment Merge()
    {
        var (publishers, publisherStarts) = PlaceAgents();
        var names = new byte[_sources.Sum(source => (long)source.Segment.Names.Length)];
        var nameStarts = new int[_agentOf.Length + 1];
        for (var agent = 0; agent < _agentOf.Length; agent++)
        {
            var name = _sources[_sourceOf[agent]].Segment.NameOf(_agentOf[agent]);
            name.CopyTo(names.AsSpan(nameStarts[agent]));
            nameStarts[agent + 1] = nameStarts[agent] + name.Length;
        }

        var terms = MergeTerms();
        return new SearchSegment(terms, _agentOf.Length)
        {
            Publishers = publishers,
            PublisherStarts = publisherStarts,
            Names = names[..nameStarts[^1]],
            NameStarts = nameStarts,
            Prices = Gather(segment => segment.Prices),
            Kinds = Gather(segment => segment.Kinds),
            ContextLengths = Gather(segment => segment.ContextLengths),
            Contents = Gather(segment => segment.Contents),
            Regions = Gather(segment => segment.Regions),
            SizesBytes = Gather(segment => segment.SizesBytes),
            StatedAt = Gather(segment => segment.StatedAt),
            Succeeded = Gather(segment => segment.Succeeded),
            Ratings = Gather(segment => segment.Ratings),
        };
    }

    /// <summary>Puts the agents in order.</summary>
    private (PeerId[] Publishers, int[] Starts) PlaceAgents()
    {
        PeerId[] all = [.. _sources.SelectMany(source => source.Segment.Publishers).Distinct().OrderBy(publisher => publisher.ToString(), StringComparer.Ordinal)];
        var ordinalOf = all.Index().ToDictionary(one => one.Item, one => one.Index);
        // Keys are compared by numbers: of their publishers among all, and then by names.
        var ordinals = _sources.Select(source => source.Segment.Publishers.Select(publisher => ordinalOf[publisher]).ToArray()).ToArray();
        var (next, publisher) = (new int[_sources.Length], new int[_sources.Length]);
        for (var source = 0; source < _sources.Length; source++)
        {
            next[source] = -1;
            Advance(source);
        }

        var (publishers, starts) = (new List<PeerId>(), new List<int>());
        var last = -1;
        for (var place = 0; place < _agentOf.Length; place++)
        {
            var least = -1;
            for (var source = 0; source < _sources.Length; source++)
            {
                if (next[source] < _sources[source].Segment.Count && (least < 0 || Compare(source, least) < 0))
                    least = source;
            }

            if (OrdinalOf(least) is var ordinal && ordinal != last)
            {
                publishers.Add(all[ordinal]);
                starts.Add(place);
                last = ordinal;
            }

            (_sourceOf[place], _agentOf[place], _placeOf[least][next[least]]) = (least, next[least], place);
            Advance(least);
        }

        return ([.. publishers], [.. starts, _agentOf.Length]);

        int OrdinalOf(int source) => ordinals[source][publisher[source]];

        int Compare(int left, int right) => OrdinalOf(left).CompareTo(OrdinalOf(right)) is not 0 and var order
            ? order
            : _sources[left].Segment.NameOf(next[left]).SequenceCompareTo(_sources[right].Segment.NameOf(next[right]));

        void Advance(int source)
        {
            var (view, at) = (_sources[source], next[source] + 1);
            for (; at < view.Segment.Count && !view.IsLive(at); at++)
                _placeOf[source][at] = -1;
            next[source] = at;
            while (at < view.Segment.Count && view.Segment.PublisherStarts[publisher[source] + 1] <= at)
                publisher[source]++;
        }
    }

    private TermWriter MergeTerms()
    {
        var written = new TermWriter(checked((int)_sources.Sum(source => (long)source.Segment.Postings.Length)), _sources.Sum(source => source.Segment.TermCount));
        var next = new int[_sources.Length];
        var having = new List<int>(_sources.Length);
        while (true)
        {
            having.Clear();
            for (var source = 0; source < _sources.Length; source++)
            {
                var segment = _sources[source].Segment;
                if (next[source] == segment.TermCount)
                    continue;
                var order = having.Count == 0 ? -1 : segment.TermOf(next[source]).SequenceCompareTo(_sources[having[0]].Segment.TermOf(next[having[0]]));
                if (order > 0)
                    continue;
                if (order < 0)
                    having.Clear();
                having.Add(source);
            }

            if (having.Count == 0)
                return written;
            WritePostings(written, having, next);
            written.EndTerm(_sources[having[0]].Segment.TermOf(next[having[0]]));
            foreach (var source in having)
                next[source]++;
        }
    }

    private void WritePostings(TermWriter written, List<int> having, int[] terms)
    {
        Span<(int At, int End)> left = stackalloc (int, int)[having.Count];
        for (var index = 0; index < left.Length; index++)
        {
            var segment = _sources[having[index]].Segment;
            left[index] = (segment.PostingStarts[terms[having[index]]], segment.PostingStarts[terms[having[index]] + 1]);
            Skip(ref left[index], having[index]);
        }

        while (true)
        {
            var (least, place) = (-1, int.MaxValue);
            for (var index = 0; index < left.Length; index++)
            {
                if (left[index].At < left[index].End && PlaceOf(having[index], left[index].At) is var candidate && candidate < place)
                    (least, place) = (index, candidate);
            }

            if (least < 0)
                return;
            written.AddPosting(place, _sources[having[least]].Segment.Impacts[left[least].At]);
            left[least].At++;
            Skip(ref left[least], having[least]);
        }
    }

    private int PlaceOf(int source, int posting) => _placeOf[source][_sources[source].Segment.Postings[posting]];

    private void Skip(ref (int At, int End) left, int source)
    {
        while (left.At < left.End && PlaceOf(source, left.At) < 0)
            left.At++;
    }

    private T[] Gather<T>(Func<SearchSegment, T[]> column)
    {
        var columns = _sources.Select(source => column(source.Segment)).ToArray();
        var gathered = new T[_agentOf.Length];
        for (var agent = 0; agent < gathered.Length; agent++)
            gathered[agent] = columns[_sourceOf[agent]][_agentOf[agent]];
        return gathered;
    }
}
