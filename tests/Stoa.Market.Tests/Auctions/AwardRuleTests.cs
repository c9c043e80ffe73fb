using Stoa.Market.Auctions;
using Stoa.Primitives;
using static Stoa.Market.Tests.Auctions.AuctionSamples;

namespace Stoa.Market.Tests.Auctions;

public sealed class AwardRuleTests
{
    /// <summary>Bidders with posted prices of a dollar; <c>NAME:QUALITY:ASK</c>, and after a slash what each award pays.</summary>
    [Theory]
    // The least price wins and is paid the second one.
    [InlineData(null, "a:1:0.5 b:1:0.7 c:1:0.9", "a b c", "0.700000 0.900000 1.000000")]
    [InlineData(null, "a:1:$0.5 b:1:$0.7", "a b", "0.700000000 1.000000000")]
    // Both forms are compared by what is expected of them, and each is paid in its own.
    [InlineData(null, "a:1:$0.5 b:1:0.7", "a b", "0.700000000 1.000000")]
    [InlineData(null, "a:1:0.5 b:1:$0.7", "a b", "0.700000 1.000000000")]
    // A price is divided by the quality: 0.5 / 0.5 is dearer than 0.8 / 1, and 0.8 wins until 0.5 / 0.5.
    [InlineData(null, "a:0.5:0.5 b:1:0.8", "b a", "1.000000 1.000000")]
    // 0.3 / 0.5 = 0.6 wins against 0.7 / 1, and is paid 0.7 × 0.5.
    [InlineData(null, "a:0.5:0.3 b:1:0.7", "a b", "0.350000 1.000000")]
    // 0.2 / 1 wins against 0.2 / 0.4 = 0.5 and is paid 0.5.
    [InlineData(null, "a:1:0.2 b:0.4:0.2", "a b", "0.500000 1.000000")]
    // Alone it is paid what it has posted, or the reserve.
    [InlineData(null, "a:1:0.1", "a", "1.000000")]
    [InlineData("0.6", "a:1:0.1", "a", "0.600000")]
    [InlineData("0.6", "a:1:$0.1", "a", "0.600000000")]
    [InlineData("5", "a:1:0.1", "a", "1.000000")]
    // Never above the reserve, though the next bid is.
    [InlineData("0.6", "a:1:0.5 b:1:0.7", "a", "0.600000")]
    // A bid that gives it away is paid all the same.
    [InlineData(null, "a:1:0 b:1:0.7", "a b", "0.700000 1.000000")]
    // Of equal scores the higher quality is first.
    [InlineData(null, "a:0.5:0.4 b:1:0.8", "b a", "0.800000 1.000000")]
    // Only three are paid by anything.
    [InlineData(null, "a:1:0.1 b:1:0.2 c:1:0.3 d:1:0.4 e:1:0.5", "a b c d e", "0.200000 0.300000 0.400000 - -")]
    public void Decide_OfTheseBids_RanksAndPays(string? reserve, string bidders, string ranking, string awards)
    {
        var made = bidders.Split(' ').Select(text => text.Split(':')).ToList();
        var announcement = Announce(
            reserve, [.. made.Select(one => Bidder(one[0], quality: double.Parse(one[1], System.Globalization.CultureInfo.InvariantCulture)))]);

        var decision = AwardRule.Decide(announcement, [.. made.Select(one => Bid(announcement, one[0], one[2]))]);

        decision.Ranking.Select(bid => bid.Agent.Split("/")[0][4..]).ShouldBe(ranking.Split(' '));
        decision.Ranking.Select(bid => bid.Award?.Ask.ToString() ?? "-").ShouldBe(awards.Split(' '));
    }

    [Theory]
    [InlineData(null, "a:none", "a noBid")]
    [InlineData(null, "a:$1.000000001", "a abovePosted")]
    [InlineData("0.5", "a:0.500001", "a aboveReserve")]
    [InlineData("0", "a:0.000001", "a aboveReserve")]
    [InlineData("0.5", "a:$0.500000001 b:none", "a aboveReserve|b noBid")]
    public void Decide_OfBidsThatCannotWin_SaysWhy(string? reserve, string bidders, string losses)
    {
        var made = bidders.Split(' ').Select(text => text.Split(':')).ToList();
        var announcement = Announce(reserve, [.. made.Select(one => Bidder(one[0]))]);

        var decision = AwardRule.Decide(announcement, [.. made.Where(one => one[1] != "none").Select(one => Bid(announcement, one[0], one[1]))]);

        decision.Winner.ShouldBeNull();
        decision.Losses.Select(loss => $"{loss.Agent.Split("/")[0][4..]} {char.ToLowerInvariant(loss.Reason.ToString()[0])}{loss.Reason.ToString()[1..]}")
            .ShouldBe(losses.Split('|'));
    }

    [Fact]
    public void Decide_OfEqualBids_DrawsByAuctionSoThatNobodyIsAlwaysFirst()
    {
        var winners = Enumerable.Range(0, 64).Select(_ =>
        {
            var announcement = Announce(null, Bidder("a"), Bidder("b"));
            return AwardRule.Decide(announcement, [Bid(announcement, "a", "0.5"), Bid(announcement, "b", "0.5")]).Winner!.Agent;
        });

        winners.Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public void Decide_OfAWinnerByDraw_PaysWhatItAsked()
    {
        var announcement = Announce(null, Bidder("a"), Bidder("b"));

        var decision = AwardRule.Decide(announcement, [Bid(announcement, "a", "$0.5"), Bid(announcement, "b", "$0.5")]);

        decision.Ranking[0].Award!.Expected.ShouldBe(Money.Parse("0.5"));
    }

    [Fact]
    public void Decide_OfPricesAtTheEndOfMoney_DoesNotRunOver()
    {
        const string most = "9223372036.854775807";
        var announcement = Announce(null, Bidder("a", most, quality: 1e-9), Bidder("b", most));

        var decision = AwardRule.Decide(announcement, [Bid(announcement, "a", "1"), Bid(announcement, "b", "$" + most)]);

        decision.Ranking.Select(bid => bid.Agent).ShouldBe(["pub-b/agent", "pub-a/agent"]);
        decision.Ranking[1].Score.ShouldBe(new Money(long.MaxValue));
    }

    [Fact]
    public void Decide_OfTwoBidsOfOneOrABidOfAStranger_IsABug()
    {
        var announcement = Announce(null, Bidder("a"));
        var bid = Bid(announcement, "a", "0.5");

        Should.Throw<ArgumentException>(() => AwardRule.Decide(announcement, [bid, bid]));
        Should.Throw<ArgumentException>(() => AwardRule.Decide(announcement, [Bid(announcement, "b", "0.5")]));
    }

    [Fact]
    public void Rates_OfAFactor_AreRoundedDownSoThatNoneIsAboveWhatWon()
    {
        var bidder = Bidder("a") with { Rates = new(new Money(9), new Money(10), new Money(11), new Money(1)) };

        new Ask.Factor(0).Rates(bidder, 999_999).ShouldBe(new(new Money(8), new Money(9), new Money(10), new Money(0)));
    }
}
