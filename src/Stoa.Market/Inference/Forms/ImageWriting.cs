using System.Text.Json;

namespace Stoa.Market.Inference.Forms;

/// <summary>Writes pictures as parts of messages of chat completions.</summary>
internal static class ImageWriting
{
    /// <summary>Why an address is refused.</summary>
    public const string NoAddress = "Pictures are taken as data alone: the model's server would fetch whatever is at the address. Send the picture as a data: URL, or in base64.";

    /// <summary>Writes one that is in base64.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="mediaType">Such as image/png.</param>
    /// <param name="base64">A JSON string.</param>
    public static void WriteData(Utf8JsonWriter json, string mediaType, JsonElement base64)
    {
        Begin(json);
        json.WriteWith([.. "data:"u8, .. System.Text.Encoding.UTF8.GetBytes(mediaType), .. ";base64,"u8], RawJson.Of(base64));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Writes one that has an address, of its data or of where it is.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="url">A JSON string.</param>
    /// <param name="detail">How closely the model should look; null to say nothing.</param>
    public static void WriteAddress(Utf8JsonWriter json, JsonElement url, string? detail = null)
    {
        Begin(json);
        json.WriteRaw(url);
        if (detail is not null)
            json.WriteString("detail"u8, detail);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Writes a text as a part beside pictures.</summary>
    public static void WriteText(Utf8JsonWriter json, JsonElement text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "text"u8);
        json.WritePropertyName("text"u8);
        json.WriteRaw(text);
        json.WriteEndObject();
    }

    /// <summary>Whether an address has the data in itself.</summary>
    /// <param name="url">A JSON string as it stands; one that is escaped at its beginning is not taken for one.</param>
    public static bool IsData(ReadOnlySpan<byte> url) => url.StartsWith("\"data:"u8);

    private static void Begin(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "image_url"u8);
        json.WriteStartObject("image_url"u8);
        json.WritePropertyName("url"u8);
    }
}
