using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class SupplierPurseTests
{
    private readonly SupplierPurse _purse = new();

    [Fact]
    public void Purse_GivesNoMoreThanWasGranted()
    {
        _purse.TryReserve(new Money(1)).ShouldBeFalse();
        _purse.TryReserve(Money.Zero).ShouldBeTrue();
        _purse.Grant(new Money(100));

        _purse.TryReserve(new Money(60)).ShouldBeTrue();
        _purse.TryReserve(new Money(41)).ShouldBeFalse();
        _purse.Settle(new Money(60), new Money(25), new Money(25), CallOutcome.Done);

        _purse.TryReserve(new Money(75)).ShouldBeTrue();
        _purse.Counts.ShouldBe(new PurseCounts(new Money(25), Money.Zero, 1, 0, 0));
    }

    [Fact]
    public void Reservation_WithinBounds_LetsNoMoreThanThatBeUnderWay()
    {
        _purse.Grant(new Money(100));

        _purse.TryReserve(new Money(21), 2, new Money(20)).ShouldBeFalse();
        _purse.TryReserve(new Money(12), 2, new Money(20)).ShouldBeTrue();
        _purse.TryReserve(new Money(9), 2, new Money(20)).ShouldBeFalse();
        _purse.TryReserve(new Money(8), 2, new Money(20)).ShouldBeTrue();
        _purse.TryReserve(Money.Zero, 2, new Money(20)).ShouldBeFalse();
        _purse.TryReserve(new Money(80)).ShouldBeTrue();
    }

    [Fact]
    public void Request_OfWhichNothingIsKnown_MayHaveCostAllThatWasReserved()
    {
        _purse.Grant(new Money(100));
        _purse.TryReserve(new Money(60)).ShouldBeTrue();

        _purse.Settle(new Money(60), new Money(25), new Money(60), CallOutcome.Failed);

        _purse.Counts.ShouldBe(new PurseCounts(new Money(25), new Money(35), 0, 1, 0));
    }

    [Fact]
    public void Request_ThatFailedThroughTheSuppliersFault_LeavesInDoubtWhatWasCounted()
    {
        _purse.Grant(new Money(100));
        _purse.TryReserve(new Money(60)).ShouldBeTrue();

        _purse.Settle(new Money(60), Money.Zero, new Money(4), CallOutcome.Failed);

        _purse.Counts.ShouldBe(new PurseCounts(Money.Zero, new Money(4), 0, 1, 0));
    }

    [Fact]
    public void Purse_ThatIsClosed_GivesNothing_NotEvenWhatCostsNothing()
    {
        _purse.Grant(new Money(100));
        _purse.TryReserve(new Money(10)).ShouldBeTrue();

        _purse.Close().ShouldBe(new Money(10));

        _purse.TryReserve(Money.Zero).ShouldBeFalse();
        _purse.Standing.UnderWay.ShouldBe(1);
        _purse.Settle(new Money(10), new Money(3), new Money(3), CallOutcome.Done);
        (_purse.Standing.UnderWay, _purse.Counts.Spent).ShouldBe((0, new Money(3)));
    }

    [Fact]
    public void Price_AboveWhatWasReserved_IsNotSpent()
    {
        _purse.Grant(new Money(100));
        _purse.TryReserve(new Money(60)).ShouldBeTrue();

        _purse.Settle(new Money(60), new Money(61), new Money(61), CallOutcome.Lied);

        (_purse.Counts.Spent, _purse.Counts.Lies).ShouldBe((new Money(60), 1));
    }

    [Fact]
    public void GiveBack_LeavesWhatIsSpentAndReserved()
    {
        _purse.Grant(new Money(100));
        _purse.TryReserve(new Money(10)).ShouldBeTrue();
        _purse.Settle(new Money(10), new Money(7), new Money(7), CallOutcome.Done);
        _purse.TryReserve(new Money(20)).ShouldBeTrue();

        _purse.GiveBack().ShouldBe(new Money(27));

        _purse.TryReserve(new Money(1)).ShouldBeFalse();
        _purse.Settle(new Money(20), new Money(20), new Money(20), null);
        _purse.Standing.ShouldBe(new PurseStanding(new PurseCounts(new Money(27), Money.Zero, 1, 0, 0), new Money(27), Money.Zero, 4));
    }

    [Theory]
    [InlineData(3, 0, 50, 100, 50)]
    [InlineData(60, 0, 50, 100, 60)]
    [InlineData(3, 20, 50, 100, 70)]
    [InlineData(3, 20, 90, 100, 100)]
    [InlineData(3, 0, 9_000, 100, 100)]
    [InlineData(130, 20, 50, 100, 130)]
    [InlineData(3, 20, 50, -7, 3)]
    public void Grant_IsForSomeTime_ButNoMoreThanMayBeInDoubt_UnlessARequestNeedsIt(long amount, long others, long some, long most, long expected) =>
        SupplierPurse.WorthGranting(new Money(amount), new Money(others), new Money(some), new Money(most)).ShouldBe(new Money(expected));

    [Fact]
    public void Purse_DrawnOnByManyAtOnce_IsNeverOverdrawn()
    {
        _purse.Grant(new Money(1_000));
        var taken = 0;

        Parallel.For(0, 10_000, _ =>
        {
            if (_purse.TryReserve(new Money(3)))
                Interlocked.Increment(ref taken);
        });

        taken.ShouldBe(333);
        _purse.Standing.Reserved.ShouldBe(new Money(999));
    }
}
