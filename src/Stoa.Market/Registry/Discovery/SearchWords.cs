using System.Globalization;
using System.Text;

namespace Stoa.Market.Registry.Discovery;

/// <summary>The words of a text, as they are looked for: in lower case, without the accents of Latin letters.</summary>
/// <remarks>Whatever is neither letter nor digit parts words. Ideographs and kana, between which there are no blanks, are a word each.</remarks>
internal static class SearchWords
{
    private const int MaxLength = 64;

    // U+00C0 to U+017F without accents; a blank for what is no letter. Globalization is invariant, so nothing of the runtime takes accents off.
    private const string Latin =
        "aaaaaaaceeeeiiiidnooooo ouuuuyts" + "aaaaaaaceeeeiiiidnooooo ouuuuyty"
        + "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

    /// <summary>The words in their order, repeated ones too.</summary>
    public static IEnumerable<string> Split(string text)
    {
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsIdeograph(rune.Value))
            {
                if (word.Length > 0)
                    yield return Take(word);
                yield return rune.ToString();
                continue;
            }

            if (Fold(rune) is { } folded)
            {
                if (word.Length + folded.Utf16SequenceLength <= MaxLength)
                    word.Append(folded.ToString());
            }
            else if (word.Length > 0 && !IsAccent(rune.Value))
            {
                yield return Take(word);
            }
        }

        if (word.Length > 0)
            yield return Take(word);
    }

    /// <summary>A tag as it is compared.</summary>
    public static string FoldTag(string tag) => tag.ToLowerInvariant();

    private static string Take(StringBuilder word)
    {
        var text = word.ToString();
        word.Clear();
        return text;
    }

    private static Rune? Fold(Rune rune)
    {
        if (rune.IsAscii)
            return char.IsAsciiLetterOrDigit((char)rune.Value) ? Rune.ToLowerInvariant(rune) : null;
        if (rune.Value is >= 0xC0 and < 0x180)
            return Latin[rune.Value - 0xC0] is var letter and not ' ' ? new Rune(letter) : null;
        if (IsAccent(rune.Value))
            return null;
        // Marks are parts of words in scripts that write vowels with them.
        return Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.OtherNumber ? Rune.ToLowerInvariant(rune) : null;
    }

    private static bool IsAccent(int value) => value is >= 0x300 and < 0x370;

    private static bool IsIdeograph(int value) => value is (>= 0x3041 and <= 0x30FF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF);
}
