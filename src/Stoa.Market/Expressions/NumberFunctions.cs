using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Stoa.Market.Expressions;

/// <summary>Functions that compute numbers. All are doubles.</summary>
internal static partial class NumberFunctions
{
    public static bool Abs(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        evaluation.TryCompute(call, Math.Abs(arguments[0].Number), out result);

    public static bool Ceil(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        evaluation.TryCompute(call, Math.Ceiling(arguments[0].Number), out result);

    public static bool Floor(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        evaluation.TryCompute(call, Math.Floor(arguments[0].Number), out result);

    public static bool Sum(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        return TryAdd(evaluation, call, arguments[0], out var sum) && evaluation.TryCompute(call, sum, out result);
    }

    /// <summary>Null of nothing.</summary>
    public static bool Avg(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        var count = arguments[0].Count;
        return count == 0 || (TryAdd(evaluation, call, arguments[0], out var sum) && evaluation.TryCompute(call, sum / count, out result));
    }

    /// <summary>What a text says when it is a number of JSON, a number as it is, and null for all else.</summary>
    public static bool ToNumber(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = arguments[0].Kind is JsonValueKind.Number ? arguments[0] : default;
        if (arguments[0].Kind is not JsonValueKind.String)
            return true;
        if (!evaluation.TryRead(call, arguments[0], out var text))
            return false;
        if (JsonNumber().IsMatch(text) && double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) is var number && double.IsFinite(number))
            result = ExpressionValue.Of(number);
        return true;
    }

    private static bool TryAdd(Evaluation evaluation, CallNode call, ExpressionValue numbers, out double sum)
    {
        sum = 0;
        foreach (var item in numbers.Items())
        {
            if (item.Kind is not JsonValueKind.Number)
                return evaluation.FailItem(call, item, "numbers");
            if (!evaluation.TrySpend(call, 1 + (item.TextLength / ExpressionBudget.PerStep)))
                return false;
            sum += item.Number;
        }

        return true;
    }

    [GeneratedRegex(@"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex JsonNumber();
}
