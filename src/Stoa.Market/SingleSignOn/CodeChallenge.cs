using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Stoa.Market.SingleSignOn;

/// <summary>Proof Key for Code Exchange, RFC 7636, by S256 alone: who takes a code back is who has asked for it.</summary>
public static class CodeChallenge
{
    /// <summary>Characters of a challenge.</summary>
    public const int Length = 43;

    private const int VerifierLengthMin = 43;
    private const int VerifierLengthMax = 128;

    /// <summary>The challenge of a verifier.</summary>
    public static string Of(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    /// <summary>Whether a text can be a challenge.</summary>
    public static bool IsChallenge(string text) => text.Length == Length && text.All(IsLetter);

    /// <summary>Whether a verifier is the one of a challenge. Takes as long for every one.</summary>
    public static bool IsMet(string challenge, string verifier) =>
        verifier.Length is >= VerifierLengthMin and <= VerifierLengthMax
        && verifier.All(character => IsLetter(character) || character is '.' or '~')
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Of(verifier)), Encoding.ASCII.GetBytes(challenge));

    private static bool IsLetter(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '_';
}
