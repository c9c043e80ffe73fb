using System.Text;

namespace Stoa.Wasm.Text;

/// <summary>Reads the tokens of a text in order, two ahead, and refuses those that do not belong.</summary>
internal sealed class TokenReader
{
    private readonly Lexer _lexer;
    private Token _second;

    public TokenReader(TextSource source)
    {
        Source = source;
        _lexer = new Lexer(source);
        Reset(0);
    }

    public TextSource Source { get; }

    /// <summary>The token that is next.</summary>
    public Token Current { get; private set; }

    /// <summary>Goes on at an offset, where a token begins.</summary>
    public void Reset(int offset)
    {
        _lexer.Position = offset;
        Current = _lexer.Next();
        _second = Current.Kind == TokenKind.LeftParenthesis ? _lexer.Next() : default;
    }

    public Token Next()
    {
        var token = Current;
        Current = token.Kind == TokenKind.LeftParenthesis ? _second : _lexer.Next();
        if (Current.Kind == TokenKind.LeftParenthesis)
            _second = _lexer.Next();
        return token;
    }

    public bool Is(ReadOnlySpan<byte> keyword) => Current.Kind == TokenKind.Keyword && Source[Current].SequenceEqual(keyword);

    /// <summary>Whether a parenthesis with this keyword is next.</summary>
    public bool Opens(ReadOnlySpan<byte> keyword) =>
        Current.Kind == TokenKind.LeftParenthesis && _second.Kind == TokenKind.Keyword && Source[_second].SequenceEqual(keyword);

    public bool TryKeyword(ReadOnlySpan<byte> keyword)
    {
        if (!Is(keyword))
            return false;
        Next();
        return true;
    }

    public bool TryOpen(ReadOnlySpan<byte> keyword)
    {
        if (!Opens(keyword))
            return false;
        Next();
        Next();
        return true;
    }

    public void Open(ReadOnlySpan<byte> keyword)
    {
        if (!TryOpen(keyword))
            throw Unexpected();
    }

    public bool AtClose => Current.Kind == TokenKind.RightParenthesis;

    public void Close() => Expect(TokenKind.RightParenthesis);

    public bool TryClose()
    {
        if (!AtClose)
            return false;
        Next();
        return true;
    }

    public Token Expect(TokenKind kind)
    {
        if (Current.Kind != kind)
            throw Unexpected();
        return Next();
    }

    /// <summary>An identifier with its dollar sign, if one is next.</summary>
    public string? TryIdentifier() =>
        Current.Kind == TokenKind.Identifier ? Encoding.ASCII.GetString(Source[Next()]) : null;

    public byte[] Name() => StringLiteral.DecodeName(Source, Expect(TokenKind.String));

    public uint U32() => Unsigned(Expect(TokenKind.Natural));

    /// <summary>The value of a token of class <see cref="TokenKind.Natural"/>.</summary>
    public uint Unsigned(Token token) => Unsigned(Source[token], token);

    /// <summary>The value of a number that ends a token.</summary>
    public uint Unsigned(ReadOnlySpan<byte> number, Token token)
    {
        if (!IntegerLiteral.TryParse(number, 32, out ulong value))
            throw Source.Malformed("i32 constant out of range", token.Start);
        return (uint)value;
    }

    /// <summary>The strings that follow, joined.</summary>
    public byte[] Strings()
    {
        var content = new ByteBuffer();
        while (Current.Kind == TokenKind.String)
            content.Bytes(StringLiteral.Decode(Source[Next()]));
        return content.Written.ToArray();
    }

    /// <summary>Passes over the rest of a list, its closing parenthesis included.</summary>
    /// <returns>Where the list ends.</returns>
    public int SkipList()
    {
        int end = 0;
        int limit = Source.Options.MaxNestingDepth;
        for (int depth = 1; depth > 0;)
        {
            if (Current.Kind == TokenKind.End)
                throw Unexpected();
            var token = Next();
            end = token.End;
            depth += token.Kind == TokenKind.LeftParenthesis ? 1 : token.Kind == TokenKind.RightParenthesis ? -1 : 0;
            if (depth > limit)
                throw Source.Exceeded($"parentheses are nested deeper than {limit}", token.Start);
        }

        return end;
    }

    public InvalidModuleException Unexpected() => Unexpected(Current);

    public InvalidModuleException Unexpected(Token token)
    {
        string reason = token.Kind switch
        {
            TokenKind.End => "unexpected end of text",
            TokenKind.Reserved => $"unknown operator {Source.Quote(token)}",
            TokenKind.Keyword when !Keywords.IsKnown(Source[token]) => $"unknown operator {Source.Quote(token)}",
            _ => $"unexpected token {Source.Quote(token)}",
        };
        return Source.Malformed(reason, token.Start);
    }
}
