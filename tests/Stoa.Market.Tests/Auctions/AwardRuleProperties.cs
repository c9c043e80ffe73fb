using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Auctions;

/// <summary>Whatever the bidders, their qualities and their bids are.</summary>
public sealed class AwardRuleProperties
{
    private const int Tests = 2_000;

    /// <summary>An auction with bids of some of its bidders; the wish is the least that the first bidder would do it for.</summary>
    private sealed record Scene(Announcement Announcement, IReadOnlyList<Bid> Others, Ask Wish, long Lie, PricedWork Work)
    {
        public Bidder First => Announcement.Bidders[0];

        public AwardDecision DecideWith(Ask? ask) => AwardRule.Decide(
            Announcement, ask is null ? Others : [.. Others, new Bid(Announcement.Id, First.Name, ask, "0123456789abcdef")]);

        /// <summary>What the first bidder is paid if it wins with an ask; null when it does not.</summary>
        public Award? Wins(Ask ask) => DecideWith(ask).Winner is { } winner && winner.Agent == First.Name ? winner.Award : null;
    }

    [Fact]
    public void Bidder_ThatAsksForAnythingButWhatItWants_IsNeverBetterOff() => Check(scene =>
    {
        var honest = GainOf(scene, scene.Wins(scene.Wish));
        var lying = GainOf(scene, scene.Wins(scene.Wish.At(scene.Lie)));

        honest.ShouldBeGreaterThanOrEqualTo(lying);
        honest.ShouldBeGreaterThanOrEqualTo(0);
    });

    [Fact]
    public void Winner_IsNeverPaidLessThanItAskedForAnyWork() => Check(scene =>
    {
        if (scene.Wins(scene.Wish) is not { } award)
            return;
        PriceOf(award.Rates, award.Factor, scene.Work).ShouldBeGreaterThanOrEqualTo(
            PriceOf(scene.Wish.Rates(scene.First, scene.Wish.Units), scene.Wish.FactorOf(scene.First), scene.Work));
    });

    [Fact]
    public void Awards_AreWithinTheReserveAndThePostedRates() => Check(scene =>
    {
        foreach (var bid in scene.DecideWith(scene.Wish).Ranking)
        {
            if (bid.Award is not { } award)
                continue;
            var bidder = scene.Announcement.Find(bid.Agent)!;
            if (scene.Announcement.Reserve is { } reserve)
                award.AtLimits.ShouldBeLessThanOrEqualTo(reserve);
            award.Expected.ShouldBeLessThanOrEqualTo(bidder.Expected);
            award.AtLimits.ShouldBeLessThanOrEqualTo(bidder.PriceAtLimits(bidder.Rates, bidder.Factor, scene.Announcement.InputBytes)!.Value);
            award.AtLimits.ShouldBe(PriceOf(award.Rates, award.Factor, PricedWork.AtLimits(scene.Announcement.InputBytes, bidder.Limits)));
            award.Ask.Units.ShouldBeInRange(bid.Ask.Units, bid.Ask.Cap(bidder));
        }
    });

    [Fact]
    public void Winner_AskingForOneMoreThanItIsPaid_WouldNotWin() => Check(scene =>
    {
        if (scene.Wins(scene.Wish) is not { } award)
            return;
        // At what it is paid it wins, or is as good as the next one and the draw is against it.
        if (scene.Wins(award.Ask) is { } same)
            same.ShouldBe(award);
        else
            scene.DecideWith(award.Ask).Ranking[0].Score.ShouldBe(scene.DecideWith(award.Ask).Ranking[1].Score);
        scene.Wins(award.Ask.At(award.Ask.Units + 1)).ShouldBeNull();
    });

    [Fact]
    public void Decision_DoesNotDependOnTheOrderOfBidsAndBidders() => Check(scene =>
    {
        var bids = scene.Others.Append(new Bid(scene.Announcement.Id, scene.First.Name, scene.Wish, "0123456789abcdef")).ToList();
        var random = new System.Random(scene.Work.GetHashCode());
        var (shuffledBids, shuffledBidders) = (bids.ToArray(), scene.Announcement.Bidders.ToArray());
        random.Shuffle(shuffledBids);
        random.Shuffle(shuffledBidders);

        var one = AwardRule.Decide(scene.Announcement, bids);
        var other = AwardRule.Decide(scene.Announcement with { Bidders = shuffledBidders }, shuffledBids);

        other.Ranking.ShouldBe(one.Ranking);
        other.Losses.ShouldBe(one.Losses, ignoreOrder: true);
    });

    [Fact]
    public void SecondAward_IsWhatItWouldHaveWonBy_HadTheFirstNotBid() => Check(scene =>
    {
        var decision = scene.DecideWith(scene.Wish);
        if (decision.Ranking.Count < 2)
            return;
        var without = scene.Others.Append(new Bid(scene.Announcement.Id, scene.First.Name, scene.Wish, "0123456789abcdef"))
            .Where(bid => bid.Agent != decision.Winner!.Agent).ToList();

        AwardRule.Decide(scene.Announcement, without).Winner.ShouldBe(decision.Ranking[1]);
    });

    private static void Check(Action<Scene> holds) =>
        Prop.ForAll(Scenes.ToArbitrary(), holds).Check(Config.QuickThrowOnFailure.WithMaxTest(Tests));

    // In units of its ask: in either form more units are more money for any work.
    private static long GainOf(Scene scene, Award? award) => award is null ? 0 : award.Ask.Units - scene.Wish.Units;

    private static Money PriceOf(AgentPrice rates, PriceFactor factor, PricedWork work)
    {
        rates.TryPrice(work, factor, out var parts).ShouldBeTrue();
        return parts!.Total;
    }

    private static Gen<Scene> Scenes =>
        from announcement in AuctionSamples.Announcements
        from asks in Sequence(announcement.Bidders)
        from bids in Gen.ListOf(Gen.Frequency((4, Gen.Constant(true)), (1, Gen.Constant(false))), announcement.Bidders.Count)
        from lie in Gen.Frequency((3, TaskSamples.Longs(asks[0].Cap(announcement.Bidders[0]) + 2)), (1, Gen.Choose(-3, 3).Select(step => Math.Max(0, asks[0].Units + step))))
        from fuel in TaskSamples.Longs(AuctionSamples.Limits.Fuel)
        from memory in TaskSamples.Longs(AuctionSamples.Limits.MemoryBytes)
        select new Scene(
            announcement,
            [.. announcement.Bidders.Skip(1).Where((_, place) => bids[place + 1]).Select(bidder => new Bid(
                announcement.Id, bidder.Name, asks[announcement.Bidders.ToList().IndexOf(bidder)], "0123456789abcdef"))],
            asks[0],
            lie,
            new PricedWork(AuctionSamples.InputBytes, fuel, memory, 500));

    private static Gen<IReadOnlyList<Ask>> Sequence(IReadOnlyList<Bidder> bidders) => bidders.Aggregate(
        Gen.Constant<IReadOnlyList<Ask>>([]),
        (all, bidder) => from before in all from ask in AuctionSamples.AskOf(bidder) select (IReadOnlyList<Ask>)[.. before, ask]);
}
