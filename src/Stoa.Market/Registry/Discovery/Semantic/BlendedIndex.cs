namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>Searches by words and by meaning at once, and blends the best of both.</summary>
/// <param name="index">Finds by words, and knows what else is asked for.</param>
/// <param name="vectors">Finds by meaning.</param>
public sealed class BlendedIndex(ListingIndex index, VectorIndex vectors)
{
    // So many of each are blended: what stands behind that in both orders is not read on to.
    private const int MostByWords = 200;
    private const int MostByMeaning = 100;

    // How many of those that are like by their signs are looked at; and of how few that filters leave all are.
    private const int Candidates = 2_000;
    private const int FewEnough = 10_000;

    /// <summary>One page of a search.</summary>
    /// <remarks>Words and meaning are looked for on two processors: neither needs what the other finds, and each alone takes about half of what may be taken.</remarks>
    /// <param name="search">One with a text, in the order of what fits best.</param>
    /// <param name="vector">What the text means, as <see cref="EmbeddingVector"/> keeps it.</param>
    /// <param name="place">How many listings stand on the pages before.</param>
    /// <param name="limit">The most that the page has.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task<ListingSearchPage> SearchAsync(ListingSearch search, sbyte[] vector, int place, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(search);
        ArgumentNullException.ThrowIfNull(vector);
        var meaning = Task.Run(() => FindAlike(search, vector, cancellationToken), cancellationToken);
        var words = index.Search(search, new PageRequest(MostByWords), cancellationToken)!;
        var alike = await meaning;
        var blended = RankFusion.Blend([.. words.Hits.Select(hit => hit.Key)], [.. alike.Select(hit => hit.Key)]);
        var standings = words.Hits.Concat(alike).GroupBy(hit => hit.Key).ToDictionary(hits => hits.Key, hits => hits.First());
        List<ListingHit> items = [.. blended.Skip(place).Take(limit).Select(one => standings[one.Key])];
        var next = place + items.Count;
        return new ListingSearchPage(
            items,
            // What words find is counted; of what meaning alone finds there is no end, so those count that are shown.
            words.Total + blended.Count - words.Hits.Count,
            words.Facets,
            words.AreCountsEstimated,
            next < blended.Count ? BlendedCursor.After(search, next).ToString() : null);
    }

    /// <summary>What fits and means nearly the same, the nearest first.</summary>
    internal IReadOnlyList<ListingHit> FindAlike(ListingSearch search, sbyte[] vector, CancellationToken cancellationToken)
    {
        var others = search with { Text = null, Sort = ListingSort.Newest, Facets = [] };
        // Few that filters leave may be none of those that are nearest: then each of the few is compared.
        if (others.HasFilters && index.FindFew(others, FewEnough, cancellationToken) is { } left)
            return vectors.FindNearest(vector, left, static hit => hit.Key, MostByMeaning);

        return index.KeepFitting(others, vectors.FindNearest(vector, Candidates, others.HasFilters ? Candidates : MostByMeaning), MostByMeaning);
    }
}
