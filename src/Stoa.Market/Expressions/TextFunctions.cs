using System.Text;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>Functions of texts.</summary>
internal static class TextFunctions
{
    /// <summary>Whether a text has another one within it, or an array an item that is equal.</summary>
    public static bool Contains(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = ExpressionValue.Of(false);
        var (subject, search) = (arguments[0], arguments[1]);
        if (subject.Kind is JsonValueKind.String)
        {
            // A text has no numbers within it, and that is no fault.
            if (search.Kind is not JsonValueKind.String)
                return true;
            if (!evaluation.TryRead(call, subject, out var text) || !evaluation.TryRead(call, search, out var sought))
                return false;
            result = ExpressionValue.Of(Has(text, sought));
            return true;
        }

        foreach (var item in subject.Items())
        {
            if (!evaluation.TryCompare(call, item, search, out var isEqual))
                return false;
            if (isEqual)
            {
                result = ExpressionValue.Of(true);
                break;
            }
        }

        return true;
    }

    public static bool StartsWith(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Test(evaluation, call, arguments, (text, part) => text.StartsWith(part, StringComparison.Ordinal), out result);

    public static bool EndsWith(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result) =>
        Test(evaluation, call, arguments, (text, part) => text.EndsWith(part, StringComparison.Ordinal), out result);

    /// <summary>Texts one after the other, with another one between them.</summary>
    public static bool Join(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = default;
        if (!evaluation.TryRead(call, arguments[0], out var glue))
            return false;
        var joined = new StringBuilder();
        foreach (var item in arguments[1].Items())
        {
            if (item.Kind is not JsonValueKind.String)
                return evaluation.FailItem(call, item, "texts");
            // The glue is made anew each time; an item is made when it is read.
            if (!evaluation.TrySpend(call, glue.Length / ExpressionBudget.PerStep) || !evaluation.TryRead(call, item, out var text))
                return false;
            joined.Append(text).Append(glue);
        }

        joined.Length = Math.Max(0, joined.Length - glue.Length);
        result = ExpressionValue.Of(joined.ToString());
        return true;
    }

    /// <summary>A text as it is, and all else as JSON.</summary>
    public static bool ToText(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, out ExpressionValue result)
    {
        result = arguments[0];
        if (result.Kind is JsonValueKind.String)
            return true;
        if (!evaluation.TryWriteText(call, arguments[0], out var text))
            return false;
        result = ExpressionValue.Of(text);
        return true;
    }

    private static bool Test(Evaluation evaluation, CallNode call, ExpressionValue[] arguments, Func<string, string, bool> holds, out ExpressionValue result)
    {
        result = default;
        if (!evaluation.TryRead(call, arguments[0], out var text) || !evaluation.TryRead(call, arguments[1], out var part))
            return false;
        result = ExpressionValue.Of(holds(text, part));
        return true;
    }

    /// <summary>Knuth, Morris and Pratt's search: what it costs is the length of the two and never their product, whoever chose them.</summary>
    private static bool Has(string text, string sought)
    {
        if (sought.Length == 0)
            return true;
        if (sought.Length > text.Length)
            return false;
        // How much of the beginning also ends there.
        var borders = new int[sought.Length];
        for (int place = 1, border = 0; place < sought.Length; place++)
        {
            while (border > 0 && sought[place] != sought[border])
                border = borders[border - 1];
            borders[place] = sought[place] == sought[border] ? ++border : border;
        }

        var matched = 0;
        foreach (var character in text)
        {
            while (matched > 0 && character != sought[matched])
                matched = borders[matched - 1];
            if (character == sought[matched] && ++matched == sought.Length)
                return true;
        }

        return false;
    }
}
