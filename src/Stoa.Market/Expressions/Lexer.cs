using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>Reads the words of an expression, one after the other. A copy of it reads on from the same place.</summary>
/// <param name="text">The expression, or a text with one in it.</param>
/// <param name="start">Where the expression begins.</param>
internal struct Lexer(string text, int start)
{
    private readonly int _limit = Math.Min(text.Length, start + JmesPath.MaxLength + 1);
    private int _at = start;

    /// <summary>The next word; <see cref="TokenKind.End"/> at the end, however often.</summary>
    public Token Next()
    {
        while (_at < _limit && text[_at] is ' ' or '\t' or '\n' or '\r')
            _at++;
        if (_at >= _limit)
            return new Token(_limit < text.Length ? TokenKind.TooLong : TokenKind.End, _at, _at);
        var from = _at;
        var token = text[from] switch
        {
            '"' => Quoted(from),
            '\'' => RawText(from),
            '`' => Literal(from),
            '-' or (>= '0' and <= '9') => Number(from),
            (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or '_' => Name(from),
            _ => Sign(from),
        };
        _at = token.End;
        return token;
    }

    private readonly char At(int place) => place < _limit ? text[place] : '\0';

    private readonly Token Wrong(int from, string reason) => new(TokenKind.Wrong, from, _limit, reason);

    private readonly Token Sign(int from)
    {
        var second = At(from + 1);
        return (text[from], second) switch
        {
            ('[', ']') => Of(TokenKind.Flatten, 2),
            ('[', '?') => Of(TokenKind.Filter, 2),
            ('[', _) => Of(TokenKind.LeftBracket, 1),
            (']', _) => Of(TokenKind.RightBracket, 1),
            ('{', _) => Of(TokenKind.LeftBrace, 1),
            ('}', _) => Of(TokenKind.RightBrace, 1),
            ('(', _) => Of(TokenKind.LeftParenthesis, 1),
            (')', _) => Of(TokenKind.RightParenthesis, 1),
            ('.', _) => Of(TokenKind.Dot, 1),
            (',', _) => Of(TokenKind.Comma, 1),
            (':', _) => Of(TokenKind.Colon, 1),
            ('@', _) => Of(TokenKind.At, 1),
            ('*', _) => Of(TokenKind.Star, 1),
            ('&', '&') => Of(TokenKind.And, 2),
            ('&', _) => Of(TokenKind.Ampersand, 1),
            ('|', '|') => Of(TokenKind.Or, 2),
            ('|', _) => Of(TokenKind.Pipe, 1),
            ('!', '=') => Of(TokenKind.NotEqual, 2),
            ('!', _) => Of(TokenKind.Not, 1),
            ('=', '=') => Of(TokenKind.Equal, 2),
            ('<', '=') => Of(TokenKind.LessOrEqual, 2),
            ('<', _) => Of(TokenKind.Less, 1),
            ('>', '=') => Of(TokenKind.GreaterOrEqual, 2),
            ('>', _) => Of(TokenKind.Greater, 1),
            ('=', _) => Wrong(from, "'==' is expected here: a single '=' means nothing."),
            _ => Wrong(from, "A character of the language is expected here; others stand in quotes."),
        };

        Token Of(TokenKind kind, int length) => new(kind, from, from + length);
    }

    private readonly Token Name(int from)
    {
        var end = from + 1;
        while (char.IsAsciiLetterOrDigit(At(end)) || At(end) is '_')
            end++;
        return new Token(TokenKind.Name, from, end, text[from..end]);
    }

    private readonly Token Number(int from)
    {
        var end = from + 1;
        while (char.IsAsciiDigit(At(end)))
            end++;
        return int.TryParse(text.AsSpan(from, end - from), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? new Token(TokenKind.Number, from, end, Number: number)
            : Wrong(from, $"A whole number from {int.MinValue} to {int.MaxValue} is expected here.");
    }

    /// <summary>Where the closing quote is that belongs to an opening one; what stands behind a backslash closes nothing.</summary>
    private readonly int Closing(int from)
    {
        for (var place = from + 1; place < _limit; place++)
        {
            if (text[place] == text[from])
                return place;
            if (text[place] is '\\')
                place++;
        }

        return -1;
    }

    /// <summary>A quote that nothing closes: the expression may go on beyond what is read of it.</summary>
    private readonly Token Unclosed(int from) => _limit < text.Length
        ? new Token(TokenKind.TooLong, _limit, _limit)
        : Wrong(from, $"A closing {text[from]} is expected for the one that opens here.");

    private readonly Token Quoted(int from)
    {
        var closing = Closing(from);
        if (closing < 0)
            return Unclosed(from);
        const string expected = "A name of at least one character is expected here, in double quotes and with the escapes of JSON.";
        return closing > from + 1 && TryParse(text[from..(closing + 1)], out var name) && name.TryGetText(out var read)
            ? new Token(TokenKind.QuotedName, from, closing + 1, read)
            : Wrong(from, expected);
    }

    /// <summary>A text as it is written, but for a quote behind a backslash; two backslashes are two.</summary>
    private readonly Token RawText(int from)
    {
        var closing = Closing(from);
        if (closing < 0)
            return Unclosed(from);
        var read = new StringBuilder(closing - from);
        for (var place = from + 1; place < closing; place++)
        {
            if (text[place] is '\\' && text[place + 1] is '\\' or '\'')
            {
                if (text[++place] is '\\')
                    read.Append('\\');
            }

            read.Append(text[place]);
        }

        return new Token(TokenKind.Literal, from, closing + 1, Value: ExpressionValue.Of(read.ToString()));
    }

    private readonly Token Literal(int from)
    {
        var closing = Closing(from);
        if (closing < 0)
            return Unclosed(from);
        // The one escape that JSON does not have.
        var json = text[(from + 1)..closing].Replace("\\`", "`", StringComparison.Ordinal);
        return TryParse(json, out var value)
            ? new Token(TokenKind.Literal, from, closing + 1, Value: value)
            : Wrong(from, $"JSON at most {ExpressionValue.MaxDepth} levels deep is expected between backticks; a text stands there in double quotes, or in single quotes without backticks.");
    }

    private static bool TryParse(string json, out ExpressionValue value)
    {
        value = default;
        try
        {
            value = ExpressionValue.Of(JsonElement.Parse(json, new JsonDocumentOptions { MaxDepth = ExpressionValue.MaxDepth }));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
