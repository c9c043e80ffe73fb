using System.Text.Json;

namespace Stoa.Node.Payments;

/// <summary>Members of Stripe's objects. It may add some at any time, so nothing is said of those that are not asked for.</summary>
internal static class StripeJson
{
    private const int MaxTextLength = 4_096;

    /// <summary>A text; null when it is missing or null.</summary>
    /// <exception cref="StripeException">It is something else.</exception>
    public static string? Text(this JsonElement json, string name) => json.ValueKind is not JsonValueKind.Object ? throw Unreadable(name) : json.TryGetProperty(name, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.String when value.GetString()!.Length <= MaxTextLength => value.GetString(),
            JsonValueKind.Null => null,
            _ => throw Unreadable(name),
        }
        : null;

    /// <summary>A text that has to be there.</summary>
    public static string Needed(this JsonElement json, string name) => json.Text(name) ?? throw Unreadable(name);

    /// <summary>An amount in cents that is not negative.</summary>
    public static long CentsOf(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out var number) && number is >= 0 and <= 100_000_000_000
            ? number
            : throw Unreadable(name);

    /// <summary>A truth; false when it is missing.</summary>
    public static bool Is(this JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.True;

    /// <summary>An object within; the default when it is missing or something else.</summary>
    public static JsonElement Inner(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Object ? value : default;

    /// <summary>The id of what is either named by its id or given whole.</summary>
    public static string? IdOf(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Object ? value.Text("id") : json.Text(name);

    /// <summary>One of the texts that somebody has put beside an object.</summary>
    public static string? Metadata(this JsonElement json, string name) => json.Inner("metadata") is { ValueKind: JsonValueKind.Object } metadata ? metadata.Text(name) : null;

    private static StripeException Unreadable(string name) => new($"Stripe's answer cannot be read: {name} is not as it should be.", isFinal: false);
}
