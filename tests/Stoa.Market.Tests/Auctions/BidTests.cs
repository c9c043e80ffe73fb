using System.Text;
using Stoa.Market.Auctions;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Auctions;

public sealed class BidTests : IDisposable
{
    private const string Id = "auction_01h2xcejqtf2nbrexx3vqjhp41";
    private readonly PrivateKey _key = PrivateKey.Generate();

    public void Dispose() => _key.Dispose();

    [Theory]
    [InlineData("factor", "0.000000")]
    [InlineData("factor", "0.250000")]
    [InlineData("factor", "1.000000")]
    [InlineData("price", "0.000000000")]
    [InlineData("price", "9223372036.854775807")]
    public void Bid_SignedAndRead_IsTheSame(string form, string ask)
    {
        var bid = new Bid(Id<Auction>.Parse(Id), "stoa/agent", Bid.ReadAsk(form == "factor" ? ask : null, form == "price" ? ask : null).Value!, "0123456789abcdef");

        var read = Bid.Read(bid.Sign(_key)).Value;

        read.ShouldBe(bid);
        read.Ask.ToString().ShouldBe(ask);
    }

    [Theory]
    [InlineData("1", 1_000_000)]
    [InlineData("0.5", 500_000)]
    [InlineData("0.000001", 1)]
    [InlineData("0", 0)]
    [InlineData("1.000001", null)]
    [InlineData("0.0000001", null)]
    [InlineData("-0.5", null)]
    [InlineData("-0", 0)]
    [InlineData("NaN", null)]
    [InlineData("Infinity", null)]
    [InlineData("1e-1", null)]
    [InlineData(" 0.5", null)]
    [InlineData("0,5", null)]
    [InlineData("", null)]
    [InlineData("00.5", null)]
    public void Factor_IsADecimalFromZeroToOne(string text, int? millionths) =>
        (Ask.Factor.TryParse(text, out var factor) ? (int?)factor.Millionths : null).ShouldBe(millionths);

    [Theory]
    [InlineData("text")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":"stoa/agent","nonce":"0123456789abcdef"}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":"stoa/agent","nonce":"0123456789abcde","factor":"0.5"}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":"stoa/agent","nonce":null,"factor":"0.5"}""")]
    [InlineData("""{"auctionId":"task_01h2xcejqtf2nbrexx3vqjhp41","agent":"stoa/agent","nonce":"0123456789abcdef","factor":"0.5"}""")]
    [InlineData("""{"auctionId":1,"agent":"stoa/agent","nonce":"0123456789abcdef","factor":"0.5"}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","nonce":"0123456789abcdef","factor":"0.5"}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":"a/b","agent":"a/c","nonce":"0123456789abcdef","factor":"0.5"}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":"a/b","nonce":"0123456789abcdef","factor":"0.5","x":1}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":{"a":{"b":{}}},"nonce":"0123456789abcdef","factor":"0.5"}""")]
    [InlineData("""{"auctionId":"auction_01h2xcejqtf2nbrexx3vqjhp41","agent":"\ud800","nonce":"0123456789abcdef","factor":"0.5"}""")]
    public void Read_OfAnythingElse_IsRefused(string payload) =>
        Bid.Read(DsseEnvelope.Sign(Bid.PayloadType, Encoding.UTF8.GetBytes(payload), _key)).Refusal!.Code.ShouldBe(AuctionRefusal.BidInvalid);

    [Theory]
    [InlineData(0, 500_000)]
    [InlineData(1, 625_000)]
    [InlineData(4, 1_000_000)]
    [InlineData(5_000, 1_000_000)]
    [InlineData(-1, 500_000)]
    public void LoadAware_RisesEvenlyToFullLoad(int load, long millionths) =>
        new BiddingPolicy.LoadAware(500_000, 1_000_000, 4).AskAt(load).ShouldBe(new Ask.Factor(millionths));

    [Theory]
    // Typical of the candidates, by the weights of a task that does not say: 0.5 to the power 7/3.
    [InlineData(0.5, 0.4, 0.3, 198_425_131)]
    [InlineData(1, 0.4, 0.3, 1_000_000_000)]
    // Twice as reliable, when quality and price matter the same, is worth a third more.
    [InlineData(0.6666666667, 0.5, 0.5, 666_666_667)]
    // Only the price counts: all are as good.
    [InlineData(0.1, 0, 1, 1_000_000_000)]
    // The price does not count: as far as numbers go.
    [InlineData(0.5, 1, 0, 3_906_250)]
    [InlineData(0, 0.5, 0.5, 1)]
    [InlineData(double.NaN, 0.5, 0.5, 1)]
    public void Quality_IsTheMeanOfThePartsByWhatThePriceLeavesThem(double part, double qualityWeight, double priceWeight, long quality)
    {
        var market = new Stoa.Market.Tests.Selection.Market();
        market.Publish("stoa/agent");
        var candidate = market.Choose().Candidates[0] with { Quality = part, Speed = part, Availability = part };

        BidQuality.Of(candidate, new SelectionWeights(qualityWeight, priceWeight, 1 - qualityWeight - priceWeight, 0)).ShouldBe(quality);
    }
}
