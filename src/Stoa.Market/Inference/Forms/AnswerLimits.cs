namespace Stoa.Market.Inference.Forms;

/// <summary>How much of an answer is taken that a server makes as hard to follow as it can.</summary>
internal static class AnswerLimits
{
    /// <summary>The most texts, thoughts and calls of tools.</summary>
    public const int MostItems = 512;

    /// <summary>The most bytes of a tool's name or of a call's id, as they stand in JSON, quotes included.</summary>
    public const int MostNameBytes = 512;

    /// <summary>Whether there is a text, and something in it.</summary>
    public static bool HasText(Range text) => text.End.Value - text.Start.Value > 2;

    /// <summary>Whether a tool is named so that it can be called.</summary>
    public static bool IsNamed(CallPiece call) => HasText(call.Name) && LengthOf(call.Name) <= MostNameBytes && LengthOf(call.Id) <= MostNameBytes;

    private static int LengthOf(Range text) => text.End.Value - text.Start.Value;
}
