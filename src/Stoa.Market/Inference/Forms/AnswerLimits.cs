namespace Stoa.Market.Inference.Forms;

/// <summary>How much of an answer is taken that a server makes as hard to follow as it can.</summary>
public static class AnswerLimits
{
    /// <summary>The most texts, thoughts and calls of tools.</summary>
    internal const int MostItems = 512;

    // As they stand in JSON, quotes included.
    private const int MostNameBytes = 512;

    /// <summary>Looks at a whole answer before it is given another form.</summary>
    /// <param name="chat">JSON of chat completions.</param>
    /// <returns>Why it cannot be; null when it can.</returns>
    public static AnswerFault? Check(ReadOnlySpan<byte> chat)
    {
        var piece = new ChatPiece();
        return piece.TryRead(chat, MostItems) ? Check(piece) : AnswerFault.Malformed;
    }

    /// <summary>The same of one that was read.</summary>
    internal static AnswerFault? Check(ChatPiece whole)
    {
        // Beside calls it has a text, what was thought, and a refusal.
        if (whole.Calls.Count + 3 > MostItems)
            return AnswerFault.TooManyItems;
        foreach (var call in whole.Calls)
        {
            if (!IsNamed(call))
                return AnswerFault.CallUnnamed;
        }

        return null;
    }

    /// <summary>Whether there is a text, and something in it.</summary>
    internal static bool HasText(Range text) => text.End.Value - text.Start.Value > 2;

    /// <summary>Whether a tool is named so that it can be called.</summary>
    internal static bool IsNamed(CallPiece call) => HasText(call.Name) && LengthOf(call.Name) <= MostNameBytes && LengthOf(call.Id) <= MostNameBytes;

    private static int LengthOf(Range text) => text.End.Value - text.Start.Value;
}
