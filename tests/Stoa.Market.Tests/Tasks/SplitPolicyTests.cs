using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class SplitPolicyTests
{
    [Theory]
    [InlineData("0.000000000", "0.000000000", "0.000000000", "0.000000000")]
    [InlineData("0.000000001", "0.000000001", "0.000000000", "0.000000000")]
    [InlineData("0.000000010", "0.000000007", "0.000000003", "0.000000000")]
    [InlineData("1.000000000", "0.700000000", "0.250000000", "0.050000000")]
    public void Split_OfThePrice_GoesByLargestRemainder(string price, string creator, string node, string platform)
    {
        var shares = SplitPolicy.Default.Split(Money.Parse(price));

        (shares.Creator.ToString(), shares.Node.ToString(), shares.Platform.ToString()).ShouldBe((creator, node, platform));
    }

    [Fact]
    public void Split_OfAnyPriceByAnyPolicy_SumsToThePrice() => Prop.ForAll(
        (from creator in Gen.Choose(0, 100)
         from node in Gen.Choose(0, 100 - creator)
         select new SplitPolicy(creator, node, 100 - creator - node)).ToArbitrary(),
        TaskSamples.Longs(long.MaxValue).ToArbitrary(),
        (policy, price) =>
        {
            var shares = policy.Split(new Money(price));
            shares.Total.ShouldBe(new Money(price));
            new[] { shares.Creator, shares.Node, shares.Platform }.ShouldAllBe(share => share >= Money.Zero);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(70, 25, 6)]
    [InlineData(101, -1, 0)]
    [InlineData(0, 0, 0)]
    [InlineData(int.MaxValue, int.MaxValue, 102)]
    public void Policy_ThatDoesNotSumTo100_IsRefused(int creator, int node, int platform) =>
        Should.Throw<ArgumentException>(() => new SplitPolicy(creator, node, platform));
}
