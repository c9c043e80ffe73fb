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

    private const string Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

    /// <summary>Writes bytes as text; each leading zero byte is a leading <c>1</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are more than <see cref="MaxBytes"/>.</exception>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxBytes, nameof(bytes));
        var zeros = bytes.IndexOfAnyExcept((byte)0);
        if (zeros < 0)
            zeros = bytes.Length;
        // Digits from the end backwards; 138/100 is a little more than log 256 / log 58.
        Span<byte> digits = stackalloc byte[MaxBytes * 138 / 100 + 1];
        var start = digits.Length;
        foreach (var value in bytes[zeros..])
        {
            int carry = value;
            for (var index = digits.Length - 1; index >= start || carry != 0; index--)
            {
                carry += digits[index] * 256;
                digits[index] = (byte)(carry % 58);
                carry /= 58;
                start = Math.Min(start, index);
            }
        }
        var text = new char[zeros + digits.Length - start];
        text.AsSpan(0, zeros).Fill(Alphabet[0]);
        for (var index = start; index < digits.Length; index++)
            text[zeros + index - start] = Alphabet[digits[index]];
        return new string(text);
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
