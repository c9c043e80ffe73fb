using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class TaskPricingTests
{
    [Theory]
    [InlineData("0.001", "0", "0", 0, 0, "0.001000000")]
    [InlineData("0", "1", "0", 1_000_000, 0, "1.000000000")]
    [InlineData("0", "0", "1", 0, 1_000_000_000, "1.000000000")]
    [InlineData("0", "0.000000001", "0", 1, 0, "0.000000001")]
    [InlineData("0", "0.000000001", "0.000000001", 1, 1, "0.000000002")]
    [InlineData("0.001", "0.0005", "0.002", 2_500_000, 500_000_000, "0.003250000")]
    public void Price_EachPart_IsRoundedUpToTheNanodollar(string @base, string perMegabyte, string perGigafuel, long bytes, long fuel, string total)
    {
        var price = new AgentPrice(Money.Parse(@base), Money.Parse(perMegabyte), Money.Parse(perGigafuel));

        price.TryPrice(new PricedWork(bytes, fuel, 0, 0), out var parts).ShouldBeTrue();

        parts.Total.ToString().ShouldBe(total);
    }

    [Theory]
    [InlineData("9223372036", "9223372036", "0")]
    [InlineData("0", "9223372036", "0")]
    [InlineData("0", "0", "9223372036")]
    public void Price_BeyondMoney_IsRefused(string @base, string perMegabyte, string perGigafuel)
    {
        var price = new AgentPrice(Money.Parse(@base), Money.Parse(perMegabyte), Money.Parse(perGigafuel));

        price.TryPrice(new PricedWork(2_000_000, 2_000_000_000, 0, 0), out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(1_000_000_000, 1_000, "1.000000000")]
    [InlineData(64 << 20, 250, "0.016777216")]
    [InlineData(1, 1, "0.000000001")]
    [InlineData(0, 60_000, "0.000000000")]
    [InlineData(1_000_000_000, 0, "0.000000000")]
    public void Price_OfMemory_IsByGigabyteAndSecond(long memoryBytes, long durationMs, string total)
    {
        var price = new AgentPrice(Money.Zero, Money.Zero, Money.Zero, Money.Parse("1"));

        price.TryPrice(new PricedWork(5, 5, memoryBytes, durationMs), out var parts).ShouldBeTrue();

        (parts.Memory.ToString(), parts.Total.ToString()).ShouldBe((total, total));
    }

    [Fact]
    public void WorkOf_ARunThatTookLongerThanItsLimit_IsChargedForTheLimit()
    {
        var work = TaskPricing.WorkOf(7, TaskSamples.Limits, new Usage(1, 2, 3, 4, TaskSamples.Limits.TimeoutMs + 5));

        work.ShouldBe(new PricedWork(7, 1, 2, TaskSamples.Limits.TimeoutMs));
    }

    [Fact]
    public void Price_OfAnyUseWithinTheLimits_IsAtMostTheHold() => Prop.ForAll(
        Prices.ToArbitrary(),
        TaskSamples.Longs(1L << 40).Two().ToArbitrary(),
        (price, fuel) =>
        {
            var (limit, burnt) = (Math.Max(fuel.Item1, fuel.Item2), Math.Min(fuel.Item1, fuel.Item2));
            price.TryPrice(new PricedWork(123_456_789, limit, limit >> 8, 3_600_000), out var hold).ShouldBeTrue();
            price.TryPrice(new PricedWork(123_456_789, burnt, burnt >> 8, 3_599_999), out var captured).ShouldBeTrue();
            captured.Total.ShouldBeLessThanOrEqualTo(hold.Total);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Capture_AboveTheHold_IsABug()
    {
        var task = TaskSamples.Running(Money.Parse("0.001"));

        Should.Throw<InvalidOperationException>(() => TaskPricing.Capture(TaskSamples.Price, PriceFactor.One, task, TaskSamples.Usage(fuel: 2_000_000_000)));
    }

    private static Gen<AgentPrice> Prices =>
        from @base in TaskSamples.Longs(1_000_000_000_000)
        from perMegabyte in TaskSamples.Longs(1_000_000_000_000)
        from perGigafuel in TaskSamples.Longs(1_000_000_000_000)
        from perGigabyteSecond in TaskSamples.Longs(1_000_000_000_000)
        select new AgentPrice(new Money(@base), new Money(perMegabyte), new Money(perGigafuel), new Money(perGigabyteSecond));
}
