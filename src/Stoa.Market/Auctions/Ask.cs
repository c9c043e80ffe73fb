using System.Globalization;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>The price in a bid: one number, of which more is dearer.</summary>
/// <remarks>
/// Either form is a family of rates that rise with that number, so there is a greatest one with which a bid still wins, and that is
/// what its bidder is paid by. See <see cref="AwardRule"/>.
/// </remarks>
/// <param name="Units">The number: millionths of a factor, or nanodollars.</param>
public abstract record Ask(long Units)
{
    /// <summary>The greatest number with which a bidder may be paid: nobody is paid more than is expected by its posted rates.</summary>
    public abstract long Cap(Bidder bidder);

    /// <summary>The rates at a number.</summary>
    public abstract AgentPrice Rates(Bidder bidder, long units);

    /// <summary>What the price by these rates is multiplied by.</summary>
    public abstract PriceFactor FactorOf(Bidder bidder);

    /// <summary>What the task is expected to cost at a number; never falls when the number rises.</summary>
    public abstract Money Expected(Bidder bidder, long units);

    /// <summary>The same form of ask at another number.</summary>
    public abstract Ask At(long units);

    /// <summary>The posted rates times a factor from 0 to 1.</summary>
    /// <param name="Millionths">From 0 to 1,000,000.</param>
    public sealed record Factor(long Millionths) : Ask(Millionths)
    {
        /// <summary>The posted rates themselves.</summary>
        public const long One = 1_000_000;

        public override long Cap(Bidder bidder) => One;

        /// <summary>Each rate rounded down to the nanodollar.</summary>
        public override AgentPrice Rates(Bidder bidder, long units) => new(
            Scale(bidder.Rates.Base, units),
            Scale(bidder.Rates.PerMegabyte, units),
            Scale(bidder.Rates.PerGigafuel, units),
            Scale(bidder.Rates.PerGigabyteSecond, units));

        public override PriceFactor FactorOf(Bidder bidder) => bidder.Factor;

        public override Money Expected(Bidder bidder, long units) => Money.MultiplyRatioRoundingUp(bidder.Expected, units, One);

        public override Ask At(long units) => new Factor(units);

        /// <summary>Reads a decimal number from 0 to 1 with at most six decimals.</summary>
        public static bool TryParse(string text, out Factor factor)
        {
            factor = new Factor(One);
            // As money it is read exactly, and then it must have no more than six of the nine decimals.
            if (!Money.TryParse(text, out var number) || number.Nanodollars is < 0 or > Money.NanodollarsPerDollar || number.Nanodollars % 1_000 != 0)
                return false;
            factor = new Factor(number.Nanodollars / 1_000);
            return true;
        }

        /// <summary>Six decimals, such as <c>0.800000</c>.</summary>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Millionths / One}.{Millionths % One:D6}");

        private static Money Scale(Money rate, long units) => new((long)((Int128)rate.Nanodollars * units / One));
    }

    /// <summary>A fixed price for the whole task, whatever it burns and holds within its limits.</summary>
    /// <param name="Amount">Not negative.</param>
    public sealed record Price(Money Amount) : Ask(Amount.Nanodollars)
    {
        public override long Cap(Bidder bidder) => bidder.Expected.Nanodollars;

        public override AgentPrice Rates(Bidder bidder, long units) => new(new Money(units), Money.Zero, Money.Zero);

        public override PriceFactor FactorOf(Bidder bidder) => PriceFactor.One;

        public override Money Expected(Bidder bidder, long units) => new(units);

        public override Ask At(long units) => new Price(new Money(units));

        public override string ToString() => Amount.ToString();
    }
}
