using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>An amount of US dollars, exact to the nanodollar (10⁻⁹ USD), from about -9.2 to 9.2 billion dollars.</summary>
/// <remarks>
/// Text is a decimal number of dollars, written with nine decimals (<c>0.001250000</c>) and read by the grammar
/// <c>-?(0|[1-9][0-9]*)(\.[0-9]{1,9})?</c>. JSON is that text as a string, exact in every language. No operation
/// rounds or wraps unless its name says so: what does not fit throws <see cref="OverflowException"/>.
/// </remarks>
/// <param name="Nanodollars">The amount in nanodollars.</param>
[JsonConverter(typeof(TextJsonConverter<Money>))]
public readonly record struct Money(long Nanodollars) : ISpanParsable<Money>, IComparable<Money>
{
    /// <summary>Nanodollars in a dollar.</summary>
    public const long NanodollarsPerDollar = 1_000_000_000;

    private const int Decimals = 9;
    private const string Expected =
        "An amount of dollars is expected: digits without needless leading zeros, optionally a point and at most nine decimals, optionally a minus in front, within ±9223372036.854775807.";

    /// <summary>No money.</summary>
    public static Money Zero => default;

    /// <summary>Takes an amount in dollars.</summary>
    /// <exception cref="ArgumentException">It has more than nine decimals.</exception>
    /// <exception cref="OverflowException">It is out of range.</exception>
    public static Money FromDollars(decimal dollars)
    {
        // The whole is checked before it is scaled, so that the scaling itself cannot run over.
        if (decimal.Abs(dollars) > long.MaxValue / NanodollarsPerDollar + 1)
            throw new OverflowException($"{dollars.ToString(CultureInfo.InvariantCulture)} dollars are out of the range of money.");
        var nanodollars = dollars * NanodollarsPerDollar;
        return nanodollars == decimal.Truncate(nanodollars)
            ? new Money(decimal.ToInt64(nanodollars))
            : throw new ArgumentException("An amount with at most nine decimals is expected.", nameof(dollars));
    }

    /// <summary>Reads a decimal number of dollars.</summary>
    /// <exception cref="FormatException">The text is anything else, or out of range.</exception>
    public static Money Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var money) ? money : throw new FormatException(Expected);

    /// <summary>Reads a decimal number of dollars, or says that the text is anything else or out of range.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Money money)
    {
        money = default;
        var negative = text.StartsWith('-');
        var digits = negative ? text[1..] : text;
        var point = digits.IndexOf('.');
        var whole = point < 0 ? digits : digits[..point];
        var decimals = point < 0 ? "0" : digits[(point + 1)..];
        // Ten digits hold every whole amount in range, which keeps the sum below far from running over.
        if (whole.Length is 0 or > 10 || decimals.Length is 0 or > Decimals || (whole.Length > 1 && whole[0] == '0'))
            return false;
        if (whole.ContainsAnyExceptInRange('0', '9') || decimals.ContainsAnyExceptInRange('0', '9'))
            return false;
        Int128 nanodollars = 0;
        foreach (var digit in whole)
            nanodollars = nanodollars * 10 + (digit - '0');
        for (var index = 0; index < Decimals; index++)
            nanodollars = nanodollars * 10 + (index < decimals.Length ? decimals[index] - '0' : 0);
        if (negative)
            nanodollars = -nanodollars;
        if (nanodollars < long.MinValue || nanodollars > long.MaxValue)
            return false;
        money = new Money((long)nanodollars);
        return true;
    }

    /// <summary>Divides the amount in proportion to weights, with nothing lost or made.</summary>
    /// <remarks>
    /// The largest remainder method: each part is rounded towards zero, then the nanodollars left over go one by one to
    /// the parts with the largest remainders, and of equal remainders to the lower index. A negative amount is divided
    /// as its magnitude, and every part gets its sign. A weight of zero gets nothing.
    /// </remarks>
    /// <param name="weights">At least one, none negative, not all zero.</param>
    /// <returns>As many parts as weights, which sum exactly to the amount.</returns>
    /// <exception cref="ArgumentException">The weights are not as said.</exception>
    public Money[] Split(ReadOnlySpan<long> weights)
    {
        UInt128 total = 0;
        foreach (var weight in weights)
        {
            if (weight < 0)
                throw new ArgumentException("Weights are expected not to be negative.", nameof(weights));
            total += (ulong)weight;
        }
        if (total == 0)
            throw new ArgumentException("At least one weight above zero is expected.", nameof(weights));

        var magnitude = (UInt128)Int128.Abs(Nanodollars);
        var parts = new Int128[weights.Length];
        var remainders = new UInt128[weights.Length];
        var left = magnitude;
        for (var index = 0; index < weights.Length; index++)
        {
            var (part, remainder) = UInt128.DivRem(magnitude * (ulong)weights[index], total);
            parts[index] = (Int128)part;
            remainders[index] = remainder;
            left -= part;
        }
        var order = Enumerable.Range(0, parts.Length).OrderByDescending(index => remainders[index]).Take((int)left);
        foreach (var index in order)
            parts[index]++;

        var sign = Math.Sign(Nanodollars);
        return Array.ConvertAll(parts, part => new Money((long)(part * sign)));
    }

    /// <summary>What a quantity costs at a price for so many units: price × quantity / unitSize, rounded up to the next nanodollar.</summary>
    /// <remarks>For a price of a megabyte, <paramref name="quantity"/> is in bytes and <paramref name="unitSize"/> is 1,000,000. The product is exact in 128 bits.</remarks>
    /// <param name="price">The price of <paramref name="unitSize"/> units; not negative.</param>
    /// <param name="quantity">How many units were used; not negative.</param>
    /// <param name="unitSize">How many units the price is for; above zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is not as said.</exception>
    /// <exception cref="OverflowException">The result is out of range.</exception>
    public static Money MultiplyRatioRoundingUp(Money price, long quantity, long unitSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(price.Nanodollars, nameof(price));
        ArgumentOutOfRangeException.ThrowIfNegative(quantity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(unitSize);
        var product = (Int128)price.Nanodollars * quantity;
        return new Money(checked((long)((product + unitSize - 1) / unitSize)));
    }

    /// <summary>The smaller of two amounts.</summary>
    public static Money Min(Money left, Money right) => left <= right ? left : right;

    /// <summary>The greater of two amounts.</summary>
    public static Money Max(Money left, Money right) => left >= right ? left : right;

    /// <summary>Dollars with nine decimals, such as <c>-0.001250000</c>.</summary>
    public override string ToString()
    {
        var (dollars, nanodollars) = Math.DivRem((ulong)Int128.Abs(Nanodollars), (ulong)NanodollarsPerDollar);
        return string.Create(CultureInfo.InvariantCulture, $"{(Nanodollars < 0 ? "-" : "")}{dollars}.{nanodollars:D9}");
    }

    /// <inheritdoc/>
    public int CompareTo(Money other) => Nanodollars.CompareTo(other.Nanodollars);

    public static Money operator +(Money left, Money right) => new(checked(left.Nanodollars + right.Nanodollars));
    public static Money operator -(Money left, Money right) => new(checked(left.Nanodollars - right.Nanodollars));
    public static Money operator -(Money amount) => new(checked(-amount.Nanodollars));
    public static Money operator *(Money amount, long factor) => new(checked(amount.Nanodollars * factor));
    public static Money operator *(long factor, Money amount) => amount * factor;
    public static bool operator <(Money left, Money right) => left.Nanodollars < right.Nanodollars;
    public static bool operator >(Money left, Money right) => left.Nanodollars > right.Nanodollars;
    public static bool operator <=(Money left, Money right) => left.Nanodollars <= right.Nanodollars;
    public static bool operator >=(Money left, Money right) => left.Nanodollars >= right.Nanodollars;

    /// <inheritdoc/>
    /// <remarks>Public, not explicit, because minimal APIs look for it by name.</remarks>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Money result) => TryParse(s, out result);

    static Money IParsable<Money>.Parse(string s, IFormatProvider? provider) => Parse(s);
    static Money ISpanParsable<Money>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);
    static bool ISpanParsable<Money>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Money result) => TryParse(s, out result);
}
