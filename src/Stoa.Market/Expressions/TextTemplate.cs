using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>A text with expressions in it, each as <c>${ expression }</c>. It never changes, and may be used by many at once.</summary>
/// <remarks>
/// A text that is one expression and nothing else gives what that gives, of whatever type. Any other gives a text: strings as they are, and all
/// else, null too, as JSON. <c>$${</c> stands for <c>${</c>. Expressions have the limits of <see cref="JmesPath"/>, and all of a text together as many nodes as one.
/// </remarks>
public sealed class TextTemplate
{
    /// <summary>Most characters of the whole text.</summary>
    public const int MaxLength = 65_536;

    private readonly IReadOnlyList<Part> _parts;

    private TextTemplate(string text, IReadOnlyList<Part> parts)
    {
        (Text, _parts) = (text, parts);
        References = Outermost([.. parts.SelectMany(part => part.Expression?.References ?? []).Distinct()]);
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>What all of its expressions read: see <see cref="JmesPath.References"/>.</summary>
    public IReadOnlyList<FieldPath> References { get; }

    /// <summary>The expression that is all of it; null when there is more, or none.</summary>
    public JmesPath? Whole => _parts is [{ Expression: { } whole }] ? whole : null;

    /// <summary>Whether there is any expression in it.</summary>
    public bool HasExpressions => _parts.Any(part => part.Expression is not null);

    /// <summary>Reads a text.</summary>
    /// <param name="text">It.</param>
    /// <param name="template">What it says; null when it is refused.</param>
    /// <param name="fault">Why it is refused.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out TextTemplate? template, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        template = null;
        fault = text.Length > MaxLength
            ? new ExpressionFault(ExpressionFaultKind.TooLong, MaxLength, $"The end of the text is expected here: it has at most {MaxLength:N0} characters, and this one has {text.Length:N0}.")
            : Faults.InText(text);
        if (fault is not null)
            return false;
        var parts = new List<Part>();
        var literal = new StringBuilder();
        var (nodes, literalStart) = (0, 0);
        for (var place = 0; place < text.Length;)
        {
            if (literal.Length == 0)
                literalStart = place;
            if (text.AsSpan(place).StartsWith("$${"))
            {
                literal.Append("${");
                place += 3;
            }
            else if (!text.AsSpan(place).StartsWith("${"))
            {
                literal.Append(text[place++]);
            }
            else
            {
                AddLiteral(parts, literal, literalStart);
                var start = place + 2;
                var parser = new Parser(text, start, nodes);
                if (!parser.TryParse(TokenKind.RightBrace, out var root, out fault))
                    return false;
                (place, nodes) = (parser.End, parser.Nodes);
                parts.Add(new Part(start, null, new JmesPath(text[start..(place - 1)], root)));
            }
        }

        AddLiteral(parts, literal, literalStart);
        template = new TextTemplate(text, parts);
        return true;
    }

    /// <summary>Puts it together.</summary>
    /// <param name="value">What the expressions are evaluated on; see <see cref="JmesPath"/>.</param>
    /// <param name="budget">Pays for each step, and for the text.</param>
    /// <param name="result">A text, or what the one expression gives.</param>
    /// <param name="fault">Why there is none; its place is in the whole text.</param>
    public bool TryEvaluate(JsonElement value, ExpressionBudget budget, out ExpressionValue result, [NotNullWhen(false)] out ExpressionFault? fault) =>
        TryEvaluate(ExpressionValue.Of(value), budget, out result, out fault);

    /// <summary>The same on a value that was put together.</summary>
    internal bool TryEvaluate(ExpressionValue value, ExpressionBudget budget, out ExpressionValue result, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        if (_parts is [{ Expression: { } whole }])
            return whole.TryEvaluate(value, budget, out result, out fault);
        result = default;
        fault = null;
        var text = new StringBuilder();
        foreach (var part in _parts)
        {
            if (part.Expression is null)
            {
                if (!budget.TrySpend(1 + (part.Literal!.Length / ExpressionBudget.PerStep)))
                    fault = Faults.Spent(part.Offset);
                else
                    text.Append(part.Literal);
            }
            else if (part.Expression.TryEvaluateToText(value, budget, out var made, out fault))
            {
                text.Append(made);
            }

            if (fault is not null)
                return false;
        }

        result = ExpressionValue.Of(text.ToString());
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static void AddLiteral(List<Part> parts, StringBuilder literal, int offset)
    {
        if (literal.Length == 0)
            return;
        parts.Add(new Part(offset, literal.ToString(), null));
        literal.Clear();
    }

    /// <summary>The paths that no other one holds. In order each comes behind those that hold it.</summary>
    private static List<FieldPath> Outermost(List<FieldPath> paths)
    {
        var outermost = new List<FieldPath>(paths.Count);
        foreach (var path in paths.OrderBy(path => string.Join('\0', path.Names), StringComparer.Ordinal))
        {
            if (outermost.Count == 0 || !outermost[^1].Holds(path))
                outermost.Add(path);
        }

        return outermost;
    }

    /// <summary>A piece of the text, and where it begins: as it is, or an expression.</summary>
    private sealed record Part(int Offset, string? Literal, JmesPath? Expression);
}
