using System.Text;

namespace Stoa.Market.Registry;

/// <summary>The text of an agent.json as it was given.</summary>
public static class ManifestText
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text, whose UTF-8 is the bytes again; null when it is none, which a JSON parser may let through inside of a text that nobody reads.</summary>
    public static string? Of(ReadOnlySpan<byte> utf8Json)
    {
        try
        {
            return s_strictUtf8.GetString(utf8Json);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
