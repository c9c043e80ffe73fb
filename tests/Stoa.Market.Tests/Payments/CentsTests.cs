using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Payments;

public sealed class CentsTests
{
    [Theory]
    [InlineData("25", 2_500)]
    [InlineData("0.01", 1)]
    [InlineData("0", 0)]
    [InlineData("12.340000000", 1_234)]
    [InlineData("9223372036.85", 922_337_203_685)]
    public void Amount_InWholeCents_IsExactBothWays(string dollars, long cents)
    {
        Cents.TryOf(Money.Parse(dollars), out var found).ShouldBeTrue();
        found.ShouldBe(cents);
        Cents.ToMoney(cents).ShouldBe(Money.Parse(dollars));
    }

    [Theory]
    [InlineData("0.001")]
    [InlineData("0.009999999")]
    [InlineData("12.345")]
    [InlineData("0.000000001")]
    public void Amount_BetweenCents_IsRefusedAndNeverRounded(string dollars)
    {
        Cents.TryOf(Money.Parse(dollars), out _).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => Cents.Of(Money.Parse(dollars)));
    }

    [Fact]
    public void Cents_OutOfTheRangeOfMoney_Overflow() => Should.Throw<OverflowException>(() => Cents.ToMoney(long.MaxValue));

    [Fact]
    public void WholePart_OfAnyAmount_LeavesLessThanACent() =>
        Prop.ForAll(ArbMap.Default.ArbFor<long>().Filter(amount => amount >= 0), amount =>
        {
            var whole = Cents.WholePart(new Money(amount));
            return Cents.TryOf(whole, out _) && amount - whole.Nanodollars is >= 0 and < Cents.Nanodollars;
        }).QuickCheckThrowOnFailure();
}
