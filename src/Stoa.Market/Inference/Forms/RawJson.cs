using System.Runtime.InteropServices;
using System.Text.Json;

namespace Stoa.Market.Inference.Forms;

/// <summary>JSON that goes from one form into another as it stands: texts are neither unescaped nor escaped anew, so that nothing of them changes on the way.</summary>
internal static class RawJson
{
    /// <summary>A value as it stands.</summary>
    public static ReadOnlySpan<byte> Of(JsonElement value) => JsonMarshal.GetRawUtf8Value(value);

    /// <summary>Writes a value as it stands.</summary>
    public static void WriteRaw(this Utf8JsonWriter json, JsonElement value) => json.WriteRawValue(Of(value), skipInputValidation: true);

    /// <summary>Writes texts as one, with an empty line between two.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="texts">JSON strings.</param>
    public static void WriteJoined(this Utf8JsonWriter json, IReadOnlyList<JsonElement> texts)
    {
        if (texts is [var alone])
        {
            json.WriteRaw(alone);
            return;
        }

        var joined = new List<byte> { (byte)'"' };
        for (var index = 0; index < texts.Count; index++)
        {
            if (index > 0)
                joined.AddRange("\\n\\n"u8);
            joined.AddRange(Of(texts[index])[1..^1]);
        }

        joined.Add((byte)'"');
        json.WriteRawValue(CollectionsMarshal.AsSpan(joined), skipInputValidation: true);
    }

    /// <summary>Writes a text with something in front of it.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="before">What goes in front, as it stands in a JSON string.</param>
    /// <param name="text">A JSON string.</param>
    public static void WriteWith(this Utf8JsonWriter json, ReadOnlySpan<byte> before, ReadOnlySpan<byte> text) =>
        json.WriteRawValue([(byte)'"', .. before, .. text[1..]], skipInputValidation: true);

    /// <summary>A value without the blanks between its parts, as it has to be in an event: a line is where the event's data end.</summary>
    public static byte[] Compact(ReadOnlySpan<byte> json)
    {
        var (compact, length, isText) = (new byte[json.Length], 0, false);
        for (var index = 0; index < json.Length; index++)
        {
            var letter = json[index];
            if (isText && letter == (byte)'\\')
            {
                // What follows ends no text, be it a quote.
                compact[length++] = letter;
                letter = json[++index];
            }
            else if (letter == (byte)'"')
            {
                isText = !isText;
            }
            else if (!isText && letter is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            {
                continue;
            }

            compact[length++] = letter;
        }

        return compact[..length];
    }
}
