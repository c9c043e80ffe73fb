namespace Stoa.Wasm.Text;

/// <summary>The values of whole numbers. The text is known to be one (<see cref="NumberSyntax"/>).</summary>
internal static class IntegerLiteral
{
    /// <summary>Reads a number of a signed or unsigned type of some bits: either reading is allowed, the bits are the same.</summary>
    /// <returns>Whether the number is in range.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, int bits, out ulong value)
    {
        bool isNegative = text[0] == '-';
        var digits = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        bool isHexadecimal = digits.StartsWith("0x"u8);
        ulong most = isNegative ? 1UL << (bits - 1) : ulong.MaxValue >> (64 - bits);
        if (!TryParseDigits(isHexadecimal ? digits[2..] : digits, isHexadecimal, most, out value))
            return false;
        if (isNegative)
            value = (0 - value) & (ulong.MaxValue >> (64 - bits));
        return true;
    }

    /// <summary>Reads digits, with underscores between them, of a number that is at most <paramref name="most"/>.</summary>
    public static bool TryParseDigits(ReadOnlySpan<byte> digits, bool isHexadecimal, ulong most, out ulong value)
    {
        ulong radix = isHexadecimal ? 16UL : 10UL;
        value = 0;
        foreach (byte digit in digits)
        {
            if (digit == '_')
                continue;
            ulong next = (ulong)NumberSyntax.DigitValue(digit);
            if (next > most || value > (most - next) / radix)
                return false;
            value = (value * radix) + next;
        }

        return true;
    }
}
