using System.Text;
using System.Text.Unicode;

namespace Stoa.Wasm.Text;

/// <summary>Strings and their escapes (core specification 2.0, section 6.3.3). They are bytes, and only names have to be UTF-8.</summary>
internal static class StringLiteral
{
    /// <summary>Where the string that starts at an offset ends, after its closing quotation mark.</summary>
    public static int End(TextSource source, int start)
    {
        var bytes = source.Bytes;
        int at = start + 1;
        while (at < bytes.Length && bytes[at] != '\n')
        {
            if (bytes[at] == '"')
                return at + 1;
            if (bytes[at] is < 0x20 or 0x7F)
                throw source.Malformed("illegal control character in string", at);
            if (bytes[at] != '\\')
                at++;
            else if (EscapeEnd(bytes, at) is { } end)
                at = end;
            else
                throw source.Malformed("illegal escape", at);
        }

        throw source.Malformed("unclosed string", start);
    }

    /// <summary>The bytes that a token of class <see cref="TokenKind.String"/> stands for.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> literal)
    {
        var text = literal[1..^1];
        var decoded = new byte[text.Length]; // no escape is shorter than what it stands for
        int length = 0;
        for (int at = 0; at < text.Length;)
        {
            if (text[at] != '\\')
            {
                decoded[length++] = text[at++];
                continue;
            }

            int end = EscapeEnd(text, at)!.Value;
            length += DecodeEscape(text[(at + 1)..end], decoded.AsSpan(length));
            at = end;
        }

        return decoded[..length];
    }

    /// <summary>The bytes of a name, which are UTF-8.</summary>
    public static byte[] DecodeName(TextSource source, Token token)
    {
        byte[] name = Decode(source[token]);
        if (!Utf8.IsValid(name))
            throw source.Malformed("malformed UTF-8 encoding", token.Start);
        return name;
    }

    // Where the escape at an offset ends; null when it is none.
    private static int? EscapeEnd(ReadOnlySpan<byte> text, int start)
    {
        var rest = text[(start + 1)..];
        if (rest.IsEmpty)
            return null;
        if (rest[0] is (byte)'n' or (byte)'t' or (byte)'r' or (byte)'"' or (byte)'\'' or (byte)'\\')
            return start + 2;
        if (rest[0] == 'u')
        {
            int close = rest.IndexOf((byte)'}');
            bool isScalar = close > 2 && rest[1] == '{' && NumberSyntax.IsHexadecimal(rest[2..close])
                && IntegerLiteral.TryParseDigits(rest[2..close], isHexadecimal: true, uint.MaxValue, out ulong scalar) && Rune.IsValid((uint)scalar);
            return isScalar ? start + 1 + close + 1 : null;
        }

        return rest.Length > 1 && NumberSyntax.IsDigit(rest[0], true) && NumberSyntax.IsDigit(rest[1], true) ? start + 3 : null;
    }

    private static int DecodeEscape(ReadOnlySpan<byte> escape, Span<byte> target)
    {
        if (escape.Length == 2)
        {
            target[0] = (byte)((NumberSyntax.DigitValue(escape[0]) << 4) | NumberSyntax.DigitValue(escape[1]));
            return 1;
        }

        if (escape[0] == 'u')
        {
            IntegerLiteral.TryParseDigits(escape[2..^1], isHexadecimal: true, uint.MaxValue, out ulong scalar);
            return new Rune((uint)scalar).EncodeToUtf8(target);
        }

        target[0] = escape[0] switch { (byte)'n' => (byte)'\n', (byte)'t' => (byte)'\t', (byte)'r' => (byte)'\r', var itself => itself };
        return 1;
    }
}
