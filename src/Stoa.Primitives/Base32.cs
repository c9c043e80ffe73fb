using System.Diagnostics.CodeAnalysis;

namespace Stoa.Primitives;

/// <summary>Base32 in two alphabets: RFC 4648 lower-case without padding, and lower-case Crockford of 128 bits.</summary>
/// <remarks>Both are strict: one value has one text.</remarks>
public static class Base32
{
    /// <summary>The length in characters of 128 bits in Crockford's alphabet.</summary>
    public const int CrockfordLength = 26;

    private const string Rfc4648 = "abcdefghijklmnopqrstuvwxyz234567";
    private const string Crockford = "0123456789abcdefghjkmnpqrstvwxyz";

    // Twelve digits of Crockford's are 60 bits: numbers of 128 are slow to shift digit by digit.
    private const int PartLength = 12;
    private const int PartBits = 5 * PartLength;
    private const ulong PartMask = (1UL << PartBits) - 1;

    private static readonly sbyte[] s_crockfordValues = [.. Enumerable.Range(0, 128).Select(character => (sbyte)Crockford.IndexOf((char)character))];

    /// <summary>Writes bytes as RFC 4648 base32, lower-case, without padding (multibase <c>b</c>).</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new char[(bytes.Length * 8 + 4) / 5];
        uint pending = 0;
        int pendingBits = 0, length = 0;
        foreach (var value in bytes)
        {
            pending = (pending << 8) | value;
            for (pendingBits += 8; pendingBits >= 5; pendingBits -= 5)
                text[length++] = Rfc4648[(int)(pending >> (pendingBits - 5)) & 31];
        }
        if (pendingBits > 0)
            text[length] = Rfc4648[(int)(pending << (5 - pendingBits)) & 31];
        return new string(text);
    }

    /// <summary>Reads RFC 4648 base32, lower-case, without padding.</summary>
    /// <returns>False where a character is foreign, the length is impossible, or unused bits are not zero.</returns>
    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        var decoded = new byte[(int)((long)text.Length * 5 / 8)];
        uint pending = 0;
        int pendingBits = 0, length = 0;
        foreach (var character in text)
        {
            var digit = Rfc4648.IndexOf(character);
            if (digit < 0)
                return false;
            pending = (pending << 5) | (uint)digit;
            pendingBits += 5;
            if (pendingBits < 8)
                continue;
            pendingBits -= 8;
            decoded[length++] = (byte)(pending >> pendingBits);
        }
        if (pendingBits >= 5 || (pending & ((1u << pendingBits) - 1)) != 0)
            return false;
        bytes = decoded;
        return true;
    }

    /// <summary>Writes 128 bits as 26 characters of the TypeID specification.</summary>
    internal static void EncodeCrockford(UInt128 value, Span<char> destination)
    {
        const int headLength = CrockfordLength - (2 * PartLength);
        EncodeCrockford((ulong)(value >> (2 * PartBits)), destination[..headLength]);
        EncodeCrockford((ulong)(value >> PartBits) & PartMask, destination.Slice(headLength, PartLength));
        EncodeCrockford((ulong)value & PartMask, destination[(headLength + PartLength)..]);
    }

    /// <summary>Reads 26 characters; the first carries three bits, so it is at most <c>7</c>.</summary>
    internal static bool TryDecodeCrockford(ReadOnlySpan<char> text, out UInt128 value)
    {
        value = default;
        if (text.Length != CrockfordLength || text[0] > '7')
            return false;
        const int headLength = CrockfordLength - (2 * PartLength);
        if (!TryDecodeCrockford(text[..headLength], out ulong head)
            || !TryDecodeCrockford(text.Slice(headLength, PartLength), out ulong middle)
            || !TryDecodeCrockford(text[(headLength + PartLength)..], out ulong tail))
        {
            return false;
        }

        value = ((UInt128)head << (2 * PartBits)) | ((UInt128)middle << PartBits) | tail;
        return true;
    }

    private static void EncodeCrockford(ulong value, Span<char> destination)
    {
        for (var index = destination.Length - 1; index >= 0; index--, value >>= 5)
            destination[index] = Crockford[(int)value & 31];
    }

    private static bool TryDecodeCrockford(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        foreach (var character in text)
        {
            var digit = character < s_crockfordValues.Length ? s_crockfordValues[character] : -1;
            if (digit < 0)
                return false;
            value = (value << 5) | (uint)digit;
        }

        return true;
    }
}
