using System.Diagnostics.CodeAnalysis;

namespace Stoa.Primitives;

/// <summary>Base58 with Bitcoin's alphabet (multibase <c>z</c>, there without its <c>z</c>).</summary>
/// <remarks>The work grows with the square of the length, so both directions are limited: it is for ids, not for content.</remarks>
public static class Base58
{
    /// <summary>The most bytes that are encoded.</summary>
    public const int MaxBytes = 256;

    /// <summary>The longest text that is decoded, in characters.</summary>
    public const int MaxTextLength = 350;

    private const ulong FiveDigits = 58 * 58 * 58 * 58 * 58;
    private const string Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

    /// <summary>Writes bytes as text; each leading zero byte is a leading <c>1</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are more than <see cref="MaxBytes"/>.</exception>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxBytes, nameof(bytes));
        var zeros = bytes.IndexOfAnyExcept((byte)0);
        if (zeros < 0)
            zeros = bytes.Length;
        // Four bytes at a time come in, and five digits at a time are made: the least ones first.
        Span<uint> fives = stackalloc uint[MaxBytes * 138 / 100 / 5 + 2];
        var count = 0;
        for (var rest = bytes[zeros..]; !rest.IsEmpty;)
        {
            // What comes first is as many as are left over.
            var taken = rest.Length % 4 is 0 ? 4 : rest.Length % 4;
            ulong carry = 0;
            foreach (var value in rest[..taken])
                carry = carry << 8 | value;
            for (var index = 0; index < count; index++)
            {
                carry += (ulong)fives[index] << 8 * taken;
                (carry, var digits) = Math.DivRem(carry, FiveDigits);
                fives[index] = (uint)digits;
            }

            for (; carry > 0; carry /= FiveDigits)
                fives[count++] = (uint)(carry % FiveDigits);
            rest = rest[taken..];
        }

        Span<char> text = stackalloc char[MaxBytes + fives.Length * 5];
        var start = text.Length;
        for (var index = 0; index < count; index++)
        {
            var five = fives[index];
            for (var digit = 0; digit < 5 && (five > 0 || index < count - 1); digit++)
            {
                text[--start] = Alphabet[(int)(five % 58)];
                five /= 58;
            }
        }

        start -= zeros;
        text.Slice(start, zeros).Fill(Alphabet[0]);
        return new string(text[start..]);
    }

    /// <summary>Reads text.</summary>
    /// <returns>False where a character is foreign, or the text is longer than <see cref="MaxTextLength"/>.</returns>
    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.Length > MaxTextLength)
            return false;
        var zeros = text.IndexOfAnyExcept(Alphabet[0]);
        if (zeros < 0)
            zeros = text.Length;
        Span<byte> decoded = stackalloc byte[MaxTextLength];
        var start = decoded.Length;
        foreach (var character in text[zeros..])
        {
            var carry = Alphabet.IndexOf(character);
            if (carry < 0)
                return false;
            for (var index = decoded.Length - 1; index >= start || carry != 0; index--)
            {
                carry += decoded[index] * 58;
                decoded[index] = (byte)carry;
                carry >>= 8;
                start = Math.Min(start, index);
            }
        }
        bytes = new byte[zeros + decoded.Length - start];
        decoded[start..].CopyTo(bytes.AsSpan(zeros));
        return true;
    }
}
