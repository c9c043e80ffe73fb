using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;

namespace Stoa.Market.Tests.Registry.Discovery.Semantic;

public sealed class VectorIndexTests
{
    private const int Dimensions = 100;

    [Fact]
    public void Nearest_AfterAnyHistory_AreThoseThatComparingWithEachGives()
    {
        var random = new Random(6);
        using var index = new VectorIndex();
        var model = new Dictionary<ListingKey, sbyte[]>();
        for (var step = 0; step < 30; step++)
        {
            var put = Enumerable.Range(0, 40).Select(_ => (Key: Key(random.Next(400)), Vector: Vector(random))).DistinctBy(one => one.Key).ToList();
            index.Put(put).ShouldBe(put.Count);
            foreach (var (key, vector) in put)
                model[key] = vector;
            List<ListingKey> gone = [.. Enumerable.Range(0, 15).Select(_ => Key(random.Next(400))).Distinct()];
            index.Remove(gone);
            foreach (var key in gone)
                model.Remove(key);

            index.Count.ShouldBe(model.Count);
            var query = Vector(random);
            var expected = model.OrderByDescending(one => Cosine(query, one.Value)).ThenBy(one => one.Key).Select(one => one.Key).Take(10).ToList();
            index.FindNearest(query, candidates: 1_000, limit: 10).ShouldBe(expected);
            index.FindNearest(query, [.. model.Keys, new ListingKey(ListingSamples.Publisher(0), "nobody")], static key => key, limit: 10).ShouldBe(expected);
        }
    }

    [Fact]
    public void Nearest_OfMany_BySignsFirst_FindsNearlyAllOfThem()
    {
        var random = new Random(9);
        using var index = new VectorIndex();
        // A few hundred things that texts are about, as of texts that are about things.
        var topics = Enumerable.Range(0, 300).Select(_ => Numbers(random, 256)).ToList();
        var vectors = Enumerable.Range(0, 20_000).Select(number => (Key(number), EmbeddingVector.Pack(Near(topics[random.Next(topics.Count)], random))!)).ToList();
        index.Put(vectors);
        var (found, wanted) = (0, 0);
        for (var turn = 0; turn < 20; turn++)
        {
            var query = EmbeddingVector.Pack(Near(topics[random.Next(topics.Count)], random))!;
            var exact = index.FindNearest(query, [.. vectors.Select(one => one.Item1)], static key => key, 20);
            found += index.FindNearest(query, candidates: 500, limit: 20).Intersect(exact).Count();
            wanted += exact.Count;
        }

        (found / (double)wanted).ShouldBeGreaterThan(0.9);
    }

    [Theory]
    [InlineData(16, 300, 3)]
    [InlineData(100, 9_000, 400)]
    [InlineData(384, 9_001, 9_001)]
    [InlineData(2_000, 403, 403)]
    [InlineData(EmbeddingVector.MostDimensions, 301, 301)]
    public void Nearest_AreTheBestOfThoseFromWhoseSignsLeastDiffer(int dimensions, int count, int different)
    {
        var random = new Random(dimensions);
        using var index = new VectorIndex();
        // Those of which there are more than one are equally far.
        var some = Enumerable.Range(0, different).Select(_ => EmbeddingVector.Pack(Numbers(random, dimensions))!).ToList();
        var vectors = Enumerable.Range(0, count).Select(number => (Key: Key(number), Vector: some[random.Next(some.Count)])).ToList();
        index.Put(vectors);
        const int candidates = 60;
        foreach (var query in Enumerable.Range(0, 5).Select(_ => EmbeddingVector.Pack(Numbers(random, dimensions))!))
        {
            var far = vectors.Select(one => one.Vector.Zip(query, (left, right) => left >= 0 != right >= 0 ? 1 : 0).Sum()).ToList();
            var farthest = far.Order().ElementAt(candidates - 1);
            var expected = vectors.Where((_, place) => far[place] <= farthest).Take(2 * candidates)
                .OrderByDescending(one => Cosine(query, one.Vector)).ThenBy(one => one.Key).Take(candidates).Select(one => one.Key);
            index.FindNearest(query, candidates, candidates).ShouldBe(expected);
        }
    }

    [Fact]
    public void Put_OfAnotherNumberOfDimensions_IsNotTaken_AndFindsNothing()
    {
        using var index = new VectorIndex();
        index.FindNearest(new sbyte[Dimensions], 10, 10).ShouldBeEmpty();
        var random = new Random(2);
        index.Put([(Key(1), Vector(random)), (Key(2), new sbyte[Dimensions + 1])]).ShouldBe(1);
        index.FindNearest(new sbyte[Dimensions + 1], 10, 10).ShouldBeEmpty();
        index.FindNearest(Vector(random), 10, 10).ShouldBe([Key(1)]);
    }

    [Fact]
    public void Pack_KeepsTheDirection_AndRefusesWhatHasNone()
    {
        var random = new Random(3);
        for (var turn = 0; turn < 50; turn++)
        {
            var (one, other) = (Numbers(random, 384), Numbers(random, 384));
            var exact = one.Zip(other, (left, right) => left * right).Sum() / Math.Sqrt(one.Sum(number => number * number) * (double)other.Sum(number => number * number));
            ((double)EmbeddingVector.Cosine(EmbeddingVector.Pack(one)!, EmbeddingVector.Pack(other)!)).ShouldBe(exact, 0.01);
        }

        EmbeddingVector.Pack(new float[64]).ShouldBeNull();
        EmbeddingVector.Pack([.. Enumerable.Repeat(float.NaN, 64)]).ShouldBeNull();
        EmbeddingVector.Pack([.. Enumerable.Repeat(float.PositiveInfinity, 64)]).ShouldBeNull();
        EmbeddingVector.Pack([1f]).ShouldBeNull();
        EmbeddingVector.Pack(new float[EmbeddingVector.MostDimensions + 1]).ShouldBeNull();
        var packed = EmbeddingVector.Pack(Numbers(random, 70))!;
        EmbeddingVector.FromBytes(EmbeddingVector.ToBytes(packed)).ShouldBe(packed);
    }

    [Fact]
    public void Blend_PutsWhatStandsHighInBothFirst()
    {
        var (a, b, c, d) = (Key(1), Key(2), Key(3), Key(4));
        RankFusion.Blend([a, b, c], [b, d]).Select(one => one.Key).ShouldBe([b, a, d, c]);
        RankFusion.Blend([], [d]).Select(one => one.Key).ShouldBe([d]);
        RankFusion.Blend([], []).ShouldBeEmpty();
    }

    [Fact]
    public void Cursor_OfABlendedSearch_BelongsToItAlone()
    {
        var search = new ListingSearch { Text = "resize" };
        var text = BlendedCursor.After(search, 20).ToString();
        BlendedCursor.TryRead(text, search, out var cursor).ShouldBeTrue();
        cursor.Place.ShouldBe(20);
        BlendedCursor.TryRead(text, search with { Text = "scale" }, out _).ShouldBeFalse();
        foreach (var forged in (string[])["", "!", "AAAA", text + "A", text[..^2], new string('A', 400)])
            BlendedCursor.TryRead(forged, search, out _).ShouldBeFalse(forged);
    }

    private static ListingKey Key(int number) => new(ListingSamples.Publisher(number % 6), $"agent-{number}");

    private static sbyte[] Vector(Random random) => EmbeddingVector.Pack(Numbers(random, Dimensions))!;

    private static float[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() + random.NextDouble() + random.NextDouble()) - 1.5))];

    private static float[] Near(float[] topic, Random random) => [.. topic.Zip(Numbers(random, topic.Length), (number, noise) => number + (0.7f * noise))];

    private static double Cosine(sbyte[] left, sbyte[] right) =>
        (float)(left.Zip(right, (one, other) => one * other).Sum() * (1 / MathF.Sqrt(right.Sum(number => number * number))));
}
