using Stoa.Market.Registry.Goods;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class SoldModelTests
{
    private static readonly string s_publisher = PrivateKey.Generate().PublicKey.PeerId.ToString();
    private static readonly string s_weights = ContentHash.Of("weights"u8).ToString();

    [Fact]
    public void Row_OfAList_NamesTheModelAsEveryOtherNodeDoes()
    {
        var sold = SoldModel.TryRead("stoa/tiny@1.0.0", s_publisher, s_weights, "eu-west", "0.5", "1.5").ShouldNotBeNull();

        (sold.Listing.ToString(), sold.Name.ToString(), sold.Region).ShouldBe(($"{s_publisher}/tiny@1.0.0", "stoa/tiny@1.0.0", "eu-west"));
        sold.Price.ShouldBe(new ModelPrice(Money.Parse("0.5"), Money.Parse("1.5")));
    }

    [Theory]
    [InlineData("stoa/tiny", null, null, null, "0.5", "1.5")]
    [InlineData(null, null, null, null, "0.5", "1.5")]
    [InlineData("stoa/tiny@1.0.0", "ada", null, null, "0.5", "1.5")]
    [InlineData("stoa/tiny@1.0.0", null, "sha256:12", null, "0.5", "1.5")]
    [InlineData("stoa/tiny@1.0.0", null, null, "The West", "0.5", "1.5")]
    [InlineData("stoa/tiny@1.0.0", null, null, null, "-0.5", "1.5")]
    [InlineData("stoa/tiny@1.0.0", null, null, null, "0.5", "1000001")]
    [InlineData("stoa/tiny@1.0.0", null, null, null, "0.5", null)]
    public void Row_ThatIsNone_IsPassedOver(string? name, string? publisher, string? weights, string? region, string? input, string? output) =>
        SoldModel.TryRead(name, publisher ?? s_publisher, weights ?? s_weights, region, input, output).ShouldBeNull();

    [Theory]
    [InlineData("1", "1", 1_000)]
    [InlineData("2", "1", 500)]
    [InlineData("1000000", "1", 1)]
    [InlineData("0", "0", 1_000)]
    public void Weight_IsByPrice(string price, string least, int expected) =>
        SupplierShares.WeightOf(PriceOf(price), PriceOf(least), SupplierStanding.None).ShouldBe(expected);

    [Fact]
    public void Weight_IsByReliability()
    {
        var standing = SupplierStanding.None with { Successes = 4, Failures = 5 };

        SupplierShares.WeightOf(PriceOf("1"), PriceOf("1"), standing).ShouldBe(500);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 4)]
    [InlineData(3, 16)]
    [InlineData(1_000_000, 7 * 24 * 60)]
    public void Bar_GrowsWithEachLie(long lies, int minutes) => SupplierShares.BarOf(lies).ShouldBe(TimeSpan.FromMinutes(minutes));

    private static ModelPrice PriceOf(string price) => new(Money.Parse(price), Money.Parse(price));
}
