using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>An expression that selects and computes from a JSON value, in the language JMESPath. It never changes, and may be used by many at once.</summary>
/// <remarks>
/// <para>
/// The specification is https://jmespath.org/specification.html, with all twenty-six functions. Where it leaves something open: numbers are
/// compared as doubles; <c>!</c> binds more weakly than dots and brackets, and more strongly than comparisons; a literal between backticks is JSON,
/// with quotes around a text; between single quotes a backslash is one, but before a single quote; nothing, be it by a list or by an
/// object, is selected of null; <c>merge()</c> is an empty object; a member that an object has twice counts twice, and by its name the last is found.
/// </para>
/// <para>
/// Expressions come from strangers. So they are bounded in length, in nesting and in number of nodes, and each evaluation by the steps that it may take.
/// </para>
/// </remarks>
public sealed class JmesPath
{
    /// <summary>Most characters.</summary>
    public const int MaxLength = 4_096;

    /// <summary>Most expressions within one another: operands, arguments, what stands in brackets or braces, and what stands behind a projection.</summary>
    public const int MaxNesting = 64;

    /// <summary>Most names, values, operators and functions.</summary>
    public const int MaxNodes = 512;

    private readonly Node _root;

    internal JmesPath(string text, Node root)
    {
        (Text, _root) = (text, root);
        References = ReferenceFinder.Find(root);
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>All that it reads of a value: the result is the same for two objects that have the same at each of these paths.</summary>
    /// <remarks>
    /// Paths of members from the root, as far as they can be told from the expression alone, none of them within another. What it reads
    /// cannot be told of <c>@</c> as a result or as an argument, of <c>*</c> and of indices at the root: then it is the root that it reads.
    /// Names within projections, filters and expressions that are arguments are of items, and so are no references.
    /// What more members cost in steps is none of the result; and a member anywhere whose name is no Unicode may be a fault.
    /// </remarks>
    public IReadOnlyList<FieldPath> References { get; }

    /// <summary>Reads an expression.</summary>
    /// <param name="text">It.</param>
    /// <param name="expression">What it says; null when it is none.</param>
    /// <param name="fault">Why it is none.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out JmesPath? expression, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        expression = null;
        if (text.Length > MaxLength)
        {
            fault = new ExpressionFault(ExpressionFaultKind.TooLong, MaxLength, $"The end of the expression is expected here: it has at most {MaxLength:N0} characters, and this one has {text.Length:N0}.");
            return false;
        }

        if (Faults.InText(text) is { } noText)
        {
            fault = noText;
            return false;
        }

        if (new Parser(text, 0, nodes: 0).TryParse(TokenKind.End, out var root, out fault))
            expression = new JmesPath(text, root);
        return expression is not null;
    }

    /// <summary>Evaluates it.</summary>
    /// <param name="value">On what; as long as the result is used its document must not be disposed of.</param>
    /// <param name="budget">Pays for each step.</param>
    /// <param name="result">What it gives; null, and no fault, where there is nothing.</param>
    /// <param name="fault">Why it gives nothing: a type that a function does not take, or a budget that is spent.</param>
    public bool TryEvaluate(JsonElement value, ExpressionBudget budget, out ExpressionValue result, [NotNullWhen(false)] out ExpressionFault? fault) =>
        TryEvaluate(ExpressionValue.Of(value), budget, out result, out fault);

    /// <summary>The same on a value that was put together.</summary>
    internal bool TryEvaluate(ExpressionValue value, ExpressionBudget budget, out ExpressionValue result, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        var evaluation = new Evaluation(budget);
        if (evaluation.TryEvaluate(_root, value, out result))
        {
            fault = null;
            return true;
        }

        (result, fault) = (default, evaluation.Fault!);
        return false;
    }

    /// <summary>Evaluates it, and writes the result where it is no text.</summary>
    internal bool TryEvaluateToText(ExpressionValue value, ExpressionBudget budget, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        var evaluation = new Evaluation(budget);
        text = null;
        fault = null;
        if (evaluation.TryEvaluate(_root, value, out var result)
            && (result.Kind is JsonValueKind.String ? evaluation.TryRead(_root, result, out text) : evaluation.TryWriteText(_root, result, out text)))
            return true;
        fault = evaluation.Fault!;
        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;
}
