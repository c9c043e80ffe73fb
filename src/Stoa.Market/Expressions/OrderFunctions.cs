using System.Numerics;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>Functions that put values in order: numbers by size, texts by code points. What is equal stays as it was.</summary>
internal static class OrderFunctions
{
    public static bool Sort(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Sort(evaluation, call, arguments[0], expression: -1, out result);

    public static bool SortBy(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Sort(evaluation, call, arguments[0], expression: 1, out result);

    public static bool Max(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Best(evaluation, call, arguments[0], expression: -1, sign: 1, out result);

    public static bool MaxBy(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Best(evaluation, call, arguments[0], expression: 1, sign: 1, out result);

    public static bool Min(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Best(evaluation, call, arguments[0], expression: -1, sign: -1, out result);

    public static bool MinBy(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Best(evaluation, call, arguments[0], expression: 1, sign: -1, out result);

    private static bool Sort(Evaluation evaluation, CallNode call, ExpressionValue array, int expression, out ExpressionValue result)
    {
        result = default;
        if (!TryRank(evaluation, call, array, expression, out var ranked, out var cost))
            return false;
        if (!evaluation.TrySpend(call, cost * (BitOperations.Log2((uint)ranked.Count | 1) + 1)))
            return false;
        ranked.Sort(Compare);
        result = ExpressionValue.Of([.. ranked.Select(item => item.Value)]);
        return true;
    }

    /// <summary>The first of the largest, or of the smallest; null of nothing.</summary>
    private static bool Best(Evaluation evaluation, CallNode call, ExpressionValue array, int expression, int sign, out ExpressionValue result)
    {
        result = default;
        if (!TryRank(evaluation, call, array, expression, out var ranked, out var cost) || !evaluation.TrySpend(call, cost))
            return false;
        for (var place = 1; place < ranked.Count; place++)
        {
            if (sign * CompareKeys(ranked[place], ranked[0]) > 0)
                ranked[0] = ranked[place];
        }

        result = ranked.Count == 0 ? default : ranked[0].Value;
        return true;
    }

    /// <summary>The items with what they are put in order by.</summary>
    /// <param name="evaluation">Pays.</param>
    /// <param name="call">Which call it is.</param>
    /// <param name="array">The items.</param>
    /// <param name="expression">The argument that gives the key of an item; negative when the item is it.</param>
    /// <param name="ranked">Each.</param>
    /// <param name="cost">What it costs to look at each key once.</param>
    private static bool TryRank(Evaluation evaluation, CallNode call, ExpressionValue array, int expression, out List<Ranked> ranked, out long cost)
    {
        (ranked, cost) = ([], 0);
        var kind = JsonValueKind.Undefined;
        foreach (var item in array.Items())
        {
            var key = item;
            if (!evaluation.TrySpend(call, 1) || (expression >= 0 && !evaluation.TryApply(call, expression, item, out key)))
                return false;
            if (key.Kind is not (JsonValueKind.Number or JsonValueKind.String) || (kind is not JsonValueKind.Undefined && key.Kind != kind))
                return evaluation.FailItem(call, key, "numbers alone or texts alone");
            kind = key.Kind;
            string? text = null;
            if (kind is JsonValueKind.String ? !evaluation.TryRead(call, key, out text) : !evaluation.TrySpend(call, key.TextLength / ExpressionBudget.PerStep))
                return false;
            cost += 1 + ((text?.Length ?? 0) / ExpressionBudget.PerStep);
            ranked.Add(new Ranked(item, text, text is null ? key.Number : 0, ranked.Count));
        }

        return true;
    }

    private static int Compare(Ranked one, Ranked other) => CompareKeys(one, other) is var order and not 0 ? order : one.Place.CompareTo(other.Place);

    private static int CompareKeys(Ranked one, Ranked other) => one.Text is null ? one.Number.CompareTo(other.Number) : ByCodePoints(one.Text, other.Text!);

    /// <summary>UTF-16 has what is beyond U+FFFF before what is from U+E000 on.</summary>
    private static int ByCodePoints(string one, string other)
    {
        var same = one.AsSpan().CommonPrefixLength(other);
        if (same == one.Length || same == other.Length)
            return one.Length.CompareTo(other.Length);
        return (char.IsSurrogate(one[same]), char.IsSurrogate(other[same])) switch
        {
            (true, false) => 1,
            (false, true) => -1,
            _ => one[same].CompareTo(other[same]),
        };
    }

    private readonly record struct Ranked(ExpressionValue Value, string? Text, double Number, int Place);
}
