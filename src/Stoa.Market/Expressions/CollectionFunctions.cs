using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>Functions of arrays, objects, and values of any type.</summary>
internal static class CollectionFunctions
{
    public static bool Keys(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        var keys = new List<ExpressionValue>();
        foreach (var (name, _) in arguments[0].NamedMembers())
        {
            if (!evaluation.TryTake(call, name, out var key))
                return false;
            keys.Add(ExpressionValue.Of(key));
        }

        result = ExpressionValue.Of([.. keys]);
        return true;
    }

    public static bool Values(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        if (!evaluation.TrySpend(call, arguments[0].Count))
            return false;
        result = ExpressionValue.Of([.. arguments[0].MemberValues()]);
        return true;
    }

    /// <summary>Of a text its code points.</summary>
    public static bool Length(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        if (arguments[0].Kind is not JsonValueKind.String)
            return evaluation.TryCompute(call, arguments[0].Count, out result);
        return evaluation.TryRead(call, arguments[0], out var text)
            && evaluation.TryCompute(call, text.Length - text.Count(char.IsLowSurrogate), out result);
    }

    /// <summary>What an expression gives for each item, null as well.</summary>
    public static bool Map(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        var mapped = new List<ExpressionValue>();
        foreach (var item in arguments[1].Items())
        {
            if (!evaluation.TryApply(call, 0, item, out var value))
                return false;
            mapped.Add(value);
        }

        result = ExpressionValue.Of([.. mapped]);
        return true;
    }

    /// <summary>One object of all members of several; of those with one name the last.</summary>
    public static bool Merge(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        var merged = new OrderedDictionary<string, ExpressionValue>(StringComparer.Ordinal);
        foreach (var argument in arguments)
        {
            foreach (var (name, value) in argument.NamedMembers())
            {
                if (!evaluation.TryTake(call, name, out var key))
                    return false;
                merged[key] = value;
            }
        }

        result = ExpressionValue.Of(merged);
        return true;
    }

    /// <summary>All of its arguments were null: any other has ended the call.</summary>
    public static bool NotNull(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        return true;
    }

    /// <summary>Of a text its code points from the end, of an array its items.</summary>
    public static bool Reverse(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        if (arguments[0].Kind is JsonValueKind.String)
        {
            if (!evaluation.TryRead(call, arguments[0], out var text) || !evaluation.TrySpend(call, text.Length / ExpressionBudget.PerStep))
                return false;
            result = ExpressionValue.Of(string.Create(text.Length, text, Reverse));
            return true;
        }

        if (!evaluation.TrySpend(call, arguments[0].Count))
            return false;
        ExpressionValue[] items = [.. arguments[0].Items()];
        Array.Reverse(items);
        result = ExpressionValue.Of(items);
        return true;
    }

    /// <summary>An array as it is, and all else as the one item of one.</summary>
    public static bool ToArray(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = arguments[0].Kind is JsonValueKind.Array ? arguments[0] : ExpressionValue.Of([arguments[0]]);
        return true;
    }

    public static bool Type(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = ExpressionValue.Of(Evaluation.NameOf(arguments[0].Kind));
        return true;
    }

    private static void Reverse(Span<char> reversed, string text)
    {
        text.CopyTo(reversed);
        reversed.Reverse();
        // The two halves of a pair stay in their order.
        for (var place = 0; place + 1 < reversed.Length; place++)
        {
            if (char.IsLowSurrogate(reversed[place]) && char.IsHighSurrogate(reversed[place + 1]))
                (reversed[place], reversed[place + 1]) = (reversed[place + 1], reversed[place]);
        }
    }
}
