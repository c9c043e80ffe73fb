using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference;

public sealed class PricedModelTests
{
    private static readonly Id<User> s_publisher = new(Guid.CreateVersion7());

    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(1, 0, 1, 1)]
    [InlineData(1_000_000, 0, 150_000, 20_000)]
    [InlineData(0, 1_000_000, 600_000, 40_000)]
    [InlineData(7, 3, 3, 1)]
    [InlineData(1_000_001, 1, 150_001, 20_001)]
    public void Price_OfTokens_IsBothPartsEachRoundedUp(long input, long output, long listing, long serving)
    {
        var model = Model(new(new Money(150_000), new Money(600_000)), new(new Money(20_000), new Money(40_000)));

        model.TryPriceOf(new TokenUsage(input, output)).ShouldBe(new InferencePrice(new Money(listing), new Money(serving)));
        model.PriceOf(new TokenUsage(input, output)).ShouldBe(new Money(listing + serving));
    }

    [Fact]
    public void Model_WithoutAnyPrice_IsFree()
    {
        Model(null, null).IsFree.ShouldBeTrue();
        Model(new(Money.Zero, Money.Zero), null).IsFree.ShouldBeTrue();
        Model(null, new(new Money(1), Money.Zero)).IsFree.ShouldBeFalse();
        Model(new(Money.Zero, new Money(1)), null).IsFree.ShouldBeFalse();
    }

    [Fact]
    public void Listing_OfNobodyHere_CostsNothing()
    {
        var model = new PricedModel(ListingName.Parse("ann/tiny@1.0.0"), null, new(new Money(5_000_000), Money.Zero), null);

        model.IsFree.ShouldBeTrue();
        model.PriceOf(new TokenUsage(1_000, 0)).ShouldBe(Money.Zero);
    }

    [Fact]
    public void Price_BeyondTheRangeOfMoney_IsNone()
    {
        var model = Model(new(new Money(long.MaxValue), new Money(long.MaxValue)), new(new Money(long.MaxValue), Money.Zero));

        model.TryPriceOf(new TokenUsage(long.MaxValue, long.MaxValue)).ShouldBeNull();
        model.TryPriceOf(new TokenUsage(1_000_000, 0)).ShouldBeNull();
        Should.Throw<OverflowException>(() => model.PriceOf(new TokenUsage(1_000_000, 0)));
        model.PriceOf(new TokenUsage(499_999, 0)).ShouldBeGreaterThan(Money.Zero);
        Should.Throw<ArgumentOutOfRangeException>(() => model.PriceOf(new TokenUsage(-1, 0)));
    }

    [Fact]
    public void Price_AboveWhatThereIs_LosesItsServingPartFirst()
    {
        var price = new InferencePrice(new Money(70), new Money(30));

        price.AtMost(new Money(100)).ShouldBe(price);
        price.AtMost(new Money(80)).ShouldBe(new InferencePrice(new Money(70), new Money(10)));
        price.AtMost(new Money(40)).ShouldBe(new InferencePrice(new Money(40), Money.Zero));
    }

    private static PricedModel Model(ModelPrice? listing, ModelPrice? serving) => new(ListingName.Parse("ann/tiny@1.0.0"), s_publisher, listing, serving);

    [Fact]
    public void PriceElsewhere_IsTheMostThatItsPartsGiveThere_AndAllThatIsPaid()
    {
        var node = PrivateKey.Generate().PublicKey.PeerId;
        var model = new PricedModel(ListingName.Parse("ann/tiny@1.0.0"), null, new(new Money(5_000_000), Money.Zero), null) { Supplied = new SuppliedPrice(node, new(new Money(1_500_000), new Money(500_000))) };

        model.IsFree.ShouldBeFalse();
        // 1.5 rounded up, and one more, since listing and serving are rounded up apart there.
        model.TryPriceOf(new TokenUsage(1, 0)).ShouldBe(new InferencePrice(Money.Zero, Money.Zero, new Money(3)));
        model.TryPriceOf(new TokenUsage(0, 0)).ShouldBe(default(InferencePrice));
        model.PerMillion.ShouldBe(new ModelPrice(new Money(1_500_000), new Money(500_000)));
    }

    [Fact]
    public void AtMost_TakesWhatIsTooMuchOffTheSuppliedPartLast() =>
        new InferencePrice(new Money(70), new Money(30), new Money(50)).AtMost(new Money(60)).ShouldBe(new InferencePrice(new Money(10), Money.Zero, new Money(50)));

    [Fact]
    public void SuppliedPart_IsTheNodesWhole() =>
        new SplitPolicy(70, 25, 5).Split(new InferencePrice(Money.Zero, Money.Zero, new Money(100))).ShouldBe(new Shares(Money.Zero, new Money(100), Money.Zero));
}
