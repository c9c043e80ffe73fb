using Stoa.Market.Registry.Replication;

namespace Stoa.Market.Tests.Registry.Replication;

public sealed class SketchTests
{
    private static readonly SipKey s_key = new(1, 2);

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 1, 0)]
    [InlineData(50, 0, 1)]
    [InlineData(1_000, 3, 2)]
    [InlineData(1_000, 100, 0)]
    [InlineData(5_000, 500, 500)]
    [InlineData(500, 2_000, 1_000)]
    public void Difference_OfAnySize_IsFoundWithFewSymbolsMore(int common, int theirs, int ours)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            var random = new Random(seed);
            UInt128[] both = Items(random, common), left = Items(random, theirs), right = Items(random, ours);
            var decoder = new SketchDecoder(new SketchedSet(SketchOf([.. both, .. right])));
            var sketch = SketchOf([.. both, .. left]);
            while (!decoder.IsDone)
                decoder.Add(sketch.Read(decoder.Received, 1));

            decoder.Theirs.Order().ShouldBe(left.Order());
            decoder.Ours.Order().ShouldBe(right.Order());
            decoder.IsBroken.ShouldBeFalse();
            decoder.Received.ShouldBeLessThanOrEqualTo((int)(1.6 * (theirs + ours)) + 40);
        }
    }

    [Fact]
    public void Sketch_ThatFollowsChanges_IsThatOfTheSet()
    {
        var random = new Random(5);
        UInt128[] kept = Items(random, 300), gone = Items(random, 200);
        var sketch = SketchOf([.. gone, .. kept]);
        foreach (var item in gone)
            sketch.Remove(item);

        All(sketch).ShouldBe(All(SketchOf(kept)));
        sketch.Count.ShouldBe(300);
    }

    [Fact]
    public void Copy_AndWhatItIsOf_ChangeEachForItself()
    {
        var random = new Random(6);
        UInt128[] both = Items(random, 100), here = Items(random, 30), there = Items(random, 20);
        var sketch = SketchOf(both);
        var copy = sketch.Copy();
        var second = copy.Copy();
        foreach (var item in here)
            sketch.Add(item);
        foreach (var item in there)
            copy.Add(item);

        All(sketch).ShouldBe(All(SketchOf([.. both, .. here])));
        All(copy).ShouldBe(All(SketchOf([.. both, .. there])));
        All(second).ShouldBe(All(SketchOf(both)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(100)]
    public void Sketch_ThatIsShort_IsTheBeginningOfALongOne(int length)
    {
        var items = Items(new Random(7), 500);
        var sketch = new Sketch(s_key, length);
        foreach (var item in items)
            sketch.Add(item);

        All(sketch).ShouldBe(SketchOf(items).Read(0, length));
        Should.Throw<ArgumentOutOfRangeException>(() => sketch.Read(1, length));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(3_000)]
    public void Estimate_AfterTheFirstSymbols_IsNear(int differences)
    {
        var estimates = Enumerable.Range(0, 8).Select(seed =>
        {
            var random = new Random(seed);
            var common = Items(random, 2_000);
            var decoder = new SketchDecoder(new SketchedSet(SketchOf([.. common, .. Items(random, differences / 2)])));
            decoder.Add(SketchOf([.. common, .. Items(random, differences - (differences / 2))]).Read(0, ReplicationLimits.FirstSymbols));
            return decoder.Estimate;
        }).ToList();

        estimates.Average().ShouldBe(differences, differences * 0.25);
        estimates.ShouldAllBe(estimate => estimate > differences * 0.4 && estimate < differences * 2);
    }

    [Fact]
    public void Garbage_InPlaceOfSymbols_HasAnEnd()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var decoder = new SketchDecoder(new SketchedSet(SketchOf(Items(random, 100))));
            var garbage = Enumerable.Range(0, ReplicationLimits.MaxSymbols).Select(_ =>
            {
                var item = Items(random, 1)[0];
                // Half of them look as if they held one item.
                return new CodedSymbol(item, random.Next(2) == 0 ? (uint)SipHash.Of(s_key, item) : (uint)random.Next(), random.Next(-1, 2));
            }).ToArray();
            decoder.Add(garbage);

            decoder.IsDone.ShouldBeFalse();
            decoder.Theirs.Count().ShouldBeLessThanOrEqualTo(ReplicationLimits.MaxSymbols);
        }
    }

    [Fact]
    public void Item_ThatComesUpTwice_EndsIt()
    {
        var item = Items(new Random(1), 1)[0];
        var single = new CodedSymbol(item, (uint)SipHash.Of(s_key, item), 1);
        var decoder = new SketchDecoder(new SketchedSet(new Sketch(s_key, ReplicationLimits.MaxSymbols)));
        // It is taken out of the first two, and each that comes has it all the same.
        decoder.Add([.. Enumerable.Repeat(single, 200)]);

        decoder.IsBroken.ShouldBeTrue();
        decoder.IsDone.ShouldBeFalse();
    }

    [Fact]
    public void Symbols_BeyondTheLast_AreNotTaken()
    {
        var sketch = SketchOf(Items(new Random(1), 10));
        var decoder = new SketchDecoder(new SketchedSet(sketch));
        decoder.Add(All(sketch));
        decoder.Room.ShouldBe(0);
        Should.Throw<ArgumentException>(() => decoder.Add(sketch.Read(0, 1)));
    }

    private static CodedSymbol[] All(Sketch sketch) => sketch.Read(0, sketch.Length);

    private static Sketch SketchOf(UInt128[] items)
    {
        var sketch = new Sketch(s_key, ReplicationLimits.MaxSymbols);
        foreach (var item in items)
            sketch.Add(item);
        return sketch;
    }

    private static UInt128[] Items(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()))];
}
