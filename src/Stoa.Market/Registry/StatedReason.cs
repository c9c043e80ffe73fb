namespace Stoa.Market.Registry;

/// <summary>The rule of a reason that a publisher gives, for a withdrawal or a deprecation: one line that everybody may read.</summary>
public static class StatedReason
{
    /// <summary>Most characters.</summary>
    public const int MaxLength = 500;

    /// <summary>What is expected, as the end of a sentence.</summary>
    public static readonly string MustBe = $"1 to {MaxLength} characters, none of them a control character";

    /// <summary>Whether a signed statement may have it: nodes agree on that for good, so it never changes.</summary>
    public static bool IsSigned(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is > 0 and <= MaxLength && !text.Any(char.IsControl);
    }

    /// <summary>Whether a node signs it for its user, who had something to say then: blanks alone are nothing.</summary>
    public static bool IsGiven(string text) => IsSigned(text) && !string.IsNullOrWhiteSpace(text);
}
