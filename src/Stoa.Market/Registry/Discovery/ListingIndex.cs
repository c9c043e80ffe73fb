using System.Text;

namespace Stoa.Market.Registry.Discovery;

/// <summary>All agents of the network that a node knows of, in memory: full text, filters, orders and counts.</summary>
/// <remarks>
/// Built for a million agents. It consists of segments that do not change. Whoever writes makes a new one of what he adds, marks in copies what it takes the place of, merges small segments into larger ones, and
/// puts all of that in the place of what there was at once: any number search at the same time, none of them waits, and each sees one state. What consumers made of an agent is written in place.
/// </remarks>
public sealed class ListingIndex
{
    // From which share of removed agents on a segment is written anew.
    private const int MostDeadShare = 3;

    private readonly Lock _writing = new();
    private SegmentView[] _segments = [];
    private ListingRegions _regions = ListingRegions.None;

    /// <summary>How many agents it knows.</summary>
    public int Count => Volatile.Read(ref _segments).Sum(view => view.LiveCount);

    /// <summary>Adds agents, takes newer versions in the place of older ones, and forgets agents, all at once. To forget what is not there is nothing.</summary>
    /// <param name="put">Of two of one agent the later one counts. Some hundreds at once cost much less than one after another.</param>
    /// <param name="removed">None of those that are put.</param>
    public void Change(IReadOnlyCollection<ListingDocument> put, IReadOnlyCollection<ListingKey> removed)
    {
        ArgumentNullException.ThrowIfNull(put);
        ArgumentNullException.ThrowIfNull(removed);
        var documents = new Dictionary<ListingKey, ListingDocument>();
        foreach (var document in put)
            documents[document.Key] = document;
        lock (_writing)
        {
            var segments = _segments.Select(view => Without(view, documents.Keys.Concat(removed))).ToList();
            if (documents.Count > 0)
                segments.Add(SegmentView.Of(SegmentBuilder.Build(documents.Values, _regions)));
            Volatile.Write(ref _segments, [.. Merge(segments)]);
        }
    }

    /// <summary>Says what consumers made of agents; of those that are not there nothing is kept.</summary>
    public void SetStandings(IEnumerable<(ListingKey Agent, ListingStanding Standing)> standings)
    {
        ArgumentNullException.ThrowIfNull(standings);
        lock (_writing)
        {
            foreach (var (agent, standing) in standings)
            {
                var (publisher, name) = (agent.Publisher.ToString(), Encoding.ASCII.GetBytes(agent.Name));
                foreach (var view in _segments)
                {
                    if (view.Segment.Find(publisher, name) is >= 0 and var at && view.IsLive(at))
                        view.Segment.SetStanding(at, standing);
                }
            }
        }
    }

    /// <summary>Says where nodes offer what. Between two calls a search may see some of the new and some of the old.</summary>
    /// <param name="offers">Those of whoever has been here longest first.</param>
    public void SetRegions(IReadOnlyList<RegionOffer> offers)
    {
        ArgumentNullException.ThrowIfNull(offers);
        var offered = offers.SelectMany(offer => offer.Contents).ToHashSet();
        lock (_writing)
        {
            var before = _regions;
            var regions = before.Next(offers, FindListed(offered));
            Volatile.Write(ref _regions, regions);
            if (regions.HasMasksOf(before))
                return;
            foreach (var view in _segments)
                view.Segment.SetRegions(regions);
        }
    }

    /// <summary>Which contents some listing consists of.</summary>
    private HashSet<ulong> FindListed(HashSet<ulong> contents)
    {
        var listed = new HashSet<ulong>();
        foreach (var view in contents.Count == 0 ? [] : _segments)
        {
            for (var agent = 0; agent < view.Segment.Count; agent++)
            {
                if (contents.Contains(view.Segment.Contents[agent]) && view.IsLive(agent))
                    listed.Add(view.Segment.Contents[agent]);
            }
        }

        return listed;
    }

    /// <summary>Searches.</summary>
    /// <param name="search">What for.</param>
    /// <param name="page">Which part of what is found.</param>
    /// <param name="cancellationToken">Looked at between segments.</param>
    /// <returns>Null when the cursor is none of this search.</returns>
    /// <remarks>Agents that do not change while somebody reads page after page are each on just one page, whatever else changes.</remarks>
    public ListingSearchPage? Search(ListingSearch search, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        ArgumentNullException.ThrowIfNull(page);
        ArgumentOutOfRangeException.ThrowIfLessThan(page.Limit, 1);
        var segments = Volatile.Read(ref _segments);
        var regions = Volatile.Read(ref _regions);
        var plan = new SearchPlan(search, regions);
        if (page.Cursor is not null)
        {
            if (!SearchCursor.TryRead(page.Cursor, search, plan.Words.Count, out var cursor))
                return null;
            (plan.After, plan.Weights) = (cursor, [.. cursor.Weights]);
        }
        else
        {
            var all = segments.Sum(view => (long)view.Segment.Count);
            plan.Weights = [.. plan.Words.Select((_, word) => Impact.WeightOf(all, segments.Sum(view => (long)plan.CountPostings(view.Segment, word))))];
        }

        // One more than asked for tells whether there is a next page.
        var top = new TopListings(plan, page.Limit + 1);
        using var facets = search.Facets.Count == 0 ? null : new FacetCounter(search.Facets, regions, segments.Sum(view => (long)view.Segment.Count));
        var total = 0L;
        foreach (var view in segments)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var found = new SegmentFinder(view, plan);
            total += found.Agents.Length;
            top.Take(view.Segment, found.Agents, found.Scores);
            facets?.Take(view.Segment, found.Agents);
        }

        var kept = top.TakeOut();
        List<ListingHit> hits = [.. kept.Take(page.Limit).Select(found => new ListingHit(found.Segment.KeyOf(found.Agent), found.Segment.StandingOf(found.Agent)))];
        return new ListingSearchPage(
            hits,
            total,
            facets?.Counted() ?? new Dictionary<ListingFacet, IReadOnlyList<FacetCount>>(),
            facets?.IsEstimated ?? false,
            kept.Count > page.Limit ? new SearchCursor(search.Fingerprint(), kept[page.Limit - 1].SortKey, hits[^1].Key, plan.Weights).ToString() : null)
        {
            Weights = plan.Weights,
        };
    }

    /// <summary>All that a search would find if it asked for no words, in no order, where that is few.</summary>
    /// <param name="search">What else it asks for.</param>
    /// <param name="most">How many are few.</param>
    /// <param name="cancellationToken">Looked at between segments.</param>
    /// <returns>Null when there are more, which costs the less the more there are: it is known from the first of them.</returns>
    public IReadOnlyList<ListingHit>? FindFew(ListingSearch search, int most, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        var plan = new SearchPlan(search with { Text = null }, Volatile.Read(ref _regions));
        var found = new List<(SearchSegment Segment, int Agent)>();
        foreach (var view in Volatile.Read(ref _segments))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var finder = new SegmentFinder(view, plan, most - found.Count);
            if (finder.Agents.Length > most - found.Count)
                return null;
            foreach (var agent in finder.Agents)
                found.Add((view.Segment, agent));
        }

        return [.. found.Select(one => new ListingHit(one.Segment.KeyOf(one.Agent), one.Segment.StandingOf(one.Agent)))];
    }

    /// <summary>Those of some listings that a search would find if it asked for no words, in the order in which they are given.</summary>
    /// <param name="search">What else it asks for.</param>
    /// <param name="keys">Listings, each once.</param>
    /// <param name="limit">The most that are answered; those behind are not looked at.</param>
    public IReadOnlyList<ListingHit> KeepFitting(ListingSearch search, IEnumerable<ListingKey> keys, int limit)
    {
        ArgumentNullException.ThrowIfNull(search);
        ArgumentNullException.ThrowIfNull(keys);
        var segments = Volatile.Read(ref _segments);
        var plan = new SearchPlan(search with { Text = null }, Volatile.Read(ref _regions));
        int[][] terms = [.. segments.Select(view => plan.Filters.Select(filter => view.Segment.FindTerm(filter)).ToArray())];
        var hits = new List<ListingHit>();
        foreach (var key in keys)
        {
            var (publisher, name) = (key.Publisher.ToString(), Encoding.ASCII.GetBytes(key.Name));
            for (var number = 0; number < segments.Length; number++)
            {
                var segment = segments[number].Segment;
                if (segment.Find(publisher, name) is not (>= 0 and var at) || !segments[number].IsLive(at))
                    continue;
                if (plan.Fits(segment, at, terms[number]))
                    hits.Add(new ListingHit(key, segment.StandingOf(at)));
                break;
            }

            if (hits.Count == limit)
                break;
        }

        return hits;
    }

    /// <summary>What is like a listing: of the same kind, with the same capabilities, tags and words, weighted by how rare they are.</summary>
    /// <param name="of">To which; it need not be in the index.</param>
    /// <param name="limit">The most that are answered, best first.</param>
    /// <param name="cancellationToken">Looked at between segments.</param>
    public IReadOnlyList<SimilarListing> FindSimilar(ListingDocument of, int limit, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(of);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return new SimilarListings(of, Volatile.Read(ref _segments)).Find(limit, cancellationToken);
    }

    private static SegmentView Without(SegmentView view, IEnumerable<ListingKey> keys)
    {
        var gone = new HashSet<int>();
        foreach (var key in keys)
        {
            if (view.Segment.Find(key.Publisher.ToString(), Encoding.ASCII.GetBytes(key.Name)) is >= 0 and var at && view.IsLive(at))
                gone.Add(at);
        }

        return gone.Count == 0 ? view : view.Without(gone);
    }

    /// <summary>Merges the smallest segments as long as together they are as large as the next larger one, so there are never more than the logarithm of all; and what has lost much.</summary>
    private static List<SegmentView> Merge(List<SegmentView> segments)
    {
        segments.Sort((left, right) => right.LiveCount.CompareTo(left.LiveCount));
        var kept = segments.Count;
        var together = 0L;
        for (var index = segments.Count - 1; index >= 0; index--)
        {
            var view = segments[index];
            // All smaller ones go into the one that is written anyhow.
            if (index < segments.Count - 1 && view.LiveCount <= together)
                kept = index;
            if (view.Segment.Count - view.LiveCount > view.Segment.Count / MostDeadShare)
                kept = index;
            together += view.LiveCount;
        }

        if (kept == segments.Count)
            return segments;
        var merged = SegmentMerger.Merge(segments.Skip(kept));
        return merged is null ? [.. segments.Take(kept)] : [.. segments.Take(kept), SegmentView.Of(merged)];
    }
}
