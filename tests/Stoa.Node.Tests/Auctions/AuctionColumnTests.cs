using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

public sealed class AuctionColumnTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new SecureRandom());

    [Fact]
    public void Read_OfAnAwardFromBeforeThereWasVolume_HasAFactorWithoutIt()
    {
        var award = new AwardedAgent(
            s_ids.Next<AgentVersion>(),
            ListingName.Parse("stoa/upper@1.0.0"),
            [],
            new AgentLimits(1, 2, 3, 4, 5),
            new AgentPrice(new Money(1), new Money(2), new Money(3)),
            new PriceFactor(3_000, 1_500),
            Demand: 1_500);
        var column = SqlAuctions.Write(new TaskAuction(s_ids.Next<Auction>(), DateTimeOffset.UnixEpoch, IsOpen: false, AwardDigest: null, [award]))!;
        var before = column.Replace("\"volume\":1000,", "", StringComparison.Ordinal);

        before.ShouldNotBe(column);
        foreach (var text in new[] { column, before })
            SqlAuctions.Read(text).Awards.ShouldHaveSingleItem().Factor.ShouldBe(award.Factor);
    }
}
