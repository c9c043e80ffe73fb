using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Registry;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry;

public sealed class PriceFactorsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(7, 4)]
    [InlineData(10_000, 5_000)]
    public void ConsumerShare_IsHalfOfTheCapacity(int capacity, int share) => new DemandFactor(2_000, 0, capacity).ConsumerShare.ShouldBe(share);

    [Theory]
    [InlineData(0, 800)]
    [InlineData(1, 1_000)]
    [InlineData(2, 1_500)]
    [InlineData(3, 3_000)]
    public void At_APriority_IsItsTier(int priority, int tier) =>
        new PriceFactors(800, 1_500, 3_000, Demand: null).At(priority, open: 1_000_000).ShouldBe(new PriceFactor(tier, 1_000));

    [Theory]
    [InlineData(0, 1_000)]
    [InlineData(8, 1_000)]
    [InlineData(9, 1_125)]
    [InlineData(12, 1_500)]
    [InlineData(15, 1_875)]
    [InlineData(16, 2_000)]
    [InlineData(17, 2_000)]
    [InlineData(long.MaxValue, 2_000)]
    public void Demand_RisesInAStraightLineFromItsShareToAllOfTheCapacity(long open, int factor) =>
        new DemandFactor(Most: 2_000, From: 500, Capacity: 16).At(open).ShouldBe(factor);

    [Theory]
    [InlineData(10_000, 0, 3, 1, 4_000)]
    [InlineData(10_000, 999, 10_000, 9_990, 1_000)]
    [InlineData(10_000, 999, 10_000, 9_991, 1_900)]
    [InlineData(1_001, 0, 3, 2, 1_000)]
    [InlineData(1_000, 0, 1, 1, 1_000)]
    public void Demand_IsRoundedDown(int most, int from, int capacity, long open, int factor) =>
        new DemandFactor(most, from, capacity).At(open).ShouldBe(factor);

    [Fact]
    public void Demand_OfAnyKind_NeverFallsWhenMoreIsOpen() => Prop.ForAll(
        Gen.Choose(1_000, 10_000).Two().ToArbitrary(),
        Gen.Choose(0, 999).ToArbitrary(),
        TaskSamples.Longs(20_000).Two().ToArbitrary(),
        (sizes, from, open) =>
        {
            var demand = new DemandFactor(sizes.Item1, from, sizes.Item2);
            var (less, more) = (demand.At(Math.Min(open.Item1, open.Item2)), demand.At(Math.Max(open.Item1, open.Item2)));
            less.ShouldBeLessThanOrEqualTo(more);
            less.ShouldBeInRange(1_000, sizes.Item1);
            demand.At(demand.Capacity).ShouldBe(sizes.Item1);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(-1, 1_000)]
    [InlineData(0, 1_000)]
    [InlineData(999, 1_000)]
    [InlineData(1_000, 900)]
    [InlineData(1_001, 900)]
    [InlineData(9_999, 900)]
    [InlineData(10_000, 750)]
    [InlineData(long.MaxValue, 750)]
    public void Volume_IsThatOfTheLastTierThatIsReached(long paid, int factor)
    {
        var volume = new VolumeFactor([new VolumeTier(1_000, 900), new VolumeTier(10_000, 750)]);

        volume.At(paid).ShouldBe(factor);
        new PriceFactors(800, 1_500, 3_000, new DemandFactor(2_000, 0, 1)) { Volume = volume }.At(priority: 2, open: 1, paid).ShouldBe(new PriceFactor(1_500, 2_000, factor));
    }

    [Fact]
    public void Factors_WithVolumeAlone_AreTheSameForEveryTaskOfSomebodyNew()
    {
        var factors = PriceFactors.None with { Volume = new VolumeFactor([new VolumeTier(1, 500)]) };

        factors.HasTiersOrDemand.ShouldBeFalse();
        factors.At(priority: 3, open: 1_000).ShouldBe(PriceFactor.One);
        (factors with { Urgent = 2_000 }).HasTiersOrDemand.ShouldBeTrue();
        (factors with { Demand = new DemandFactor(2_000, 0, 1) }).HasTiersOrDemand.ShouldBeTrue();
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(999, true)]
    [InlineData(1_000, true)]
    [InlineData(99, false)]
    [InlineData(1_001, false)]
    [InlineData(0, false)]
    [InlineData(-900, false)]
    public void Volume_OutsideOfItsRange_IsNoFactor(int volume, bool isInRange) => new PriceFactor(1_000, 1_000, volume).IsInRange.ShouldBe(isInRange);

    [Theory]
    [InlineData("1", 1_500, 1_250, 900, "1.687500000")]
    [InlineData("0.000000001", 1_000, 1_000, 100, "0.000000001")]
    [InlineData("0.000000003", 1_001, 1_001, 998, "0.000000003")]
    [InlineData("0.000001", 1_001, 1_001, 999, "0.000001001")]
    [InlineData("0", 10_000, 10_000, 999, "0.000000000")]
    [InlineData("9000000000", 10_000, 1_000, 100, "9000000000.000000000")]
    public void Apply_WithVolume_RoundsTheProductUpOnce(string sum, int tier, int demand, int volume, string product) =>
        new PriceFactor(tier, demand, volume).Apply(Money.Parse(sum)).ToString().ShouldBe(product);

    [Theory]
    [InlineData("1", 1_000, 1_000, "1.000000000")]
    [InlineData("1", 1_500, 1_250, "1.875000000")]
    [InlineData("0.000000001", 500, 1_000, "0.000000001")]
    [InlineData("0.000000003", 1_001, 1_001, "0.000000004")]
    [InlineData("0.000001", 1_001, 1_001, "0.000001003")]
    [InlineData("0", 10_000, 10_000, "0.000000000")]
    public void Apply_RoundsTheProductUpOnce(string sum, int tier, int demand, string product) =>
        new PriceFactor(tier, demand).Apply(Money.Parse(sum)).ToString().ShouldBe(product);

    [Fact]
    public void Apply_BeyondMoney_Overflows() => Should.Throw<OverflowException>(() => new PriceFactor(10_000, 10_000).Apply(Money.Parse("9000000000")));

    [Fact]
    public void Price_WithAFactor_IsRefusedBeyondMoneyAndHoldsWhatIsCaptured()
    {
        var price = new AgentPrice(Money.Parse("1000000000"), Money.Zero, Money.Zero);

        price.TryPrice(new PricedWork(1, 1, 1, 1), new PriceFactor(10_000, 1_000), out _).ShouldBeFalse();
        price.TryPrice(new PricedWork(1, 1, 1, 1), new PriceFactor(9_000, 1_000), out var parts).ShouldBeTrue();
        (parts.Base, parts.Total).ShouldBe((Money.Parse("1000000000"), Money.Parse("9000000000")));
    }

    [Fact]
    public void Price_OfAnyUseWithinTheLimits_IsAtMostTheHoldByTheSameFactor() => Prop.ForAll(
        Gen.Choose(500, 10_000).Two().ToArbitrary(),
        Gen.Choose(100, 1_000).ToArbitrary(),
        TaskSamples.Longs(1L << 40).Two().ToArbitrary(),
        (factors, volume, fuel) =>
        {
            var factor = new PriceFactor(factors.Item1, Math.Max(1_000, factors.Item2), volume);
            var (limit, burnt) = (Math.Max(fuel.Item1, fuel.Item2), Math.Min(fuel.Item1, fuel.Item2));
            TaskSamples.Price.TryPrice(new PricedWork(7, limit, limit >> 8, 3_600_000), factor, out var hold).ShouldBeTrue();
            TaskSamples.Price.TryPrice(new PricedWork(7, burnt, burnt >> 8, 3_599_999), factor, out var captured).ShouldBeTrue();
            captured.Total.ShouldBeLessThanOrEqualTo(hold.Total);
        }).QuickCheckThrowOnFailure();
}
