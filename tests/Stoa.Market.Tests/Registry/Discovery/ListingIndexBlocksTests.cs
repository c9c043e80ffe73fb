using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Tests.Registry.Discovery;

/// <summary>The index with more listings than are looked through at once.</summary>
public sealed class ListingIndexBlocksTests
{
    private const int Listings = 10_000;

    private readonly ListingIndex _index = new();
    private readonly ListingModel _model = new();
    private readonly Random _random = new(21);

    public ListingIndexBlocksTests()
    {
        foreach (var number in Enumerable.Range(0, Listings))
        {
            var key = new ListingKey(ListingSamples.Publisher(number % 6), $"text-{number}");
            _model.Documents[key] = ListingSamples.Document(key, _random);
        }

        _index.Change([.. _model.Documents.Values], []);
        // Some are gone from it, and some stand in a smaller segment.
        List<ListingKey> gone = [.. _model.Documents.Keys.Where(_ => _random.Next(20) == 0)];
        foreach (var key in gone)
            _model.Documents.Remove(key);
        List<ListingDocument> anew = [.. _model.Documents.Keys.Where(_ => _random.Next(20) == 0).ToList().Select(key => _model.Documents[key] = ListingSamples.Document(key, _random))];
        _index.Change(anew, gone);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Search_OfManyBlocks_AnswersWhatLookingAtEveryAgentDoes()
    {
        foreach (var turn in Enumerable.Range(0, 40))
        {
            var search = ListingSamples.Search(_random);
            var page = _index.Search(search, new PageRequest(30), Stop)!;
            var found = _model.Find(search, page.Weights);
            var because = $"search {turn}: {search}";
            page.Total.ShouldBe(found.Count, because);
            List<ListingHit> expected = [.. found.Select(document => new ListingHit(document.Key, document.Standing))];
            page.Hits.ShouldBe(expected.Take(30), because);
            if (page.NextCursor is { } cursor)
                _index.Search(search, new PageRequest(50, cursor), Stop)!.Hits.ShouldBe(expected.Skip(30).Take(50), because);
            foreach (var facet in search.Facets)
            {
                page.Facets[facet].ShouldBe(
                    _model.Count(found, facet).OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal)
                        .Select(count => new FacetCount(count.Key, count.Value)).Take(ListingSearch.MaxFacetValues),
                    because);
            }
        }
    }

    [Fact]
    public void FindFew_IsAllThatASearchWithoutWordsFinds_AndNothingWhereThatIsMore()
    {
        var (few, many) = (0, 0);
        foreach (var turn in Enumerable.Range(0, 60))
        {
            var search = ListingSamples.Search(_random);
            var most = _random.Next(1_500);
            var expected = _model.Find(search with { Text = null }, []).Select(document => new ListingHit(document.Key, document.Standing)).OrderBy(hit => hit.Key).ToList();
            var found = _index.FindFew(search, most, Stop);
            (found is null).ShouldBe(expected.Count > most, $"search {turn}: {search}");
            found?.OrderBy(hit => hit.Key).ToList().ShouldBe(expected, $"search {turn}: {search}");
            (few, many) = found is null ? (few, many + 1) : (few + (expected.Count > 0 ? 1 : 0), many);
            if (found is not null)
                _index.FindFew(search, expected.Count, Stop)!.Count.ShouldBe(expected.Count);
        }

        few.ShouldBeGreaterThan(5);
        many.ShouldBeGreaterThan(5);
    }

    [Fact]
    public void KeepFitting_IsThoseOfTheGivenThatASearchWithoutWordsFinds_InTheirOrder()
    {
        foreach (var turn in Enumerable.Range(0, 30))
        {
            var search = ListingSamples.Search(_random);
            List<ListingKey> given = [.. Enumerable.Range(0, 500).Select(_ => new ListingKey(ListingSamples.Publisher(_random.Next(6)), $"text-{_random.Next(Listings)}")).Distinct()];
            var fitting = _model.Find(search with { Text = null }, []).ToDictionary(document => document.Key);
            _index.KeepFitting(search, given, 40)
                .ShouldBe(given.Where(fitting.ContainsKey).Take(40).Select(key => new ListingHit(key, fitting[key].Standing)), $"search {turn}: {search}");
        }
    }
}
