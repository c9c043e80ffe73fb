using Stoa.Market.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Discovery;

public sealed class ListingRegionsTests
{
    private static readonly ContentHash s_one = ContentHash.Of("one"u8);
    private static readonly ContentHash s_two = ContentHash.Of("two"u8);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Search_ByRegion_FollowsTheOffers_AndCountsThem()
    {
        var index = new ListingIndex();
        index.Change([Document("one", s_one), Document("two", s_two), Document("none", null)], []);
        Find("eu-central").ShouldBeEmpty();

        index.SetRegions([("eu-central", s_one), ("eu-central", s_two), ("us-east", s_two)]);
        Find("eu-central").ShouldBe(["one", "two"]);
        Find("us-east").ShouldBe(["two"]);
        index.Change([Document("late", s_one)], []);
        Find("eu-central").ShouldBe(["late", "one", "two"]);
        index.Search(new ListingSearch { Facets = [ListingFacet.Region] }, new PageRequest(), Stop)!.Facets[ListingFacet.Region].ShouldBe([new FacetCount("eu-central", 3), new FacetCount("us-east", 1)]);

        index.SetRegions([("us-east", s_one)]);
        Find("eu-central").ShouldBeEmpty();
        Find("us-east").ShouldBe(["late", "one"]);

        IEnumerable<string> Find(string region) => index.Search(new ListingSearch { Region = region, Sort = ListingSort.Price }, new PageRequest(), Stop)!.Hits.Select(hit => hit.Key.Name).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Regions_OfMoreThanThereIsRoomFor_AreThoseWhereMostIsOffered_AndStayWhoTheyAre()
    {
        var many = Enumerable.Range(0, 100).Select(number => ($"region-{number}", s_one)).Append(("home", s_one)).Append(("home", s_two)).ToList();
        var index = new ListingIndex();
        index.Change([Document("one", s_one)], []);
        index.SetRegions(many);
        index.Search(new ListingSearch { Region = "home" }, new PageRequest(), Stop)!.Total.ShouldBe(1);
        Count().ShouldBe(ListingRegions.Most);

        // Nobody takes the place of one that goes on, however much is offered there.
        index.SetRegions([.. many, .. Enumerable.Range(0, 9).Select(number => ("new-place", ContentHash.Of([(byte)number])))]);
        index.Search(new ListingSearch { Region = "new-place" }, new PageRequest(), Stop)!.Total.ShouldBe(0);
        Count().ShouldBe(ListingRegions.Most);

        int Count() => Enumerable.Range(0, 100).Select(number => $"region-{number}").Append("home").Append("new-place").Count(region => index.Search(new ListingSearch { Region = region }, new PageRequest(), Stop)!.Total > 0);
    }

    private static ListingDocument Document(string name, ContentHash? content) =>
        new(new ListingKey(ListingSamples.Publisher(0), name), "x", ["x.y"], [], "text/plain", "text/plain", Money.Zero, 1, 1, default) { Content = content };
}
