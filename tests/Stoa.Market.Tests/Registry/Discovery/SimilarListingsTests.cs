using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Discovery;

public sealed class SimilarListingsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Similar_IsWhatSharesRareMarks_OfTheSameKind_AndNeverItself()
    {
        var index = new ListingIndex();
        var resize = Document("resize", "Scales pictures with care", ["image.resize"], ["pictures"]);
        var twin = Document("scale", "Scales pictures quickly", ["image.resize"], ["pictures"]);
        var cousin = Document("crop", "Cuts pictures", ["image.crop"], ["pictures"]);
        var stranger = Document("weather", "Tells tomorrow's rain", ["weather.forecast"], ["rain"]);
        var model = twin with { Key = twin.Key with { Name = "scale-model" }, Kind = ListingKind.Model };
        // What everybody has says nothing: these have a word in common with all.
        var crowd = Enumerable.Range(0, 200).Select(number => Document($"agent-{number}", "with", ["text.other"], [$"tag{number}"]));
        index.Change([resize, twin, cousin, stranger, model, .. crowd], []);

        var found = index.FindSimilar(resize, 10, Stop);

        found.Select(similar => similar.Key.Name).ShouldBe(["scale", "crop"]);
        found[0].LikenessHundredths.ShouldBeGreaterThan(found[1].LikenessHundredths);
        found.ShouldAllBe(similar => similar.LikenessHundredths >= 10 && similar.LikenessHundredths <= 100);
        index.FindSimilar(resize, 1, Stop).Select(similar => similar.Key.Name).ShouldBe(["scale"]);
        index.FindSimilar(model, 10, Stop).ShouldBeEmpty();
    }

    [Fact]
    public void Similar_InManySegments_IsTheSameAsInOne_AndLeavesOutWhatIsGone()
    {
        var random = new Random(4);
        var documents = Enumerable.Range(0, 400).Select(number => ListingSamples.Document(new ListingKey(ListingSamples.Publisher(number % 6), $"agent-{number}"), random)).ToList();
        var (whole, parts) = (new ListingIndex(), new ListingIndex());
        whole.Change(documents, []);
        foreach (var part in documents.Chunk(150))
            parts.Change(part, []);

        foreach (var of in documents.Take(20))
            parts.FindSimilar(of, 12, Stop).ShouldBe(whole.FindSimilar(of, 12, Stop), of.Key.Name);
        var before = whole.FindSimilar(documents[0], 12, Stop);
        before.ShouldNotBeEmpty();
        whole.Change([], [before[0].Key]);
        whole.FindSimilar(documents[0], 12, Stop).ShouldNotContain(similar => similar.Key == before[0].Key);
    }

    [Fact]
    public void Similar_ToWhatNothingIsLike_OrInAnEmptyIndex_IsNothing()
    {
        var index = new ListingIndex();
        var only = Document("only", "Alone", ["x.y"], []);
        index.FindSimilar(only, 5, Stop).ShouldBeEmpty();
        index.Change([only, Document("other", "Else", ["z.w"], [])], []);
        index.FindSimilar(only, 5, Stop).ShouldBeEmpty();
    }

    private static ListingDocument Document(string name, string description, string[] capabilities, string[] tags) =>
        new(new ListingKey(ListingSamples.Publisher(name.Length % 6), name), description, capabilities, tags, "text/plain", "text/plain", Money.Zero, 1, 1, default);
}
