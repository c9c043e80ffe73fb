using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stoa.Market.Channels;

/// <summary>Payloads that have exactly one form: members in a fixed order, no space, nothing else.</summary>
/// <remarks>
/// Two readers of the same signed bytes must never read different amounts, as they might where a member comes twice.
/// So a payload is written again from what was read, and must come out the same to the byte.
/// </remarks>
internal static class FixedOrderJson
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, s_options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">The payload is anything else, or not in its canonical form.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> utf8Json, string name, Func<JsonElement, T> read, Func<T, byte[]> write)
    {
        T value;
        try
        {
            using var document = JsonDocument.Parse(utf8Json);
            value = read(document.RootElement);
        }
        catch (Exception refusal) when (refusal is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException or FormatException)
        {
            throw new FormatException($"The payload is not {name}: {refusal.Message}", refusal);
        }

        return write(value).AsSpan().SequenceEqual(utf8Json.Span)
            ? value
            : throw new FormatException($"The payload is not {name} in canonical form: members in the documented order, each once, with no space between.");
    }
}
