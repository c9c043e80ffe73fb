using Stoa.Market.Channels;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class SupplierChoiceTests
{
    [Theory]
    // Alike in all else: the cheaper, the more reliable, the nearer one.
    [InlineData(100, 0, 0, 0, 10, 200, 0, 0, 0, 10)]
    [InlineData(100, 5, 0, 0, 10, 100, 5, 5, 0, 10)]
    [InlineData(100, 0, 0, 0, 10, 100, 0, 0, 0, 500)]
    // One lie outweighs twenty failures less one, and a price of ten times as much.
    [InlineData(100, 0, 19, 0, 10, 100, 0, 0, 1, 10)]
    [InlineData(1_000, 0, 0, 0, 10, 100, 0, 0, 1, 10)]
    // Of two free ones, too, the one that does it.
    [InlineData(0, 1, 0, 0, 10, 0, 1, 1, 0, 10)]
    public void Rank_OfTwo_PutsTheBetterFirst(long amount, int done, int failed, int lies, int ms, long otherAmount, int otherDone, int otherFailed, int otherLies, int otherMs)
    {
        var better = Quote(amount, done, failed, lies, ms);
        var worse = Quote(otherAmount, otherDone, otherFailed, otherLies, otherMs);

        SupplierChoice.Rank([worse, better], []).ShouldBe([better, worse]);
        SupplierChoice.Rank([better, worse], []).ShouldBe([better, worse]);
    }

    [Theory]
    // Who stands elsewhere ranks as if it answered a second later: at ten milliseconds as if it were nearly twice as dear.
    [InlineData("eu-central", 190, "us-east", 100, true)]
    [InlineData("eu-central", 210, "us-east", 100, false)]
    [InlineData("eu-central", 190, null, 100, true)]
    [InlineData("eu-west", 110, "eu-central", 100, false)]
    public void Rank_WithAPreferredRegion_WeighsItBesidePriceAndTime(string near, long amount, string? far, long otherAmount, bool isNearFirst)
    {
        var one = Quote(amount, 0, 0, 0, 10) with { Region = near };
        var other = Quote(otherAmount, 0, 0, 0, 10) with { Region = far };

        SupplierChoice.Rank([other, one], ["eu-central", "eu-west"])[0].ShouldBe(isNearFirst ? one : other);
        SupplierChoice.Rank([one, other], [])[0].ShouldBe(other, "where it does not matter the cheaper one is first");
    }

    [Fact]
    public void Promising_AreTheBestByWhatTheyPost_ThenThoseThatPostNothing()
    {
        var work = new PricedWork(InputBytes: 2_000_000, Fuel: 0, MemoryBytes: 0, DurationMs: 0);
        SupplierPosting Post(long? perRun, long perMegabyte, string? region = null, int failed = 0) =>
            new(Quote(0, failed, failed, 0, 0).Supplier, perRun is { } amount ? new AgentPrice(new Money(amount), new Money(perMegabyte), Money.Zero) : null, region);
        var (cheap, dear, unreliable, silent, away) = (Post(10, 100), Post(300, 0), Post(10, 100, failed: 5), Post(null, 0), Post(10, 100, "us-east"));
        SupplierPosting[] all = [silent, dear, unreliable, cheap];

        SupplierChoice.Promising(all, work, [], most: 4).ShouldBe([cheap, dear, unreliable, silent]);
        SupplierChoice.Promising(all, work, [], most: 2).ShouldBe([cheap, dear]);
        // Of a price that is beyond all money nothing is known either.
        SupplierChoice.Promising([Post(long.MaxValue, long.MaxValue), cheap], work, [], most: 1).ShouldBe([cheap]);
        SupplierChoice.Promising([cheap, away], work, ["us-east"], most: 1).ShouldBe([away]);
        // A quarter of the places is for those that post nothing.
        SupplierChoice.Promising([.. Enumerable.Repeat(cheap, 9), silent, silent, silent], work, [], most: 8).ShouldBe([.. Enumerable.Repeat(cheap, 6), silent, silent]);
        SupplierChoice.Promising([.. Enumerable.Repeat(cheap, 9), silent], work, [], most: 8).ShouldBe([.. Enumerable.Repeat(cheap, 7), silent]);
    }

    [Fact]
    public void Declines_CountForNothing()
    {
        var standing = SupplierStanding.None with { Declines = 1_000 };

        standing.Reliability.ShouldBe(SupplierStanding.None.Reliability);
    }

    [Fact]
    public void Disagreements_WeighAsFailures_AndChecksAsNothing()
    {
        (SupplierStanding.None with { Disagreements = 3 }).Reliability.ShouldBe((SupplierStanding.None with { Failures = 3 }).Reliability);
        (SupplierStanding.None with { Checks = 3 }).Reliability.ShouldBe(SupplierStanding.None.Reliability);
    }

    [Fact]
    public void VoucherFor_IsWhatWasChargedAndCanBe_AndNeverLessThanBefore()
    {
        var supplier = Quote(1, 0, 0, 0, 1).Supplier with { Signed = new Money(100), Spent = new Money(60), Reserved = new Money(10) };

        supplier.Credit.ShouldBe(new Money(30));
        supplier.VoucherFor(new Money(20)).ShouldBe(new Money(100));
        supplier.VoucherFor(new Money(31)).ShouldBe(new Money(101));
        // A free call needs a voucher as well: it shows whose the call is.
        (supplier with { Signed = Money.Zero, Spent = Money.Zero, Reserved = Money.Zero }).VoucherFor(Money.Zero).ShouldBe(new Money(1));
    }

    private static SupplierQuote Quote(long amount, int done, int failed, int lies, int ms)
    {
        using var key = PrivateKey.Generate();
        var standing = new SupplierStanding(done, failed, 0, lies, null, null, null);
        return new SupplierQuote(
            new Supplier(
                new Id<Supplier>(Guid.CreateVersion7()), key.PublicKey.PeerId, new Uri("http://127.0.0.1:1"), new Id<Channel>(Guid.CreateVersion7()), Money.Zero, Money.Zero, Money.Zero, standing,
                DateTimeOffset.UnixEpoch),
            new Money(amount),
            TimeSpan.FromMilliseconds(ms));
    }
}
