using System.Globalization;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>An auction as people read it.</summary>
internal static class AuctionView
{
    public static void Show(Screen screen, AuctionResponse auction)
    {
        screen.Markup($"[bold]{Format.Escaped(auction.Id)}[/] of {Format.Escaped(auction.TaskId)}");
        screen.Facts(
            ("State", Format.Escaped(auction.State)),
            ("Work", $"{Format.Escaped(string.Join(" and ", auction.Capabilities))}, {Format.Size(auction.InputBytes)} of input"),
            ("Reserve", auction.Reserve is { } reserve ? Format.Money(reserve) : null),
            ("Opened", Format.Time(auction.OpenedAt)),
            ("Window", Format.Duration(auction.ClosesAt - auction.OpenedAt)),
            ("Decided", auction.DecidedAt is { } decided ? Format.Time(decided) : null),
            ("Sealed", auction.SealedBids.Count == 0 ? null : Format.Invariant($"{auction.SealedBids.Count} from outside")));
        screen.Table(
            ["Agent", "Standing", "Bid", "Expected by bid", "Quality", "Score", "Paid by", "Expected by pay", "Most"],
            [.. auction.Bidders.Select(bidder => (IReadOnlyList<string>)
            [
                bidder.Agent,
                bidder.Standing,
                Ask(bidder.Bid?.Factor, bidder.Bid?.Price),
                bidder.Bid?.ExpectedPrice ?? bidder.ExpectedPrice,
                bidder.Quality.ToString("0.000", CultureInfo.InvariantCulture),
                bidder.Bid?.Score ?? "",
                Ask(bidder.Award?.Factor, bidder.Award?.Price),
                bidder.Award?.ExpectedPrice ?? "",
                bidder.Award?.PriceAtLimits ?? "",
            ])]);
    }

    private static string Ask(string? factor, string? price) => factor is not null ? $"× {factor}" : price is not null ? $"= {price}" : "";
}
