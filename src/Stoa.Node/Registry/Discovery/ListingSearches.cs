using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry.Discovery;
using Stoa.Node.Registry.Discovery.Semantic;
using Stoa.Node.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery;

/// <summary>Searches the catalogue of the network: found in memory, and read from the database as it is now.</summary>
/// <param name="index">Finds.</param>
/// <param name="feed">Keeps the index in step.</param>
/// <param name="listings">Reads what was found.</param>
/// <param name="blended">Blends in what means the same; null where there is no embedding model.</param>
public sealed class ListingSearches(ListingIndex index, ListingFeed feed, SqlListings listings, BlendedSearches? blended = null)
{
    /// <summary>Searches.</summary>
    /// <param name="search">What for, but for the publisher.</param>
    /// <param name="publisher">A key or a handle; null for everybody's.</param>
    /// <param name="page">Which part of what is found.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Null when the cursor is none of this search.</returns>
    public async Task<ListingSearchResponse?> SearchAsync(ListingSearch search, string? publisher, PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(search);
        await feed.CatchUpAsync(cancellationToken);
        bool? isIncomplete = feed.IsComplete ? null : true;
        if (publisher is not null)
        {
            if (await listings.FindPublisherAsync(publisher, cancellationToken) is not { } key)
                return new ListingSearchResponse([], 0, IsIncomplete: isIncomplete);
            search = search with { Publisher = key };
        }

        var both = blended?.Blends(search) is true ? await blended.SearchAsync(search, page, cancellationToken) : null;
        if ((blended?.Blends(search) is true ? both?.Page : index.Search(search, page, cancellationToken)) is not { } found)
            return null;
        var read = await listings.ReadAsync([.. found.Hits.Select(hit => hit.Key)], cancellationToken);
        // What was withdrawn a moment ago is not there any more.
        List<ListingResponse> items = [.. found.Hits.Where(hit => read.ContainsKey(hit.Key)).Select(hit => read[hit.Key] with { Standing = ToContract(hit.Standing) })];
        return new ListingSearchResponse(
            items,
            found.Total,
            search.Facets.Count == 0 ? null : found.Facets.ToDictionary(
                facet => EnumWord.Of(facet.Key), facet => (IReadOnlyList<FacetCountBody>)[.. facet.Value.Select(count => new FacetCountBody(count.Value, count.Count))]),
            found.AreCountsEstimated ? true : null,
            isIncomplete,
            found.NextCursor,
            both is null ? null : EnumWord.Of(both.Meaning));
    }

    /// <summary>What is like a listing.</summary>
    /// <param name="publisher">A key or a handle.</param>
    /// <param name="name">Of the listing.</param>
    /// <param name="limit">The most that are answered, best first.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Null when nothing is offered under the name.</returns>
    public async Task<IReadOnlyList<SimilarListingBody>?> FindSimilarAsync(string publisher, string name, int limit, CancellationToken cancellationToken)
    {
        await feed.CatchUpAsync(cancellationToken);
        if (await listings.FindPublisherAsync(publisher, cancellationToken) is not { } key || await listings.FindNewestAsync(new ListingKey(key, name), cancellationToken) is not { } newest)
            return null;
        var found = index.FindSimilar(ListingDocument.Of(newest, default), limit, cancellationToken);
        var read = await listings.ReadAsync([.. found.Select(similar => similar.Key)], cancellationToken);
        return [.. found.Where(similar => read.ContainsKey(similar.Key))
            .Select(similar => new SimilarListingBody(similar.LikenessHundredths / 100m, read[similar.Key] with { Standing = ToContract(similar.Standing) }))];
    }

    private static ListingStandingBody? ToContract(ListingStanding standing) =>
        standing == default ? null : new ListingStandingBody(standing.Succeeded, standing.Reviews, standing.Reviews == 0 ? null : standing.AverageHundredths / 100m);
}
