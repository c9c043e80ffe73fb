using System.Buffers.Binary;
using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Replication;

public sealed class TugOfWarSketchTests
{
    private const int Common = 20_000;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(20, 20)]
    [InlineData(0, 300)]
    [InlineData(500, 500)]
    [InlineData(4_000, 100)]
    public void Difference_IsEstimated(int here, int there)
    {
        var estimates = Enumerable.Range(0, 20).Select(seed => TugOfWarSketch.Difference(Of(seed, Common, here, 0), Of(seed, Common, there, 1))).ToList();

        var differences = here + there;
        estimates.Average().ShouldBe(differences, (differences * 0.1) + 1);
        estimates.Count(estimate => estimate > differences * 0.8).ShouldBeGreaterThanOrEqualTo(18);
        estimates.ShouldAllBe(estimate => estimate < (differences * 1.5) + 5);
    }

    [Fact]
    public void Difference_OfSetsThatAreTheSame_IsNone()
    {
        var (sketch, other) = (new TugOfWarSketch(), new TugOfWarSketch());
        for (var number = 0; number < 100; number++)
            sketch.Add(IdOf(number));
        for (var number = 99; number >= -50; number--)
            other.Add(IdOf(number));
        for (var number = -50; number < 0; number++)
            other.Remove(IdOf(number));

        other.Read().ShouldBe(sketch.Read());
        TugOfWarSketch.Difference(sketch.Read(), other.Read()).ShouldBe(0);
    }

    [Fact]
    public void Ids_ThatBeginAlike_AreNotTakenForMore()
    {
        // As those of publishers that have to work for their statements.
        var (sketch, other) = (new TugOfWarSketch(), new TugOfWarSketch());
        for (var number = 0; number < 1_000; number++)
            sketch.Add(IdOf(number, zeros: 3));

        TugOfWarSketch.Difference(sketch.Read(), other.Read()).ShouldBeInRange(800, 2_200);
    }

    private static IReadOnlyList<int> Of(int seed, int common, int own, int side)
    {
        var sketch = new TugOfWarSketch();
        for (var number = 0; number < common; number++)
            sketch.Add(IdOf(number));
        for (var number = 0; number < own; number++)
            sketch.Add(IdOf((((long)seed + 1) << 32) + ((long)side << 31) + number));
        return sketch.Read();
    }

    private static ContentHash IdOf(long number, int zeros = 0)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        BinaryPrimitives.WriteInt64LittleEndian(digest, number);
        ContentHash.Of(digest).CopyTo(digest);
        digest[..zeros].Clear();
        return ContentHash.FromBytes(digest);
    }
}
