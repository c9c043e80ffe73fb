using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Auctions;

/// <summary>Auctions for tests that change one thing about them.</summary>
internal static class AuctionSamples
{
    public const long InputBytes = 2_000_000;

    public static readonly DateTimeOffset Now = TaskSamples.Now;

    public static readonly AgentLimits Limits = new(Fuel: 1_000_000_000, MemoryBytes: 1 << 20, TimeoutMs: 1_000, OutputBytes: 1_000, LogBytes: 1_000);

    /// <summary>A bidder <c>pub-NAME/agent</c> whose posted price is all base.</summary>
    public static Bidder Bidder(string name, string price = "1", double quality = 1, PublicKey? key = null) => new(
        ListingName.Parse($"pub-{name}/agent@1.0.0"),
        (long)(quality * BidQuality.Full),
        Money.Parse(price),
        Limits,
        new AgentPrice(Money.Parse(price), Money.Zero, Money.Zero),
        Load: 0,
        key);

    public static Announcement Announce(string? reserve, params IReadOnlyList<Bidder> bidders) => new(
        TaskSamples.Ids.Next<Auction>(),
        "task_01h2xcejqtf2nbrexx3vqjhp41",
        ["text.upper"],
        InputBytes,
        reserve is null ? null : Money.Parse(reserve),
        Now,
        Now.AddMilliseconds(150),
        bidders);

    /// <summary>A bid of <c>pub-NAME/agent</c>: a factor such as <c>0.8</c>, or a price such as <c>$0.5</c>.</summary>
    public static Bid Bid(Announcement announcement, string name, string ask) => new(
        announcement.Id,
        $"pub-{name}/agent",
        ask.StartsWith('$') ? new Ask.Price(Money.Parse(ask.AsSpan(1))) : Stoa.Market.Auctions.Bid.ReadAsk(ask, null).Value!,
        "0123456789abcdef");

    /// <summary>Any auction: up to eight bidders with posted rates, expectations and qualities of any size, and perhaps a reserve.</summary>
    public static Gen<Announcement> Announcements =>
        from count in Gen.Choose(1, 8)
        from bidders in Gen.ListOf(AnyBidder, count)
        from hasReserve in Gen.Elements(true, true, false)
        from reserve in TaskSamples.Longs(10_000_000_000)
        select Announce(null, [.. bidders.Select((bidder, place) => bidder with { Agent = ListingName.Parse($"pub-{place}/agent@1.0.0") })])
            with
        { Reserve = hasReserve ? new Money(reserve) : null };

    /// <summary>An ask of either form that a bidder may make.</summary>
    public static Gen<Ask> AskOf(Bidder bidder) =>
        from isFactor in Gen.Elements(true, false)
        from factor in Gen.Frequency((1, Gen.Elements(0, 1, 999_999, 1_000_000)), (4, Gen.Choose(0, 1_000_000)))
        from price in Gen.Frequency((1, Gen.Constant(bidder.Expected.Nanodollars)), (4, TaskSamples.Longs(bidder.Expected.Nanodollars + 1)))
        select isFactor ? new Ask.Factor(factor) : (Ask)new Ask.Price(new Money(price));

    private static Gen<Bidder> AnyBidder =>
        from @base in TaskSamples.Longs(5_000_000_000)
        from perMegabyte in TaskSamples.Longs(1_000_000_000)
        from perGigafuel in TaskSamples.Longs(1_000_000_000)
        from perGigabyteSecond in TaskSamples.Longs(1_000_000_000)
        from tier in Gen.Elements(PriceFactors.One, PriceFactors.One, PriceFactors.LeastTier, 1_333, PriceFactors.Most)
        from demand in Gen.Elements(PriceFactors.One, PriceFactors.One, 1_007, PriceFactors.Most)
        from share in Gen.Choose(0, 100)
        from quality in Gen.Frequency((1, Gen.Constant(BidQuality.Full)), (3, TaskSamples.Longs(BidQuality.Full).Select(number => number + 1)))
        select Of(new AgentPrice(new Money(@base), new Money(perMegabyte), new Money(perGigafuel), new Money(perGigabyteSecond)), new PriceFactor(tier, demand), share, quality);

    // What is expected lies between nothing and the price at the limits.
    private static Bidder Of(AgentPrice rates, PriceFactor factor, int share, long quality)
    {
        var bidder = Bidder("any") with { Rates = rates, Factor = factor, Quality = quality };
        var most = bidder.PriceAtLimits(rates, factor, InputBytes)!.Value;
        return bidder with { Expected = Money.MultiplyRatioRoundingUp(most, share, 100) };
    }
}
