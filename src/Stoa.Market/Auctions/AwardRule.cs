using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>Who wins and what is paid: a second-score auction.</summary>
/// <remarks>
/// A bid's score is the expected price at what it asks, divided by the quality of its bidder; the least score wins, and the winner is paid
/// by the greatest ask with which it would just have won: whose score is not above the next bid's, within the reserve, and up to its own
/// posted rates. What it is paid does not depend on what it asked, and asking more can only lose, so the best that it can ask is what it wants.
/// The next bids are paid by the same rule, should those before them fail. All is exact: scores are compared as fractions, and of equal scores the
/// higher quality is first, then the lesser hash of auction and bidder. The reasons and sources are in docs/auctions.md.
/// </remarks>
public static class AwardRule
{
    /// <summary>What a record calls this rule.</summary>
    public const string Name = "second-score";

    /// <summary>How many bids get an award, the next ones for when those before them fail.</summary>
    public const int MaxAwards = 3;

    /// <summary>Decides an auction. The order of the bids makes no difference.</summary>
    /// <param name="announcement">The auction.</param>
    /// <param name="bids">At most one of each bidder, and of nobody else.</param>
    /// <exception cref="ArgumentException">The bids are not as said.</exception>
    public static AwardDecision Decide(Announcement announcement, IReadOnlyList<Bid> bids)
    {
        if (bids.DistinctBy(bid => bid.Agent).Count() != bids.Count || bids.Any(bid => announcement.Find(bid.Agent) is null))
            throw new ArgumentException("At most one bid of each bidder is expected, and none of anybody else.", nameof(bids));
        var contenders = new List<Contender>();
        var losses = new List<LostBid>();
        foreach (var bidder in announcement.Bidders)
        {
            var ask = bids.FirstOrDefault(bid => bid.Agent == bidder.Name)?.Ask;
            if (Misfit(announcement, bidder, ask) is { } reason)
                losses.Add(new LostBid(bidder.Name, ask, reason));
            else
                contenders.Add(Contender.Of(announcement.Id, bidder, ask!));
        }

        contenders.Sort((one, other) => one.IsBefore(other) ? -1 : other.IsBefore(one) ? 1 : 0);
        return new AwardDecision(
            [.. contenders.Select((contender, place) => new RankedBid(
                contender.Bidder.Name,
                contender.Ask,
                contender.Expected,
                contender.Score,
                place < MaxAwards ? AwardOf(announcement, contender, contenders.ElementAtOrDefault(place + 1)) : null))],
            losses);
    }

    private static LossReason? Misfit(Announcement announcement, Bidder bidder, Ask? ask) => ask switch
    {
        null => LossReason.NoBid,
        _ when ask.Units < 0 || ask.Units > ask.Cap(bidder) => LossReason.AbovePosted,
        _ when !IsWithinReserve(announcement, bidder, ask, ask.Units) => LossReason.AboveReserve,
        _ => null,
    };

    private static bool IsWithinReserve(Announcement announcement, Bidder bidder, Ask ask, long units) =>
        bidder.PriceAtLimits(ask.Rates(bidder, units), ask.FactorOf(bidder), announcement.InputBytes) is { } most && !(most > announcement.Reserve);

    private static Award AwardOf(Announcement announcement, Contender winner, Contender? next)
    {
        var (bidder, ask) = (winner.Bidder, winner.Ask);
        // It wins with what it asks, and never again above a number with which it does not: half the rest at each look.
        var (wins, most) = (ask.Units, ask.Cap(bidder));
        while (wins < most)
        {
            var middle = wins + ((most - wins + 1) / 2);
            if (IsWithinReserve(announcement, bidder, ask, middle) && (next is null || winner.Compare(ask.Expected(bidder, middle), next) <= 0))
                wins = middle;
            else
                most = middle - 1;
        }

        var (rates, factor) = (ask.Rates(bidder, wins), ask.FactorOf(bidder));
        return new Award(ask.At(wins), rates, factor, ask.Expected(bidder, wins), bidder.PriceAtLimits(rates, factor, announcement.InputBytes)!.Value);
    }

    private sealed record Contender(Bidder Bidder, Ask Ask, Money Expected, byte[] Draw)
    {
        /// <summary>The quality-adjusted price, for people: rounded up to the nanodollar.</summary>
        public Money Score
        {
            get
            {
                var score = (((Int128)Expected.Nanodollars * BidQuality.Full) + Bidder.Quality - 1) / Bidder.Quality;
                return new Money((long)Int128.Min(score, long.MaxValue));
            }
        }

        public static Contender Of(Id<Auction> auction, Bidder bidder, Ask ask) => new(
            bidder, ask, ask.Expected(bidder, ask.Units), SHA256.HashData(Encoding.UTF8.GetBytes($"{auction} {bidder.Name}")));

        /// <summary>Whether its score would be below that of another bid, equal to it or above it, if it cost so much.</summary>
        public int Compare(Money expected, Contender other) =>
            ((Int128)expected.Nanodollars * other.Bidder.Quality).CompareTo((Int128)other.Expected.Nanodollars * Bidder.Quality);

        public bool IsBefore(Contender other) => (Compare(Expected, other), other.Bidder.Quality.CompareTo(Bidder.Quality)) switch
        {
            (not 0 and var score, _) => score < 0,
            (0, not 0 and var quality) => quality < 0,
            _ => Draw.AsSpan().SequenceCompareTo(other.Draw) < 0,
        };
    }
}

/// <summary>How an auction is decided.</summary>
/// <param name="Ranking">The bids that could win, best first.</param>
/// <param name="Losses">Those who did not bid, and the bids that could not win.</param>
public sealed record AwardDecision(IReadOnlyList<RankedBid> Ranking, IReadOnlyList<LostBid> Losses)
{
    /// <summary>Who has won; null when nobody has.</summary>
    public RankedBid? Winner => Ranking.Count > 0 ? Ranking[0] : null;

    public bool Equals(AwardDecision? other) =>
        other is not null && Ranking.SequenceEqual(other.Ranking) && Losses.SequenceEqual(other.Losses);

    public override int GetHashCode() => HashCode.Combine(Ranking.Count, Losses.Count);
}

/// <summary>A bid that could win.</summary>
/// <param name="Agent">Whose, <c>publisher/name</c>.</param>
/// <param name="Ask">What it asked.</param>
/// <param name="Expected">What the task is expected to cost by that.</param>
/// <param name="Score">That divided by its quality: the least wins.</param>
/// <param name="Award">What it is paid by if it does the task; null beyond the first <see cref="AwardRule.MaxAwards"/>.</param>
public sealed record RankedBid(string Agent, Ask Ask, Money Expected, Money Score, Award? Award);

/// <summary>What a bidder is paid by.</summary>
/// <param name="Ask">The greatest with which it would just have won.</param>
/// <param name="Rates">The same as rates: the price of the task is computed from these and what it used.</param>
/// <param name="Factor">What that is multiplied by: of a factor of the posted rates their own, of a price one.</param>
/// <param name="Expected">What the task is expected to cost by them.</param>
/// <param name="AtLimits">The most that it can cost by them.</param>
public sealed record Award(Ask Ask, AgentPrice Rates, PriceFactor Factor, Money Expected, Money AtLimits);

/// <summary>A bid that could not win, or that was not made.</summary>
/// <param name="Agent">Whose, <c>publisher/name</c>.</param>
/// <param name="Ask">What it asked; null when it made none.</param>
/// <param name="Reason">Why it could not win.</param>
public sealed record LostBid(string Agent, Ask? Ask, LossReason Reason);

/// <summary>Why a bid could not win.</summary>
public enum LossReason
{
    /// <summary>None was made.</summary>
    NoBid,

    /// <summary>It asked for more than the posted rates are expected to come to.</summary>
    AbovePosted,

    /// <summary>At the task's limits it would cost more than the consumer allows.</summary>
    AboveReserve,
}
