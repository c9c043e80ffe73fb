using System.Buffers;

namespace Stoa.Wasm.Text;

/// <summary>Cuts a text into tokens (core specification 2.0, section 6.2 and 6.3).</summary>
/// <remarks>Annotations, <c>(@id …)</c>, are passed over like comments: that is the rule for those that a tool does not know.</remarks>
internal sealed class Lexer(TextSource source)
{
    private static readonly SearchValues<byte> s_identifierCharacters = SearchValues.Create(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-./:<=>?@\\^_`|~"u8);

    /// <summary>Where the next token is looked for.</summary>
    public int Position { get; set; }

    public Token Next()
    {
        var bytes = source.Bytes;
        SkipBlanks(bytes);
        int start = Position;
        if (start == bytes.Length)
            return new Token(TokenKind.End, start, start);
        if (bytes[start] is (byte)'(' or (byte)')')
        {
            Position++;
            return new Token(bytes[start] == '(' ? TokenKind.LeftParenthesis : TokenKind.RightParenthesis, start, Position);
        }

        // Strings and other characters that touch make one token, which is then none of the known ones.
        int pieces = 0;
        while (SkipString(bytes) || SkipIdentifierCharacters(bytes))
            pieces++;
        if (pieces == 0)
            throw source.Malformed("unexpected character", start);
        var text = bytes[start..Position];
        return new Token(pieces == 1 ? Classify(text) : TokenKind.Reserved, start, Position);
    }

    private static TokenKind Classify(ReadOnlySpan<byte> text)
    {
        if (NumberSyntax.MayBegin(text[0]) && NumberSyntax.Classify(text) is { } number)
            return number;
        return text[0] switch
        {
            (byte)'"' => TokenKind.String,
            (byte)'$' when text.Length > 1 => TokenKind.Identifier,
            >= (byte)'a' and <= (byte)'z' => TokenKind.Keyword,
            _ => TokenKind.Reserved,
        };
    }

    private bool SkipIdentifierCharacters(ReadOnlySpan<byte> bytes)
    {
        int count = bytes[Position..].IndexOfAnyExcept(s_identifierCharacters);
        if (count < 0)
            count = bytes.Length - Position;
        Position += count;
        return count > 0;
    }

    private bool SkipString(ReadOnlySpan<byte> bytes)
    {
        if (Position == bytes.Length || bytes[Position] != '"')
            return false;
        Position = StringLiteral.End(source, Position);
        return true;
    }

    private void SkipBlanks(ReadOnlySpan<byte> bytes)
    {
        while (SkipBlank(bytes) || SkipAnnotation(bytes))
        {
        }
    }

    // One white space, comment or nothing.
    private bool SkipBlank(ReadOnlySpan<byte> bytes)
    {
        int at = Position;
        if (at == bytes.Length)
            return false;
        byte next = at + 1 < bytes.Length ? bytes[at + 1] : (byte)0;
        switch (bytes[at])
        {
            case (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r':
                Position++;
                return true;
            case (byte)';' when next == ';':
                int length = bytes[at..].IndexOfAny((byte)'\n', (byte)'\r');
                Position = length < 0 ? bytes.Length : at + length;
                return true;
            case (byte)'(' when next == ';':
                SkipBlockComment(bytes);
                return true;
            default:
                return false;
        }
    }

    private void SkipBlockComment(ReadOnlySpan<byte> bytes)
    {
        int start = Position;
        int depth = 0;
        do
        {
            int step = bytes[Position..].IndexOfAny((byte)'(', (byte)';');
            if (step < 0 || Position + step + 1 >= bytes.Length)
                throw source.Malformed("unclosed comment", start);
            Position += step;
            bool opens = bytes[Position] == '(' && bytes[Position + 1] == ';';
            bool closes = bytes[Position] == ';' && bytes[Position + 1] == ')';
            depth += opens ? 1 : closes ? -1 : 0;
            Position += opens || closes ? 2 : 1;
        }
        while (depth > 0);
    }

    private bool SkipAnnotation(ReadOnlySpan<byte> bytes)
    {
        int start = Position;
        if (!bytes[start..].StartsWith("(@"u8) || start + 2 == bytes.Length || !s_identifierCharacters.Contains(bytes[start + 2]))
            return false;
        int depth = 0;
        do
        {
            if (Position == bytes.Length)
                throw source.Malformed("unclosed annotation", start);
            if (SkipBlank(bytes) || SkipString(bytes))
                continue;
            byte next = bytes[Position];
            depth += next == '(' ? 1 : next == ')' ? -1 : 0;
            Position++;
        }
        while (depth > 0);
        return true;
    }
}
