namespace Stoa.Market.Expressions;

/// <summary>A word of an expression.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Offset">Where it begins.</param>
/// <param name="End">Where it has ended.</param>
/// <param name="Text">A name; of what is wrong, why.</param>
/// <param name="Value">A literal's.</param>
/// <param name="Number">A number's.</param>
internal readonly record struct Token(TokenKind Kind, int Offset, int End, string? Text = null, ExpressionValue Value = default, int Number = 0);

/// <summary>The kinds of words.</summary>
internal enum TokenKind
{
    End,
    Wrong,
    TooLong,
    Name,
    QuotedName,
    Number,
    Literal,
    At,
    Star,
    Flatten,
    Filter,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    LeftParenthesis,
    RightParenthesis,
    Dot,
    Comma,
    Colon,
    Ampersand,
    Not,
    And,
    Or,
    Pipe,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
