using Stoa.Market;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Node.Http;

namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>What a blended search has found.</summary>
/// <param name="Page">As one by words alone.</param>
/// <param name="Meaning">What became of the model.</param>
internal sealed record BlendedPage(ListingSearchPage Page, Meaning Meaning);

/// <summary>Searches by words and by meaning, as long as the model answers.</summary>
/// <param name="index">Finds by words alone.</param>
/// <param name="blended">Finds by both.</param>
/// <param name="queries">Makes vectors of what is looked for.</param>
public sealed class BlendedSearches(ListingIndex index, BlendedIndex blended, QueryEmbeddings queries)
{
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

        return new BlendedPage(await blended.SearchAsync(search, vector, cursor.Place, page.Limit, cancellationToken), Meaning.Used);
    }
}
