using System.Buffers.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>Writes and reads a <see cref="DsseEnvelope"/> as the JSON envelope of the DSSE specification.</summary>
public sealed class DsseEnvelopeJsonConverter : JsonConverter<DsseEnvelope>
{
    private const string PayloadName = "payload", PayloadTypeName = "payloadType", SignaturesName = "signatures", KeyIdName = "keyid", SigName = "sig";

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, DsseEnvelope value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteBase64String(PayloadName, value.Payload);
        writer.WriteString(PayloadTypeName, Escape(value.PayloadType));
        writer.WriteStartArray(SignaturesName);
        foreach (var signature in value.Signatures)
        {
            writer.WriteStartObject();
            if (signature.KeyId.Length > 0)
                writer.WriteString(KeyIdName, Escape(signature.KeyId));
            writer.WriteBase64String(SigName, signature.Sig);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public override DsseEnvelope Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        byte[]? payload = null;
        string? payloadType = null;
        List<DsseSignature>? signatures = null;
        Expect(ref reader, JsonTokenType.StartObject, "A DSSE envelope");
        while (TryReadName(ref reader, out var name))
        {
            switch (name)
            {
                case PayloadName:
                    Once(payload, name);
                    payload = ReadBase64(ref reader, name);
                    break;
                case PayloadTypeName:
                    Once(payloadType, name);
                    payloadType = ReadText(ref reader, name, DsseEnvelope.MaxPayloadTypeLength);
                    break;
                case SignaturesName:
                    Once(signatures, name);
                    signatures = ReadSignatures(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        // An empty payload may be left out; a type or a signature that is not there has nothing to say.
        if (string.IsNullOrEmpty(payloadType) || signatures is null or [])
            throw new JsonException("A DSSE envelope with a payloadType and at least one signature is expected.");
        return new DsseEnvelope(payloadType, payload ?? [], signatures);
    }

    // Other languages leave the + of a media type as it is; with them, and under any options, the bytes shall be the same.
    private static JsonEncodedText Escape(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    private static List<DsseSignature> ReadSignatures(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartArray, SignaturesName);
        var signatures = new List<DsseSignature>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (signatures.Count == DsseEnvelope.MaxSignatures)
                throw new JsonException($"At most {DsseEnvelope.MaxSignatures} signatures are expected.");
            signatures.Add(ReadSignature(ref reader));
        }
        return signatures;
    }

    private static DsseSignature ReadSignature(ref Utf8JsonReader reader)
    {
        string? keyId = null;
        byte[]? sig = null;
        Expect(ref reader, JsonTokenType.StartObject, "A signature");
        while (TryReadName(ref reader, out var name))
        {
            switch (name)
            {
                case KeyIdName:
                    Once(keyId, name);
                    keyId = ReadText(ref reader, name, DsseEnvelope.MaxKeyIdLength);
                    break;
                case SigName:
                    Once(sig, name);
                    sig = ReadBase64(ref reader, name);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (sig is null or { Length: > DsseEnvelope.MaxSignatureLength })
            throw new JsonException($"A signature with a sig of at most {DsseEnvelope.MaxSignatureLength} bytes is expected.");
        return new DsseSignature(keyId ?? "", sig);
    }

    /// <summary>Steps to the next member of an object: on its name and its value, or on the object's end.</summary>
    private static bool TryReadName(ref Utf8JsonReader reader, out string name)
    {
        name = "";
        reader.Read();
        if (reader.TokenType == JsonTokenType.EndObject)
            return false;
        name = reader.GetString()!;
        reader.Read();
        return true;
    }

    private static byte[] ReadBase64(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, name);
        if (reader.TryGetBytesFromBase64(out var bytes))
            return bytes;
        try
        {
            return Base64Url.DecodeFromChars(reader.GetString());
        }
        catch (FormatException)
        {
            throw new JsonException($"The member {name} is expected to be base64, standard or URL-safe.");
        }
    }

    private static string ReadText(ref Utf8JsonReader reader, string name, int maxLength)
    {
        Expect(ref reader, JsonTokenType.String, name);
        var text = reader.GetString()!;
        return text.Length <= maxLength ? text : throw new JsonException($"The member {name} is expected to have at most {maxLength} characters.");
    }

    private static void Once(object? earlier, string name)
    {
        if (earlier is not null)
            throw new JsonException($"The member {name} is expected once.");
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        if (reader.TokenType != type)
            throw new JsonException($"{what} is expected to be a JSON {(type == JsonTokenType.StartObject ? "object" : type == JsonTokenType.StartArray ? "array" : "string")}.");
    }
}
