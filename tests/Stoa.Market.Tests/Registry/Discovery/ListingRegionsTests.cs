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

        index.SetRegions([Offer("eu-central", s_one, s_two), Offer("us-east", s_two)]);
        Find("eu-central").ShouldBe(["one", "two"]);
        Find("us-east").ShouldBe(["two"]);
        index.Change([Document("late", s_one)], []);
        Find("eu-central").ShouldBe(["late", "one", "two"]);
        index.Search(new ListingSearch { Facets = [ListingFacet.Region] }, new PageRequest(), Stop)!.Facets[ListingFacet.Region].ShouldBe([new FacetCount("eu-central", 3), new FacetCount("us-east", 1)]);

        index.SetRegions([Offer("us-east", s_one)]);
        Find("eu-central").ShouldBeEmpty();
        Find("us-east").ShouldBe(["late", "one"]);

        IEnumerable<string> Find(string region) => index.Search(new ListingSearch { Region = region, Sort = ListingSort.Price }, new PageRequest(), Stop)!.Hits.Select(hit => hit.Key.Name).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Search_ByARegion_FindsIt_HoweverManyRegionsAreMadeUp()
    {
        var index = new ListingIndex();
        index.Change([Document("one", s_one), Document("two", s_two)], []);
        // Whoever makes them up comes first, names what is listed, and more of it than those who are honest.
        index.SetRegions([.. MadeUp(1_000), Offer("home", s_one)]);

        Find("home").ShouldBe(["one"]);
        Find("made-up-0").ShouldBe(["one", "two"]);
        Find("made-up-999").ShouldBe(["one", "two"]);
        Find("nowhere").ShouldBeEmpty();
        index.Change([Document("late", s_one)], []);
        Find("home").ShouldBe(["late", "one"]);

        IEnumerable<string> Find(string region) => index.Search(new ListingSearch { Region = region }, new PageRequest(), Stop)!.Hits.Select(hit => hit.Key.Name).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Bits_GoToRegionsOfNodesThatAreKnown_ThenToThoseThatAreListed_ThenToWhoHasBeenHereLongest()
    {
        HashSet<ulong> listed = [ListingRegions.KeyOf(s_one)];
        RegionOffer[] offers =
        [
            .. Enumerable.Range(0, 100).Select(number => Offer($"nothing-listed-{number}", s_two)),
            .. Enumerable.Range(0, 100).Select(number => Offer($"stranger-{number:000}", s_one)),
            Offer("known-for-nothing", s_two) with { IsKnown = true },
            Offer("known", s_one) with { IsKnown = true },
        ];

        var names = Names(ListingRegions.None.Next(offers, listed));

        names.ShouldBe(["known", .. Enumerable.Range(0, 63).Select(number => $"stranger-{number:000}")], ignoreOrder: true);
    }

    [Fact]
    public void Bit_OfARegion_StaysAsLongAsAnybodyIsThere_ButForOneThatIsBetterKnown()
    {
        HashSet<ulong> listed = [ListingRegions.KeyOf(s_one)];
        var before = ListingRegions.None.Next([.. Enumerable.Range(0, ListingRegions.Most).Select(number => Offer($"old-{number:00}", s_one))], listed);
        Names(before).Count.ShouldBe(ListingRegions.Most);

        // Among strangers nobody takes the place of one that goes on, whoever comes first.
        RegionOffer[] more = [Offer("new", s_one), .. Enumerable.Range(0, ListingRegions.Most).Select(number => Offer($"old-{number:00}", s_one))];
        Names(before.Next(more, listed)).ShouldBe(Names(before));
        // One that is known does, and gets the bit the time after.
        more[0] = more[0] with { IsKnown = true };
        var without = before.Next(more, listed);
        Names(without).ShouldBe(Names(before).Where(name => name != "old-63"));
        var with = without.Next(more, listed);
        Names(with).ShouldBe([.. Names(before).Where(name => name != "old-63"), "new"]);
        with.BitOf("new").ShouldBe(before.BitOf("old-63"));
        (with.BitOf("old-63"), with.ContentsOf("old-63")).ShouldSatisfyAllConditions(left => left.Item1.ShouldBe(0UL), left => left.Item2.ShouldNotBeNull().ShouldContain(ListingRegions.KeyOf(s_one)));
    }

    private static List<string> Names(ListingRegions regions) => [.. Enumerable.Range(0, ListingRegions.Most).Select(regions.NameOf).OfType<string>()];

    private static IEnumerable<RegionOffer> MadeUp(int count) => Enumerable.Range(0, count).Select(number => Offer($"made-up-{number}", s_one, s_two));

    private static RegionOffer Offer(string region, params ContentHash[] contents) => new(region, IsKnown: false, [.. contents.Select(ListingRegions.KeyOf)]);

    private static ListingDocument Document(string name, ContentHash? content) =>
        new(new ListingKey(ListingSamples.Publisher(0), name), "x", ["x.y"], [], "text/plain", "text/plain", Money.Zero, 1, 1, default) { Content = content };
}
