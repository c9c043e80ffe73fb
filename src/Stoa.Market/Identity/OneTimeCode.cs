using System.Security.Cryptography;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>A secret that a person carries over by hand, once: groups of four characters of base32, such as <c>k7qd-m2xp-4wsa</c>.</summary>
/// <remarks>Only its SHA-256 is kept. It has at least 60 random bits, so no slow hash is needed.</remarks>
public sealed class OneTimeCode
{
    private const int GroupLength = 4;
    private const int TypedLengthMax = 64;

    private OneTimeCode(string text) => Text = text;

    /// <summary>As it is shown.</summary>
    public string Text { get; }

    /// <summary>What is kept of it.</summary>
    public ContentHash Hash => HashOf(Text);

    /// <summary>Makes a code of so many groups: of 20 bits each.</summary>
    public static OneTimeCode Create(int groups, Random random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 3);
        var bytes = new byte[(groups * GroupLength * 5 + 7) / 8];
        random.NextBytes(bytes);
        var letters = Base32.Encode(bytes).AsSpan(0, groups * GroupLength);
        var text = new StringBuilder(groups * (GroupLength + 1));
        for (var at = 0; at < letters.Length; at += GroupLength)
            text.Append(at == 0 ? "" : "-").Append(letters.Slice(at, GroupLength));
        return new OneTimeCode(text.ToString());
    }

    /// <summary>What a typed code would be kept as: capitals, hyphens and blanks make no difference.</summary>
    public static ContentHash HashOf(string typed)
    {
        var letters = typed.Length > TypedLengthMax ? "" : new string([.. typed.Where(char.IsAsciiLetterOrDigit).Select(char.ToLowerInvariant)]);
        return ContentHash.Of(Encoding.ASCII.GetBytes(letters));
    }

    /// <summary>Compares what is kept of two codes; takes as long whether they are the same or not.</summary>
    public static bool AreSame(ContentHash left, ContentHash right) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(left.ToString()), Encoding.ASCII.GetBytes(right.ToString()));

    public override string ToString() => Text[..GroupLength] + "-…";
}
