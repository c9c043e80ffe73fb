using Stoa.Market;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Node.Http;

namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>What a blended search has found.</summary>
/// <param name="Page">As one by words alone.</param>
/// <param name="Meaning">What became of the model.</param>
internal sealed record BlendedPage(ListingSearchPage Page, Meaning Meaning);

/// <summary>Searches by words and by meaning, and blends the best of both.</summary>
/// <param name="index">Finds by words, and knows what else is asked for.</param>
/// <param name="vectors">Finds by meaning.</param>
/// <param name="queries">Makes vectors of what is looked for.</param>
public sealed class BlendedSearches(ListingIndex index, VectorIndex vectors, QueryEmbeddings queries)
{
    // So many of each are blended: what stands behind that in both orders is not read on to.
    private const int MostByWords = 200;
    private const int MostByMeaning = 100;

    // How many of those that are like by their signs are looked at; and of how few that filters leave all are.
    private const int Candidates = 2_000;
    private const int FewEnough = 5_000;

    /// <summary>Whether a search is blended: there is a model, and it is in the order of what fits best.</summary>
    internal bool Blends(ListingSearch search) => queries.IsOn && search.Sort is ListingSort.Relevance && !string.IsNullOrWhiteSpace(search.Text);

    /// <summary>Searches.</summary>
    /// <param name="search">One that is blended.</param>
    /// <param name="page">Which part of what is found.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Null when the cursor is none of this search.</returns>
    /// <exception cref="RequestRefusedException">A page behind the first is asked for, and the model does not answer any more.</exception>
    internal async Task<BlendedPage?> SearchAsync(ListingSearch search, PageRequest page, CancellationToken cancellationToken)
    {
        var cursor = default(BlendedCursor);
        var isBlended = page.Cursor is null || BlendedCursor.TryRead(page.Cursor, search, out cursor);
        if (!isBlended)
        {
            // Whose first page was by words alone reads on so.
            return index.Search(search, page, cancellationToken) is { } rest ? new BlendedPage(rest, Meaning.Late) : null;
        }

        var (vector, meaning) = await queries.FindAsync(search.Text!.Trim(), cancellationToken);
        if (vector is null)
        {
            // A page behind blended ones has no place among those by words.
            return page.Cursor is null
                ? new BlendedPage(index.Search(search, page, cancellationToken)!, meaning)
                : throw new RequestRefusedException(
                    RequestRefusal.Unavailable, "The embedding model does not answer, and the pages of this search are blended by it. Try again in some seconds, or begin anew with the first page.");
        }

        var words = index.Search(search, new PageRequest(MostByWords), cancellationToken)!;
        var alike = FindAlike(search, vector, cancellationToken);
        var blended = RankFusion.Blend([.. words.Hits.Select(hit => hit.Key)], [.. alike.Select(hit => hit.Key)]);
        var standings = words.Hits.Concat(alike).GroupBy(hit => hit.Key).ToDictionary(hits => hits.Key, hits => hits.First());
        List<ListingHit> items = [.. blended.Skip(cursor.Place).Take(page.Limit).Select(one => standings[one.Key])];
        var next = cursor.Place + items.Count;
        return new BlendedPage(
            new ListingSearchPage(
                items,
                // What words find is counted; of what meaning alone finds there is no end, so those count that are shown.
                words.Total + blended.Count - words.Hits.Count,
                words.Facets,
                words.AreCountsEstimated,
                next < blended.Count ? BlendedCursor.After(search, next).ToString() : null),
            Meaning.Used);
    }

    private IReadOnlyList<ListingHit> FindAlike(ListingSearch search, sbyte[] vector, CancellationToken cancellationToken)
    {
        var others = search with { Text = null, Sort = ListingSort.Newest, Facets = [] };
        if (others.HasFilters && index.Search(others, new PageRequest(FewEnough), cancellationToken) is { NextCursor: null } few)
        {
            var standings = few.Hits.ToDictionary(hit => hit.Key);
            return [.. vectors.FindNearest(vector, standings.Keys, MostByMeaning).Select(key => standings[key])];
        }

        return [.. index.KeepFitting(others, vectors.FindNearest(vector, Candidates, others.HasFilters ? Candidates : MostByMeaning)).Take(MostByMeaning)];
    }
}
