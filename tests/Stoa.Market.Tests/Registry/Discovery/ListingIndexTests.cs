using System.Buffers.Text;
using Stoa.Market.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Discovery;

public sealed class ListingIndexTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Search_AfterAnyHistory_AnswersWhatLookingAtEveryAgentDoes(int seed)
    {
        var random = new Random(seed);
        var (index, model) = (new ListingIndex(), new ListingModel());
        for (var step = 0; step < 40; step++)
        {
            ChangeBoth(index, model, random, random.Next(1, 12));
            index.Count.ShouldBe(model.Documents.Count);
            if (random.Next(3) == 0)
                index.SetRegions([.. (model.Offers = ListingSamples.Offers(random)).Select(offer => new RegionOffer(offer.Region, random.Next(2) == 0, [ListingRegions.KeyOf(offer.Content)]))]);
            var search = ListingSamples.Search(random);
            var page = index.Search(search, new PageRequest(random.Next(1, 20)), Stop)!;
            var found = model.Find(search, page.Weights);
            var because = $"seed {seed}, step {step}: {search}";
            page.Total.ShouldBe(found.Count, because);
            ReadAll(index, search, page).ShouldBe(found.Select(document => new ListingHit(document.Key, document.Standing)), because);
            page.AreCountsEstimated.ShouldBeFalse();
            foreach (var facet in search.Facets)
            {
                var expected = model.Count(found, facet).OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal)
                    .Select(count => new FacetCount(count.Key, count.Value)).Take(ListingSearch.MaxFacetValues);
                page.Facets[facet].ShouldBe(expected, because);
            }
        }
    }

    [Theory]
    [InlineData(ListingSort.Relevance)]
    [InlineData(ListingSort.Rating)]
    [InlineData(ListingSort.Tasks)]
    [InlineData(ListingSort.Price)]
    [InlineData(ListingSort.Newest)]
    public void Pages_WhileOthersChange_HaveEveryoneThatDoesNotExactlyOnce(ListingSort sort)
    {
        var random = new Random((int)sort + 100);
        var index = new ListingIndex();
        var steady = Enumerable.Range(0, 150).Select(number => ListingSamples.Document(new ListingKey(ListingSamples.Publisher(number % 6), $"steady-{number}"), random) with { Description = $"image {number % 7}" }).ToList();
        index.Change(steady, []);
        index.Change([.. Enumerable.Range(0, 60).Select(_ => ListingSamples.Document(ListingSamples.Key(random), random))], []);
        var search = new ListingSearch { Text = "image stea", Sort = sort };
        var (seen, cursor) = (new List<ListingKey>(), (string?)null);
        do
        {
            var page = index.Search(search, new PageRequest(7, cursor), Stop)!;
            seen.AddRange(page.Hits.Select(hit => hit.Key));
            cursor = page.NextCursor;
            index.Change(
                [.. Enumerable.Range(0, 9).Select(_ => ListingSamples.Document(ListingSamples.Key(random), random) with { Description = "image steam" })],
                [ListingSamples.Key(random), ListingSamples.Key(random)]);
        }
        while (cursor is not null);

        seen.Where(key => key.Name.StartsWith("steady-", StringComparison.Ordinal)).Order().ShouldBe(steady.Select(document => document.Key).Order());
    }

    [Fact]
    public async Task Search_BesideAWriter_SeesEveryChangeWholeOrNotAtAll()
    {
        var index = new ListingIndex();
        var random = new Random(5);
        // All agents are replaced at once by others of the next round: a search that saw a half would find two.
        ListingDocument[] Round(int number) => [.. Enumerable.Range(0, 100).Select(agent =>
            ListingSamples.Document(new ListingKey(ListingSamples.Publisher(agent % 6), $"agent-{agent}"), random) with { Tags = [$"round{number}"], Description = "one" })];
        index.Change(Round(0), []);
        using var done = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            var searches = 0;
            while (!done.IsCancellationRequested || searches == 0)
            {
                var page = index.Search(new ListingSearch { Text = "one", Facets = [ListingFacet.Tag] }, new PageRequest(200), Stop)!;
                page.Total.ShouldBe(100);
                page.Facets[ListingFacet.Tag].ShouldHaveSingleItem().Count.ShouldBe(100);
                searches++;
            }
        }, Stop)).ToList();
        for (var number = 1; number <= 200; number++)
            index.Change(Round(number), []);
        await done.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Fact]
    public void SetStandings_ChangesTheOrder_AndStaysWithTheAgentWhenSegmentsAreMerged()
    {
        var random = new Random(3);
        var index = new ListingIndex();
        var agents = Enumerable.Range(0, 50).Select(number => new ListingKey(ListingSamples.Publisher(number % 6), $"agent-{number}")).ToList();
        foreach (var agent in agents)
            index.Change([ListingSamples.Document(agent, random) with { Standing = default }], []);
        index.SetStandings([(agents[7], new ListingStanding(9, 100, 480)), (agents[8], new ListingStanding(1, 1, 5)), (new ListingKey(ListingSamples.Publisher(0), "nobody"), default)]);
        index.Change([.. Enumerable.Range(0, 80).Select(number => ListingSamples.Document(new ListingKey(ListingSamples.Publisher(0), $"more-{number}"), random) with { Standing = default })], []);

        index.Search(new ListingSearch { Sort = ListingSort.Rating }, new PageRequest(2), Stop)!.Hits
            .ShouldBe([new ListingHit(agents[7], new ListingStanding(9, 100, 480)), new ListingHit(agents[8], new ListingStanding(1, 1, 5))]);
        index.Search(new ListingSearch { MinRatingHundredths = 481 }, new PageRequest(), Stop)!.Hits.Select(hit => hit.Key).ShouldBe([agents[8]]);
    }

    [Fact]
    public void Facets_OfVeryMuch_AreEstimated_AndSaySo()
    {
        var random = new Random(8);
        var index = new ListingIndex();
        index.Change([.. Enumerable.Range(0, 200_000).Select(number =>
            new ListingDocument(new ListingKey(ListingSamples.Publisher(number % 6), $"agent-{number}"), "x", [number % 4 == 0 ? "image.crop" : "image.resize"], [], "text/plain", "text/plain", Money.Zero, 1, number, default))], []);
        var page = index.Search(new ListingSearch { Facets = [ListingFacet.Capability] }, new PageRequest(1), Stop)!;
        (page.Total, page.AreCountsEstimated).ShouldBe((200_000, true));
        page.Facets[ListingFacet.Capability].Select(count => count.Value).ShouldBe(["image.resize", "image.crop"]);
        page.Facets[ListingFacet.Capability][1].Count.ShouldBeInRange(30_000, 70_000);
    }

    [Theory]
    [InlineData("Café Résumé", "cafe")]
    [InlineData("Cafe\u0301", "CAFÉ")]
    [InlineData("Übersetzt Größen", "ubersetzt grosen")]
    [InlineData("画像の変換", "変換")]
    [InlineData("Переводит ТЕКСТ", "текст")]
    [InlineData("हिन्दी पाठ", "हिन्दी")]
    [InlineData("line\u0000one\ttwo\u001b[31m", "two one")]
    [InlineData("lone \ud800 surrogate", "surrogate")]
    [InlineData("emoji 🚀 rocket", "🚀 rock")]
    public void Words_OfAnyScript_AreFound(string description, string text)
    {
        var index = new ListingIndex();
        index.Change([ListingSamples.Document(new ListingKey(ListingSamples.Publisher(0), "agent"), new Random(1)) with { Description = description }], []);
        index.Search(new ListingSearch { Text = text }, new PageRequest(), Stop)!.Total.ShouldBe(1);
        index.Search(new ListingSearch { Text = text + " missing" }, new PageRequest(), Stop)!.Total.ShouldBe(0);
    }

    [Theory]
    [InlineData("resi", 1)]
    [InlineData("resize ", 1)]
    [InlineData("resi ", 0)]
    [InlineData("resi image", 0)]
    [InlineData("image resi", 1)]
    [InlineData("r", 0)]
    public void Beginnings_AreOnlyTheLastWord_FromTwoCharactersOn(string text, int found)
    {
        var index = new ListingIndex();
        index.Change([ListingSamples.Document(new ListingKey(ListingSamples.Publisher(0), "agent"), new Random(1)) with { Description = "resize image", Tags = [], Capabilities = ["x.y"] }], []);
        index.Search(new ListingSearch { Text = text }, new PageRequest(), Stop)!.Total.ShouldBe(found);
    }

    [Fact]
    public void Search_OfAVeryLongText_LooksForTheFirstWords()
    {
        var index = new ListingIndex();
        index.Change([ListingSamples.Document(new ListingKey(ListingSamples.Publisher(0), "agent"), new Random(1)) with { Description = "one two three four five six seven eight" }], []);
        var text = "one two three four five six seven eight " + string.Concat(Enumerable.Repeat("nine ", 1_000_000));
        index.Search(new ListingSearch { Text = text }, new PageRequest(), Stop)!.Total.ShouldBe(1);
        index.Search(new ListingSearch { Text = new string('x', 10_000_000) }, new PageRequest(), Stop)!.Total.ShouldBe(0);
    }

    [Fact]
    public void Cursor_OfAnotherSearchOrForged_IsRefused()
    {
        var random = new Random(11);
        var index = new ListingIndex();
        index.Change([.. Enumerable.Range(0, 300).Select(number => ListingSamples.Document(new ListingKey(ListingSamples.Publisher(number % 6), $"agent-{number}"), random))], []);
        var search = new ListingSearch { Text = "agent te", Sort = ListingSort.Price };
        var cursor = index.Search(search, new PageRequest(5), Stop)!.NextCursor!;
        index.Search(search, new PageRequest(5, cursor), Stop).ShouldNotBeNull();
        index.Search(search with { Facets = [ListingFacet.Tag] }, new PageRequest(5, cursor), Stop).ShouldNotBeNull();
        foreach (var other in (ListingSearch[])[search with { Text = "agent te " }, search with { Sort = ListingSort.Newest }, search with { Tags = ["fast"] }, search with { Kind = Market.Registry.ListingKind.Model }, search with { License = "mit" }, search with { Capabilities = ["fast"] }, search with { Input = "a/b" }])
            index.Search(other, new PageRequest(5, cursor), Stop).ShouldBeNull();
        foreach (var forged in (string[])["", "!", "AA", "ä", new string('A', 1_000), cursor[..^1], cursor[..20], cursor + "A", cursor + cursor])
            index.Search(search, new PageRequest(5, forged), Stop).ShouldBeNull(forged);
        // Whatever is turned in it: it is refused, or leads to another place of the same search.
        var bytes = Base64Url.DecodeFromChars(cursor);
        for (var turn = 0; turn < 2_000; turn++)
        {
            var turned = (byte[])bytes.Clone();
            turned[random.Next(turned.Length)] ^= (byte)random.Next(1, 256);
            index.Search(search, new PageRequest(5, Base64Url.EncodeToString(turned)), Stop)?.Hits.Count.ShouldBeInRange(0, 5);
        }
    }

    private static void ChangeBoth(ListingIndex index, ListingModel model, Random random, int changes)
    {
        var (put, removed) = (new Dictionary<ListingKey, ListingDocument>(), new HashSet<ListingKey>());
        for (var change = 0; change < changes; change++)
        {
            var key = random.Next(3) == 0 && model.Documents.Count > 0 ? model.Documents.Keys.ElementAt(random.Next(model.Documents.Count)) : ListingSamples.Key(random);
            if (random.Next(4) == 0 && !put.ContainsKey(key))
                removed.Add(key);
            else if (!removed.Contains(key))
                put[key] = ListingSamples.Document(key, random);
        }

        index.Change(put.Values, removed);
        foreach (var key in removed)
            model.Documents.Remove(key);
        foreach (var (key, document) in put)
            model.Documents[key] = document;
        if (model.Documents.Count == 0 || random.Next(2) == 0)
            return;
        var (agent, standing) = (model.Documents.Keys.ElementAt(random.Next(model.Documents.Count)), ListingSamples.Standing(random));
        index.SetStandings([(agent, standing)]);
        model.Documents[agent] = model.Documents[agent] with { Standing = standing };
    }

    private static List<ListingHit> ReadAll(ListingIndex index, ListingSearch search, ListingSearchPage first)
    {
        List<ListingHit> hits = [.. first.Hits];
        var (page, pages) = (first, 0);
        while (page.NextCursor is { } cursor)
        {
            page = index.Search(search, new PageRequest(1 + (pages++ % 7), cursor), Stop).ShouldNotBeNull();
            hits.AddRange(page.Hits);
        }

        return hits;
    }
}
