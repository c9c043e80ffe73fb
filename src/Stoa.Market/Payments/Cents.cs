using Stoa.Primitives;

namespace Stoa.Market.Payments;

/// <summary>Between the ledger's nanodollars and the cents of the world outside. Exact: what is no whole number of cents is never rounded on the way out.</summary>
public static class Cents
{
    /// <summary>Nanodollars in a cent.</summary>
    public const long Nanodollars = Money.NanodollarsPerDollar / 100;

    /// <summary>How many cents an amount is; false when it is no whole number of them.</summary>
    public static bool TryOf(Money amount, out long cents)
    {
        (cents, var rest) = Math.DivRem(amount.Nanodollars, Nanodollars);
        return rest == 0;
    }

    /// <summary>How many cents an amount is.</summary>
    /// <exception cref="ArgumentException">It is no whole number of them.</exception>
    public static long Of(Money amount) => TryOf(amount, out var cents)
        ? cents
        : throw new ArgumentException($"{amount} USD is no whole number of cents.", nameof(amount));

    /// <summary>So many cents as money.</summary>
    /// <exception cref="OverflowException">They are out of the range of money.</exception>
    public static Money ToMoney(long cents) => new(checked(cents * Nanodollars));

    /// <summary>What of an amount that is not negative is whole cents: the rest stays where it is.</summary>
    public static Money WholePart(Money amount) => new(amount.Nanodollars - (amount.Nanodollars % Nanodollars));
}
