namespace Stoa.Market.Registry;

/// <summary>Licence expressions of SPDX, such as <c>MIT</c> or <c>(Apache-2.0 OR MIT) AND CC-BY-4.0</c>.</summary>
/// <remarks>SPDX specification 2.3, annex D. The form is checked; that an identifier is on SPDX's list is not, for the list grows.</remarks>
public static class SpdxExpression
{
    /// <summary>The longest that is read, in characters.</summary>
    public const int MaxLength = 128;

    private const string And = "AND";
    private const string Or = "OR";
    private const string With = "WITH";

    /// <summary>Whether a text is an expression.</summary>
    public static bool IsValid(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength || text.Trim(' ') != text)
            return false;
        var tokens = Split(text);
        var at = 0;
        return ReadExpression(tokens, ref at) && at == tokens.Count;
    }

    /// <summary>The licences that an expression names, in lower case: SPDX compares them whatever their case. Exceptions are none of them.</summary>
    /// <param name="text">A valid expression.</param>
    public static IReadOnlyList<string> LicencesOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = Split(text);
        return [.. tokens.Where((token, at) => token is not ("(" or ")" or And or Or or With) && (at == 0 || tokens[at - 1] != With)).Select(token => token.ToLowerInvariant()).Distinct(StringComparer.Ordinal)];
    }

    private static List<string> Split(string text) =>
        [.. text.Replace("(", " ( ", StringComparison.Ordinal).Replace(")", " ) ", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries)];

    // How deep parentheses stand in each other is bounded by the length of the text.
    private static bool ReadExpression(List<string> tokens, ref int at)
    {
        if (!ReadTerm(tokens, ref at))
            return false;
        while (at < tokens.Count && tokens[at] is And or Or)
        {
            at++;
            if (!ReadTerm(tokens, ref at))
                return false;
        }

        return true;
    }

    private static bool ReadTerm(List<string> tokens, ref int at)
    {
        if (at == tokens.Count)
            return false;
        if (tokens[at] == "(")
        {
            at++;
            return ReadExpression(tokens, ref at) && at < tokens.Count && tokens[at++] == ")";
        }

        if (!IsLicence(tokens[at++]))
            return false;
        if (at == tokens.Count || tokens[at] != With)
            return true;
        at++;
        return at < tokens.Count && IsIdentifier(tokens[at++]);
    }

    private static bool IsLicence(string token)
    {
        var colon = token.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0)
            return token.StartsWith("DocumentRef-", StringComparison.Ordinal) && IsIdentifier(token[..colon]) && token[(colon + 1)..].StartsWith("LicenseRef-", StringComparison.Ordinal) && IsIdentifier(token[(colon + 1)..]);
        return IsIdentifier(token.EndsWith('+') ? token[..^1] : token);
    }

    private static bool IsIdentifier(string token) =>
        token.Length > 0 && token is not (And or Or or With) && token.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '.');
}
