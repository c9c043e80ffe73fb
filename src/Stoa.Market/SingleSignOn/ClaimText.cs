using System.Text.Json;

namespace Stoa.Market.SingleSignOn;

/// <summary>Texts in the JSON of strangers.</summary>
public static class ClaimText
{
    /// <summary>A member as text; null when there is none, when it is something else or longer, and when it cannot be written as text at all.</summary>
    /// <param name="json">An object.</param>
    /// <param name="name">Of the member.</param>
    /// <param name="longest">Most characters.</param>
    public static string? Of(JsonElement json, string name, int longest) => json.TryGetProperty(name, out var value) ? Of(value, longest) : null;

    /// <summary>The same of a value.</summary>
    public static string? Of(JsonElement value, int longest)
    {
        if (value.ValueKind is not JsonValueKind.String)
            return null;
        try
        {
            return value.GetString() is { } text && text.Length <= longest ? text : null;
        }
        // JSON can name half of a surrogate pair, which no text has.
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
