namespace Stoa.Market.Inference;

/// <summary>Counts tokens without a tokenizer: what a backend says that it has used is held against this.</summary>
/// <remarks>
/// Tokenizers of language models cut text into words, numbers and signs first, and then these into pieces that they have learnt. So a word counts a token for each four letters that it has, a number one for each
/// three digits, a sign one, a line of the same sign one for each four, and what is not ASCII one for each two bytes of UTF-8. For English prose and for code it is within a third of what GPT-2's and Llama's tokenizers give; a claim may be
/// twice as much or half, and is billed as it is. See <see cref="Check"/>.
/// </remarks>
public static class TokenCount
{
    /// <summary>How much more than was counted here a backend may say.</summary>
    public const int MostTimes = 2;

    // And how much less: what costs its operator royalties is not forgotten.
    private const int LeastPart = 4;

    // What goes far beyond all limits never comes to an end.
    private const int EndlessTimes = 4;

    // Chat templates put marks of their own around each message.
    private const int Overhead = 16;
    private const int LettersOfToken = 4;
    private const int DigitsOfToken = 3;
    private const int SameSignsOfToken = 4;
    private const int BytesOfToken = 2;

    /// <summary>About how many tokens a text has.</summary>
    /// <param name="utf8">The text; JSON is as good.</param>
    public static long Of(ReadOnlySpan<byte> utf8)
    {
        long tokens = 0;
        for (var index = 0; index < utf8.Length;)
        {
            var begin = index;
            var kind = KindOf(utf8[index]);
            do
                index++;
            while (index < utf8.Length && (kind is Kind.Sign ? utf8[index] == utf8[begin] : KindOf(utf8[index]) == kind));
            var length = index - begin;
            tokens += kind switch
            {
                Kind.Letter => (length + LettersOfToken - 1) / LettersOfToken,
                Kind.Digit => (length + DigitsOfToken - 1) / DigitsOfToken,
                Kind.Other => (length + BytesOfToken - 1) / BytesOfToken,
                // A single blank belongs to the word behind it.
                Kind.Blank => length > 1 ? 1 : 0,
                _ => (length + SameSignsOfToken - 1) / SameSignsOfToken,
            };
        }

        return tokens;
    }

    /// <summary>The most that is billed for a text of which so many tokens were counted here.</summary>
    public static long MostOf(long counted) => checked((counted * MostTimes) + Overhead);

    /// <summary>The least that is billed for a text of which so many tokens were counted here.</summary>
    public static long LeastOf(long counted) => counted / LeastPart;

    /// <summary>From how many tokens on, as they are counted here, an answer is taken for one that never ends.</summary>
    /// <param name="most">Tokens that it may have. Counts differ, and no answer is to be cut short for that.</param>
    public static long EndlessOf(long most) => checked(MostOf(most) * EndlessTimes);

    /// <summary>What is billed, and whether it is what the backend says.</summary>
    /// <param name="claimed">What the backend says; null when it says nothing, and then what was counted is billed, as with a claim of less than nothing.</param>
    /// <param name="counted">What was counted here.</param>
    /// <returns>Never more than <see cref="MostOf"/> and never less than a quarter of what was counted.</returns>
    public static (long Tokens, bool IsCorrected) Check(long? claimed, long counted)
    {
        if (claimed is not { } said)
            return (counted, false);
        if (said < 0)
            return (counted, true);
        var (least, most) = (LeastOf(counted), MostOf(counted));
        return said > most ? (most, true) : said < least ? (least, true) : (said, false);
    }

    private static Kind KindOf(byte letter) => letter switch
    {
        >= (byte)'a' and <= (byte)'z' or >= (byte)'A' and <= (byte)'Z' => Kind.Letter,
        >= (byte)'0' and <= (byte)'9' => Kind.Digit,
        (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t' => Kind.Blank,
        >= 0x80 => Kind.Other,
        _ => Kind.Sign,
    };

    private enum Kind
    {
        Letter,
        Digit,
        Blank,
        Other,
        Sign,
    }
}
