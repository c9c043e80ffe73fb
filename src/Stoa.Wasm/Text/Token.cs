namespace Stoa.Wasm.Text;

/// <summary>A token of the text format: its class and the bytes that it takes.</summary>
internal readonly record struct Token(TokenKind Kind, int Start, int End)
{
    public bool IsInteger => Kind is TokenKind.Natural or TokenKind.Integer;

    public bool IsNumber => Kind is TokenKind.Natural or TokenKind.Integer or TokenKind.Float;
}

/// <summary>The classes of tokens (core specification 2.0, section 6.3.1).</summary>
internal enum TokenKind : byte
{
    End,
    LeftParenthesis,
    RightParenthesis,
    Keyword,
    Identifier,
    String,

    /// <summary>A whole number without a sign.</summary>
    Natural,

    /// <summary>A whole number with a sign.</summary>
    Integer,

    /// <summary>A number that only a floating-point type has.</summary>
    Float,

    /// <summary>What looks like a token and is none.</summary>
    Reserved,
}
