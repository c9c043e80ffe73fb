using System.Globalization;
using System.Numerics;
using System.Text;

namespace Stoa.Wasm.Text;

/// <summary>The bits of floating-point numbers, rounded once, to the nearest, ties to even (core specification 2.0, section 6.3.2).</summary>
internal static class FloatLiteral
{
    // Where an exponent is cut off: further from zero than any number of digits that fits into a text can bring back.
    private const long MaxExponent = 1L << 40;

    /// <summary>Reads a number, which is known to be written as one, as an f32 (32 bits) or an f64 (64 bits).</summary>
    /// <returns>Whether it is in range.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, int bits, out ulong value)
    {
        int fraction = bits == 32 ? 23 : 52;
        ulong infinity = bits == 32 ? 0x7F80_0000UL : 0x7FF0_0000_0000_0000UL;
        bool isNegative = text[0] == '-';
        var magnitude = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        bool isInRange = true;
        if (magnitude.SequenceEqual("inf"u8))
        {
            value = infinity;
        }
        else if (magnitude.SequenceEqual("nan"u8))
        {
            value = infinity | (1UL << (fraction - 1));
        }
        else if (magnitude.StartsWith("nan:0x"u8))
        {
            isInRange = IntegerLiteral.TryParseDigits(magnitude[6..], isHexadecimal: true, (1UL << fraction) - 1, out ulong payload) && payload != 0;
            value = infinity | payload;
        }
        else
        {
            value = magnitude.StartsWith("0x"u8) ? ParseHexadecimal(magnitude[2..], bits) : ParseDecimal(magnitude, bits);
            isInRange = value < infinity;
        }

        value |= isNegative ? 1UL << (bits - 1) : 0;
        return isInRange;
    }

    // The platform rounds decimals correctly, however many digits there are; the exponent is brought into its range before.
    private static ulong ParseDecimal(ReadOnlySpan<byte> text, int bits)
    {
        var digits = new StringBuilder();
        long exponent = 0; // of a point after the last digit kept
        bool isAfterPoint = false;
        int at = 0;
        for (; at < text.Length && (text[at] | 0x20) != 'e'; at++)
        {
            if (text[at] == '.')
                isAfterPoint = true;
            if (text[at] is (byte)'.' or (byte)'_')
                continue;
            exponent -= isAfterPoint ? 1 : 0;
            if (text[at] != '0' || digits.Length > 0)
                digits.Append((char)text[at]);
        }

        if (digits.Length == 0)
            return 0;
        exponent += at < text.Length ? ParseExponent(text[(at + 1)..]) : 0;

        // With the point after the first digit the exponent alone says when a number is far out of every range.
        long scale = exponent + digits.Length - 1;
        if (Math.Abs(scale) > 1_000)
            return scale < 0 ? 0 : ulong.MaxValue >> (65 - bits);
        string number = string.Create(CultureInfo.InvariantCulture, $"{digits.Insert(1, '.')}e{scale}");
        return bits == 32
            ? BitConverter.SingleToUInt32Bits(float.Parse(number, CultureInfo.InvariantCulture))
            : BitConverter.DoubleToUInt64Bits(double.Parse(number, CultureInfo.InvariantCulture));
    }

    private static ulong ParseHexadecimal(ReadOnlySpan<byte> text, int bits)
    {
        ulong significand = 0;
        bool isInexact = false; // digits beyond the 64 bits of the significand were not all zero
        long exponent = 0; // of two
        bool isAfterPoint = false;
        int at = 0;
        for (; at < text.Length && (text[at] | 0x20) != 'p'; at++)
        {
            if (text[at] == '.')
                isAfterPoint = true;
            if (text[at] is (byte)'.' or (byte)'_')
                continue;
            uint digit = (uint)NumberSyntax.DigitValue(text[at]);
            bool fits = significand >> 60 == 0;
            if (fits)
                significand = (significand << 4) | digit;
            else
                isInexact |= digit != 0;
            exponent += (fits ? 0 : 4) - (isAfterPoint ? 4 : 0);
        }

        if (at < text.Length)
            exponent += ParseExponent(text[(at + 1)..]);
        return Round(significand, isInexact, exponent, bits);
    }

    // The bits of significand * 2^exponent, or infinity.
    private static ulong Round(ulong significand, bool isInexact, long exponent, int bits)
    {
        int fraction = bits == 32 ? 23 : 52;
        int bias = bits == 32 ? 127 : 1023;
        if (significand == 0)
            return 0;
        int unused = BitOperations.LeadingZeroCount(significand);
        significand <<= unused;
        long biased = exponent - unused + 63 + bias; // of the number 1.f that the significand is now
        if (biased > 2 * bias)
            return (ulong)((2 * bias) + 1) << fraction;

        // Numbers below the normal ones keep fewer bits, down to none.
        long dropped = 63 - fraction + (biased < 1 ? 1 - biased : 0);
        if (dropped > 64)
            return 0;
        ulong kept = dropped == 64 ? 0 : significand >> (int)dropped;
        ulong half = 1UL << (int)(dropped - 1);
        ulong rest = significand & ((half << 1) - 1); // a shift by 64 in two steps: then all bits are the rest
        if (rest > half || (rest == half && (isInexact || (kept & 1) != 0)))
            kept++;

        // The leading bit of a normal number adds one to the exponent below it; so does a carry out of the rounding.
        return ((ulong)Math.Max(biased - 1, 0) << fraction) + kept;
    }

    private static long ParseExponent(ReadOnlySpan<byte> text)
    {
        bool isNegative = text[0] == '-';
        long exponent = 0;
        foreach (byte digit in text[0] is (byte)'+' or (byte)'-' ? text[1..] : text)
        {
            if (digit != '_')
                exponent = Math.Min((exponent * 10) + NumberSyntax.DigitValue(digit), MaxExponent);
        }

        return isNegative ? -exponent : exponent;
    }
}
