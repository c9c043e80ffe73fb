using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class SecureRandomTests
{
    private readonly SecureRandom _random = new();

    [Fact]
    public void Next_AnyRange_StaysInside() =>
        Prop.ForAll((long left, long right) =>
        {
            var (min, max) = (Math.Min(left, right), Math.Max(left, right));
            var drawn = _random.NextInt64(min, max);
            return drawn >= min && (drawn < max || (drawn == min && min == max));
        }).ShouldHold();

    [Theory]
    [InlineData(long.MinValue, long.MaxValue)]
    [InlineData(-1, 1)]
    [InlineData(5, 6)]
    [InlineData(5, 5)]
    public void Next_EdgeRange_StaysInside(long min, long max)
    {
        for (var count = 0; count < 100; count++)
            _random.NextInt64(min, max).ShouldBeInRange(min, Math.Max(min, max - 1));
    }

    [Fact]
    public void Next_SmallRange_ReachesEveryValue()
    {
        // Of 1,000 draws from ten values one is missed with a chance below 10^-44.
        Enumerable.Range(0, 1_000).Select(_ => _random.Next(10)).Distinct().Order().ShouldBe(Enumerable.Range(0, 10));
        Enumerable.Range(0, 1_000).Select(_ => _random.Next(-5, 5)).Distinct().Order().ShouldBe(Enumerable.Range(-5, 10));
    }

    [Fact]
    public void Next_Fractions_AreBelowOne()
    {
        for (var count = 0; count < 1_000; count++)
        {
            _random.NextDouble().ShouldBeInRange(0, 1 - 1e-16);
            _random.NextSingle().ShouldBeInRange(0, 1 - 1e-7f);
            _random.Next().ShouldBeInRange(0, int.MaxValue - 1);
            _random.NextInt64().ShouldBeInRange(0, long.MaxValue - 1);
        }
    }

    [Fact]
    public void NextBytes_Twice_Differs()
    {
        var (first, second) = (new byte[32], new byte[32]);
        _random.NextBytes(first);
        _random.NextBytes(second.AsSpan());
        first.ShouldNotBe(second);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, -1)]
    public void Next_ReversedRange_IsRefused(long min, long max) =>
        Should.Throw<ArgumentOutOfRangeException>(() => _random.NextInt64(min, max));
}
