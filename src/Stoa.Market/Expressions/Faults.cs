namespace Stoa.Market.Expressions;

/// <summary>What is said of faults that come about in more than one place.</summary>
internal static class Faults
{
    public static ExpressionFault Spent(int offset) =>
        new(ExpressionFaultKind.BudgetSpent, offset, "An expression that is done with fewer steps is expected: all that it may take are spent here.");

    public static ExpressionFault TooDeep(int offset) =>
        new(ExpressionFaultKind.ValueTooDeep, offset, $"A value at most {ExpressionValue.MaxDepth} levels deep is expected here.");

    public static ExpressionFault NoText(int offset) =>
        new(ExpressionFaultKind.InvalidText, offset, "A value whose texts and names are Unicode is expected here, without halves of surrogate pairs.");

    /// <summary>Half of a surrogate pair in a text that is read; null where there is none.</summary>
    public static ExpressionFault? InText(string text)
    {
        for (var place = 0; place < text.Length; place++)
        {
            if (!char.IsSurrogate(text[place]))
                continue;
            if (place + 1 == text.Length || !char.IsSurrogatePair(text[place], text[place + 1]))
                return new(ExpressionFaultKind.InvalidText, place, "A character is expected here, and there is half of a surrogate pair.");
            place++;
        }

        return null;
    }
}
