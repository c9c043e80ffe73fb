using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stoa.Client.Contracts;

/// <summary>Times as RFC 3339 in UTC with milliseconds, such as <c>2026-11-22T10:41:07.250Z</c>. Other offsets are read and converted.</summary>
public sealed class UtcTimeConverter : JsonConverter<DateTimeOffset>
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <inheritdoc/>
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        // Without an offset the time would depend on the reader's own zone, so it is not one.
        if (reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time) && NamesItsOffset(reader.GetString()!))
            return time.ToUniversalTime();
        throw new JsonException("A time such as 2026-11-22T10:41:07.250Z is expected.");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture));

    private static bool NamesItsOffset(string text) =>
        text.EndsWith('Z') || (text.Length > 19 && text.AsSpan(19).IndexOfAny('+', '-') >= 0);
}
