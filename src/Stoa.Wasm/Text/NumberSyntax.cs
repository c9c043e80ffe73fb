namespace Stoa.Wasm.Text;

/// <summary>Tells what is written as a number (core specification 2.0, section 6.3).</summary>
internal static class NumberSyntax
{
    /// <summary>The class of a number; null when the text is none.</summary>
    public static TokenKind? Classify(ReadOnlySpan<byte> text)
    {
        bool isSigned = text[0] is (byte)'+' or (byte)'-';
        var rest = isSigned ? text[1..] : text;
        if (rest.SequenceEqual("inf"u8) || rest.SequenceEqual("nan"u8))
            return TokenKind.Float;
        if (rest.StartsWith("nan:0x"u8))
            return SkipDigits(rest, 6, isHexadecimal: true) == rest.Length ? TokenKind.Float : null;
        bool isHexadecimal = rest.StartsWith("0x"u8);
        int at = SkipDigits(rest, isHexadecimal ? 2 : 0, isHexadecimal);
        if (at < 0)
            return null;
        if (at == rest.Length)
            return isSigned ? TokenKind.Integer : TokenKind.Natural;
        if (rest[at] == '.')
        {
            at++;
            if (at < rest.Length && IsDigit(rest[at], isHexadecimal))
                at = SkipDigits(rest, at, isHexadecimal);
        }

        if (at >= 0 && at < rest.Length && (rest[at] | 0x20) == (isHexadecimal ? 'p' : 'e'))
        {
            at++;
            if (at < rest.Length && rest[at] is (byte)'+' or (byte)'-')
                at++;
            at = SkipDigits(rest, at, isHexadecimal: false);
        }

        return at == rest.Length ? TokenKind.Float : null;
    }

    /// <summary>Whether a text is hexadecimal digits.</summary>
    public static bool IsHexadecimal(ReadOnlySpan<byte> text) => SkipDigits(text, 0, isHexadecimal: true) == text.Length;

    /// <summary>Whether a token begins as a number does.</summary>
    public static bool MayBegin(byte first) => first is (>= (byte)'0' and <= (byte)'9') or (byte)'+' or (byte)'-' or (byte)'i' or (byte)'n';

    public static bool IsDigit(byte character, bool isHexadecimal) =>
        isHexadecimal ? char.IsAsciiHexDigit((char)character) : char.IsAsciiDigit((char)character);

    public static int DigitValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    // Digits with single underscores between them; -1 when there are none, or an underscore stands elsewhere.
    private static int SkipDigits(ReadOnlySpan<byte> text, int at, bool isHexadecimal)
    {
        while (true)
        {
            if (at >= text.Length || !IsDigit(text[at], isHexadecimal))
                return -1;
            while (at < text.Length && IsDigit(text[at], isHexadecimal))
                at++;
            if (at == text.Length || text[at] != '_')
                return at;
            at++;
        }
    }
}
