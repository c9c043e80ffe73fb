namespace Stoa.Primitives;

/// <summary>The form of a P-256 signature in DER: <c>SEQUENCE { INTEGER r, INTEGER s }</c> (RFC 3279).</summary>
/// <remarks>Platforms differ in how much they tolerate, and all nodes must agree on what is a signature. The range of r and s is left to the platform: there they agree.</remarks>
internal static class DerSignature
{
    /// <summary>Two integers of 32 bytes, each with a zero in front, and the headers of all three.</summary>
    public const int MaxLength = 72;

    /// <summary>Whether bytes are a sequence of two positive integers of at most 32 significant bytes, each in its shortest form, and nothing else.</summary>
    public static bool IsStrict(ReadOnlySpan<byte> signature)
    {
        const byte sequence = 0x30;
        return signature.Length is >= 8 and <= MaxLength
            && signature[0] == sequence
            && signature[1] == signature.Length - 2
            && TrySkipInteger(signature[2..], out var rest)
            && TrySkipInteger(rest, out rest)
            && rest.IsEmpty;
    }

    private static bool TrySkipInteger(ReadOnlySpan<byte> source, out ReadOnlySpan<byte> rest)
    {
        const byte integer = 0x02;
        rest = default;
        if (source.Length < 3 || source[0] != integer || source[1] is 0 or > 33 || source.Length < 2 + source[1])
            return false;
        var content = source.Slice(2, source[1]);
        rest = source[(2 + content.Length)..];
        var negative = content[0] >= 0x80;
        var padded = content[0] == 0 && (content.Length == 1 || content[1] < 0x80);
        return !negative && !padded && (content.Length < 33 || content[0] == 0);
    }
}
