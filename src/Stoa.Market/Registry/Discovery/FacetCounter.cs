using System.Buffers;
using System.Numerics;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>Counts the values of what a search finds. Its arrays are borrowed.</summary>
/// <param name="facets">By what it is counted.</param>
/// <param name="regions">What the bits of regions mean.</param>
/// <param name="agents">How many agents there are in all segments.</param>
internal sealed class FacetCounter(IReadOnlyList<ListingFacet> facets, ListingRegions regions, long agents) : IDisposable
{
    // So many findings are counted one by one; of more, as many that are spread evenly.
    private const int Sample = 1 << 15;

    private const int BlockSize = 256;

    // Of how many values of each segment the counts are added up over all: what is among the ten most frequent in the whole and behind these in every segment is left out.
    private const int CandidatesOfSegment = 30;

    private readonly List<Counts> _segments = [];
    private readonly long[] _ofKinds = new long[Enum.GetValues<ListingKind>().Length];
    private readonly long[] _ofRegions = new long[ListingRegions.Most];

    /// <summary>Whether some were left out and counts stand for them.</summary>
    public bool IsEstimated { get; private set; }

    /// <summary>Counts what was found in a segment.</summary>
    public void Take(SearchSegment segment, ReadOnlySpan<int> found)
    {
        if (found.IsEmpty)
            return;
        var share = Math.Max(1, (int)(Sample * (long)segment.Count / agents));
        var step = Math.Max(1, found.Length / share);
        IsEstimated |= step > 1;
        var countsValues = facets.Any(IsOfTerms);
        Counts? counts = null;
        if (countsValues || facets.Contains(ListingFacet.Publisher))
        {
            counts = new Counts(segment, ArrayPool<int>.Shared.Rent(segment.ValueTerms), ArrayPool<int>.Shared.Rent(segment.Publishers.Length));
            Array.Clear(counts.OfTerms, 0, segment.ValueTerms);
            Array.Clear(counts.OfPublishers, 0, segment.Publishers.Length);
            _segments.Add(counts);
        }

        Span<int> block = stackalloc int[BlockSize];
        for (var (index, publisher) = (0, 0); index < found.Length;)
        {
            var count = 0;
            for (; count < block.Length && index < found.Length; index += step)
                block[count++] = found[index];
            CountColumns(segment, block[..count], step);
            if (countsValues)
                CountValues(segment, block[..count], step, counts!.OfTerms);
            if (counts is not null)
                publisher = CountPublishers(segment, block[..count], step, counts.OfPublishers, publisher);
        }
    }

    /// <summary>The most frequent values.</summary>
    public IReadOnlyDictionary<ListingFacet, IReadOnlyList<FacetCount>> Counted() =>
        facets.Distinct().ToDictionary(facet => facet, facet => (IReadOnlyList<FacetCount>)[.. All(facet)
            .OrderByDescending(count => count.Count).ThenBy(count => count.Value, StringComparer.Ordinal)
            .Take(ListingSearch.MaxFacetValues)]);

    public void Dispose()
    {
        foreach (var segment in _segments)
        {
            ArrayPool<int>.Shared.Return(segment.OfTerms);
            ArrayPool<int>.Shared.Return(segment.OfPublishers);
        }

        _segments.Clear();
    }

    private void CountColumns(SearchSegment segment, ReadOnlySpan<int> agents, int step)
    {
        Span<ulong> regions = stackalloc ulong[BlockSize];
        for (var index = 0; index < agents.Length; index++)
        {
            regions[index] = Volatile.Read(ref segment.Regions[agents[index]]);
            _ofKinds[segment.Kinds[agents[index]]] += step;
        }

        foreach (var region in regions[..agents.Length])
        {
            for (var mask = region; mask != 0; mask &= mask - 1)
                _ofRegions[BitOperations.TrailingZeroCount(mask)] += step;
        }
    }

    // Where the values of each stand, then the first of each, then all: each step waits for memory, and so it waits for that of a whole block at once instead of one after the other.
    private static void CountValues(SearchSegment segment, ReadOnlySpan<int> agents, int step, int[] ofTerms)
    {
        var (starts, values) = (segment.ValueStarts, segment.Values);
        if (values.Length == 0)
            return;
        Span<(int First, int End, int Value)> of = stackalloc (int, int, int)[BlockSize];
        for (var index = 0; index < agents.Length; index++)
            of[index] = (starts[agents[index]], starts[agents[index] + 1], 0);
        for (var index = 0; index < agents.Length; index++)
            of[index].Value = values[Math.Min(of[index].First, values.Length - 1)];
        foreach (var (first, end, value) in of[..agents.Length])
        {
            if (first == end)
                continue;
            ofTerms[value] += step;
            for (var at = first + 1; at < end; at++)
                ofTerms[values[at]] += step;
        }
    }

    /// <summary>Counts the publishers of agents that are ascending.</summary>
    /// <returns>The last of them, from which those of the next block are looked for.</returns>
    private static int CountPublishers(SearchSegment segment, ReadOnlySpan<int> agents, int step, int[] ofPublishers, int publisher)
    {
        foreach (var agent in agents)
        {
            while (segment.PublisherStarts[publisher + 1] <= agent)
                publisher++;
            ofPublishers[publisher] += step;
        }

        return publisher;
    }

    private static bool IsOfTerms(ListingFacet facet) => facet is not (ListingFacet.Publisher or ListingFacet.Kind or ListingFacet.Region);

    private IEnumerable<FacetCount> All(ListingFacet facet) => facet switch
    {
        ListingFacet.Kind => Enum.GetValues<ListingKind>().Where(kind => _ofKinds[(int)kind] > 0).Select(kind => new FacetCount(EnumWord.Of(kind), _ofKinds[(int)kind])),
        ListingFacet.Region => Enumerable.Range(0, ListingRegions.Most).Where(bit => _ofRegions[bit] > 0 && regions.NameOf(bit) is not null).Select(bit => new FacetCount(regions.NameOf(bit)!, _ofRegions[bit])),
        _ => Candidates(facet).Select(value => new FacetCount(value, _segments.Sum(segment => (long)segment.CountOf(facet, value)))),
    };

    private HashSet<string> Candidates(ListingFacet facet) => [.. _segments.SelectMany(segment => segment.MostFrequent(facet))];

    private sealed record Counts(SearchSegment Segment, int[] OfTerms, int[] OfPublishers)
    {
        public int CountOf(ListingFacet facet, string value)
        {
            var at = facet is ListingFacet.Publisher ? Segment.FindPublisher(value) : Segment.FindTerm(Terms.Of(KindOf(facet), value));
            return at < 0 ? 0 : facet is ListingFacet.Publisher ? OfPublishers[at] : OfTerms[at];
        }

        public IEnumerable<string> MostFrequent(ListingFacet facet)
        {
            var (counts, first, end) = facet is ListingFacet.Publisher ? (OfPublishers, 0, Segment.Publishers.Length) : (OfTerms, FirstOf(KindOf(facet)), EndOf(KindOf(facet)));
            var most = new PriorityQueue<int, int>(CandidatesOfSegment + 1);
            var least = 0;
            for (var at = first; at < end; at++)
            {
                if (counts[at] <= least)
                    continue;
                if (most.Count < CandidatesOfSegment)
                    most.Enqueue(at, counts[at]);
                else
                    most.EnqueueDequeue(at, counts[at]);
                if (most.Count == CandidatesOfSegment)
                    least = counts[most.Peek()];
            }

            return most.UnorderedItems.Select(item => facet is ListingFacet.Publisher ? Segment.Publishers[item.Element].ToString() : Terms.TextOf(Segment.TermOf(item.Element)));
        }

        private int FirstOf(TermKind kind) => Segment.LowerBoundOfTerm([(byte)kind]);

        private int EndOf(TermKind kind) => Segment.LowerBoundOfTerm([(byte)(kind + 1)]);

        private static TermKind KindOf(ListingFacet facet) => facet switch
        {
            ListingFacet.Capability => TermKind.Capability,
            ListingFacet.Tag => TermKind.Tag,
            ListingFacet.Input => TermKind.Input,
            ListingFacet.Output => TermKind.Output,
            ListingFacet.Category => TermKind.Category,
            ListingFacet.License => TermKind.License,
            ListingFacet.Framework => TermKind.Framework,
            ListingFacet.Quantisation => TermKind.Quantisation,
            _ => throw new ArgumentOutOfRangeException(nameof(facet), facet, "A facet whose values are terms is expected."),
        };
    }
}
