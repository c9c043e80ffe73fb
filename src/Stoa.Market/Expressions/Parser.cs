using System.Diagnostics.CodeAnalysis;

namespace Stoa.Market.Expressions;

/// <summary>Reads an expression: by the powers with which operators bind, one word ahead, and no deeper than <see cref="JmesPath.MaxNesting"/>.</summary>
/// <remarks>
/// What stands behind a projection, be it an index or a name, belongs to each of its items, until something binds less: flattening, or an operator
/// of two sides. So a projection reads its own rest, beginning with the item (<see cref="ParseEach"/>).
/// </remarks>
/// <param name="text">The expression, or a text with one in it.</param>
/// <param name="start">Where it begins.</param>
/// <param name="nodes">How many nodes others have taken of the same limit.</param>
internal sealed class Parser(string text, int start, int nodes)
{
    private const int LongestFound = 24;

    private Lexer _lexer = new(text, start);
    private Token _token;
    private int _depth;
    private ExpressionFault? _fault;

    /// <summary>How strongly what is to the right binds, from the weakest.</summary>
    private enum Power
    {
        None,
        Pipe,
        Or,
        And,
        Comparison,
        Not,
        Flatten,
        Projection,
        Postfix,
    }

    /// <summary>How many nodes there are by now.</summary>
    public int Nodes { get; private set; } = nodes;

    /// <summary>Where the word has ended that ended the expression.</summary>
    public int End => _token.End;

    /// <summary>Reads it whole.</summary>
    /// <param name="closing">What it ends with.</param>
    /// <param name="root">What it is.</param>
    /// <param name="fault">Why it is none.</param>
    public bool TryParse(TokenKind closing, [NotNullWhen(true)] out Node? root, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        Advance();
        root = ParseExpression(Power.None);
        if (root is not null && _token.Kind != closing)
            root = Expected(closing is TokenKind.End ? "An operator or the end of the expression is expected here" : "An operator or a closing } is expected here");
        fault = _fault;
        return (root, fault) is (not null, null);
    }

    private void Advance() => _token = _lexer.Next();

    private Node? ParseExpression(Power weakest)
    {
        if (++_depth > JmesPath.MaxNesting)
            return TooDeep();
        var left = ParsePrefix() is { } prefix ? ParseTail(prefix, weakest) : null;
        _depth--;
        return left;
    }

    /// <summary>What a projection evaluates on each of its items: the item, with all that stands behind it.</summary>
    private Node? ParseEach()
    {
        if (++_depth > JmesPath.MaxNesting)
            return TooDeep();
        var each = ParseTail(new CurrentNode(_token.Offset), Power.Projection);
        _depth--;
        return each;
    }

    private Node? ParsePrefix()
    {
        var token = _token;
        switch (token.Kind)
        {
            case TokenKind.Name:
                Advance();
                return _token.Kind is TokenKind.LeftParenthesis ? ParseCall(token) : Counted(new FieldNode(token.Offset, new CurrentNode(token.Offset), token.Text!));
            case TokenKind.QuotedName:
                Advance();
                return _token.Kind is TokenKind.LeftParenthesis
                    ? Expected("An operator or the end of the expression is expected here, since the name of a function has no quotes")
                    : Counted(new FieldNode(token.Offset, new CurrentNode(token.Offset), token.Text!));
            case TokenKind.Literal:
                Advance();
                return Counted(new LiteralNode(token.Offset, token.Value));
            case TokenKind.At:
                Advance();
                return Counted(new CurrentNode(token.Offset));
            case TokenKind.Star or TokenKind.Flatten or TokenKind.Filter:
                return ParseProjection(new CurrentNode(token.Offset));
            case TokenKind.LeftBracket:
                return ParseBracket(new CurrentNode(token.Offset), isFirst: true);
            case TokenKind.LeftBrace:
                return ParseMultiHash();
            case TokenKind.Not:
                Advance();
                return ParseExpression(Power.Not) is { } operand ? Counted(new NotNode(token.Offset, operand)) : null;
            case TokenKind.LeftParenthesis:
                Advance();
                return ParseExpression(Power.None) is { } inner && Take(TokenKind.RightParenthesis, "An operator or a closing ) is expected here") ? inner : null;
            case TokenKind.Ampersand:
                return Expected("An expression is expected here, and one with & only as an argument of a function");
            default:
                return Expected("An expression is expected here");
        }
    }

    private static Power PowerOf(TokenKind kind) => kind switch
    {
        TokenKind.Pipe => Power.Pipe,
        TokenKind.Or => Power.Or,
        TokenKind.And => Power.And,
        >= TokenKind.Equal and <= TokenKind.GreaterOrEqual => Power.Comparison,
        TokenKind.Flatten => Power.Flatten,
        TokenKind.Dot or TokenKind.LeftBracket or TokenKind.Filter => Power.Postfix,
        _ => Power.None,
    };

    /// <summary>All operators behind something that bind more strongly than the weakest.</summary>
    private Node? ParseTail(Node left, Power weakest)
    {
        for (Node? whole = left; ; left = whole)
        {
            var power = PowerOf(_token.Kind);
            if (power <= weakest)
                return left;
            whole = _token.Kind switch
            {
                TokenKind.Dot => ParseDot(left),
                TokenKind.LeftBracket => ParseBracket(left, isFirst: false),
                TokenKind.Flatten or TokenKind.Filter => ParseProjection(left),
                _ => ParseSecond(left, power),
            };
            if (whole is null)
                return null;
        }
    }

    private Node? ParseSecond(Node left, Power power)
    {
        var (kind, offset) = (_token.Kind, _token.Offset);
        Advance();
        if (ParseExpression(power) is not { } right)
            return null;
        return Counted(kind switch
        {
            TokenKind.Pipe => new ChainNode(offset, left, right),
            TokenKind.Or => new OrNode(offset, left, right),
            TokenKind.And => new AndNode(offset, left, right),
            _ => new ComparisonNode(offset, kind, left, right),
        });
    }

    private Node? ParseDot(Node left)
    {
        Advance();
        var token = _token;
        switch (token.Kind)
        {
            case TokenKind.Name or TokenKind.QuotedName:
                Advance();
                if (_token.Kind is not TokenKind.LeftParenthesis)
                    return Counted(new FieldNode(token.Offset, left, token.Text!));
                if (token.Kind is TokenKind.QuotedName)
                    return Expected("An operator or the end of the expression is expected here, since the name of a function has no quotes");
                return Chained(left, ParseCall(token));
            case TokenKind.Star:
                return ParseProjection(left);
            case TokenKind.LeftBracket:
                Advance();
                return Chained(left, ParseMultiList(token.Offset));
            case TokenKind.LeftBrace:
                return Chained(left, ParseMultiHash());
            default:
                return Expected("A name, a function, *, [ or { is expected behind a dot");
        }
    }

    private Node? Chained(Node first, Node? second) => second is null ? null : Counted(new ChainNode(second.Offset, first, second));

    private Node? ParseProjection(Node source)
    {
        var token = _token;
        Advance();
        Node? condition = null;
        if (token.Kind is TokenKind.Filter)
        {
            condition = ParseExpression(Power.None);
            if (condition is null || !Take(TokenKind.RightBracket, "An operator or a closing ] is expected here"))
                return null;
        }

        if (ParseEach() is not { } each)
            return null;
        return Counted(token.Kind switch
        {
            TokenKind.Star => new ValuesNode(token.Offset, source, each),
            TokenKind.Flatten => new FlattenNode(token.Offset, source, each),
            _ => new FilterNode(token.Offset, source, condition!, each),
        });
    }

    /// <summary>What begins with a bracket: an index, a slice, all items, or, where nothing is before it, a list of expressions.</summary>
    private Node? ParseBracket(Node source, bool isFirst)
    {
        var offset = _token.Offset;
        Advance();
        if (_token.Kind is TokenKind.Number or TokenKind.Colon)
            return ParseIndex(source, offset);
        if (_token.Kind is TokenKind.Star)
        {
            var behind = _lexer;
            if (!isFirst || behind.Next().Kind is TokenKind.RightBracket)
            {
                Advance();
                return Take(TokenKind.RightBracket, "A closing ] is expected here") && ParseEach() is { } each ? Counted(new ListNode(offset, source, each)) : null;
            }
        }

        return isFirst ? ParseMultiList(offset) : Expected("A whole number, a slice or * is expected here");
    }

    private Node? ParseIndex(Node source, int offset)
    {
        var numbers = new int?[3];
        var part = 0;
        for (; ; Advance())
        {
            if (_token.Kind is TokenKind.Number && numbers[part] is null)
                numbers[part] = _token.Number;
            else if (_token.Kind is TokenKind.Colon && part < 2)
                part++;
            else
                break;
            if (part == 2 && numbers[2] == 0)
                return Fail(ExpressionFaultKind.InvalidValue, _token.Offset, "A step other than 0 is expected here.");
        }

        if (!Take(TokenKind.RightBracket, part == 2 ? "A step or a closing ] is expected here" : "A colon, a whole number or a closing ] is expected here"))
            return null;
        if (part == 0)
            return Counted(new IndexNode(offset, source, numbers[0]!.Value));
        return ParseEach() is { } each ? Counted(new SliceNode(offset, source, numbers[0], numbers[1], numbers[2] ?? 1, each)) : null;
    }

    private Node? ParseMultiList(int offset)
    {
        var items = new List<Node>();
        while (true)
        {
            if (ParseExpression(Power.None) is not { } item)
                return null;
            items.Add(item);
            if (_token.Kind is not TokenKind.Comma)
                break;
            Advance();
        }

        return Take(TokenKind.RightBracket, "An operator, a comma or a closing ] is expected here") ? Counted(new MultiListNode(offset, items)) : null;
    }

    private Node? ParseMultiHash()
    {
        var offset = _token.Offset;
        var members = new List<(string, Node)>();
        do
        {
            Advance();
            var name = _token;
            if (name.Kind is not (TokenKind.Name or TokenKind.QuotedName))
                return Expected("A name is expected here");
            Advance();
            if (!Take(TokenKind.Colon, "A colon is expected here") || ParseExpression(Power.None) is not { } value)
                return null;
            members.Add((name.Text!, value));
        }
        while (_token.Kind is TokenKind.Comma);
        return Take(TokenKind.RightBrace, "An operator, a comma or a closing } is expected here") ? Counted(new MultiHashNode(offset, members)) : null;
    }

    private Node? ParseCall(Token name)
    {
        Advance();
        var arguments = new List<Node>();
        while (_token.Kind is not TokenKind.RightParenthesis || arguments.Count > 0)
        {
            if (ParseArgument() is not { } argument)
                return null;
            arguments.Add(argument);
            if (_token.Kind is not TokenKind.Comma)
                break;
            Advance();
        }

        if (!Take(TokenKind.RightParenthesis, "An operator, a comma or a closing ) is expected here"))
            return null;
        if (!Functions.All.TryGetValue(name.Text!, out var function))
            return Fail(ExpressionFaultKind.UnknownFunction, name.Offset, $"A function is expected here, and there is none named {Shortened(name.Text!)}. There are: {string.Join(", ", Functions.All.Keys.Order(StringComparer.Ordinal))}.");
        if (arguments.Count < function.Takes.Count || (arguments.Count > function.Takes.Count && !function.TakesMore))
        {
            return Fail(
                ExpressionFaultKind.InvalidArity,
                name.Offset,
                $"{function.Name} takes {function.Takes.Count} {(function.Takes.Count == 1 ? "argument" : "arguments")}{(function.TakesMore ? " or more" : "")}, and there are {arguments.Count}.");
        }

        for (var place = 0; place < arguments.Count; place++)
        {
            var isExpression = arguments[place] is ExpressionNode;
            if (isExpression != (function.At(place) is ValueTypes.Expression))
            {
                return Fail(
                    ExpressionFaultKind.InvalidType,
                    arguments[place].Offset,
                    isExpression ? $"Here {function.Name} expects a value, without &." : $"Here {function.Name} expects an expression with & before it.");
            }
        }

        return Counted(new CallNode(name.Offset, function, arguments));
    }

    private Node? ParseArgument()
    {
        if (_token.Kind is not TokenKind.Ampersand)
            return ParseExpression(Power.None);
        var offset = _token.Offset;
        Advance();
        return ParseExpression(Power.None) is { } body ? Counted(new ExpressionNode(offset, body)) : null;
    }

    private bool Take(TokenKind kind, string expected)
    {
        if (_token.Kind == kind)
        {
            Advance();
            return true;
        }

        Expected(expected);
        return false;
    }

    private Node? Counted(Node node) => ++Nodes > JmesPath.MaxNodes
        ? Fail(ExpressionFaultKind.TooManyNodes, node.Offset, $"At most {JmesPath.MaxNodes} names, values, operators and functions are expected, and this is one more.")
        : node;

    private Node? TooDeep() =>
        Fail(ExpressionFaultKind.NestedTooDeep, _token.Offset, $"At most {JmesPath.MaxNesting} expressions within one another are expected, and this is one more.");

    private Node? Expected(string expected) => _token.Kind switch
    {
        TokenKind.Wrong => Fail(ExpressionFaultKind.Syntax, _token.Offset, _token.Text!),
        TokenKind.TooLong => Fail(ExpressionFaultKind.TooLong, _token.Offset, $"The end of the expression is expected here: it has at most {JmesPath.MaxLength:N0} characters."),
        TokenKind.End => Fail(ExpressionFaultKind.Syntax, _token.Offset, $"{expected}, and there is the end."),
        _ => Fail(ExpressionFaultKind.Syntax, _token.Offset, $"{expected}, and there is {Shortened(text[_token.Offset.._token.End])}."),
    };

    private static string Shortened(string found) => found.Length <= LongestFound ? found : string.Concat(found.AsSpan(0, char.IsHighSurrogate(found[LongestFound - 1]) ? LongestFound - 1 : LongestFound), "…");

    private Node? Fail(ExpressionFaultKind kind, int offset, string reason)
    {
        _fault = new ExpressionFault(kind, offset, reason);
        return null;
    }
}
