using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>The payload of a statement.</summary>
/// <remarks>
/// Canonical JSON (<see cref="CanonicalJson"/>), so that it has one form and one id:
/// <code>{ "body", "hlc", "kind", "name"?, "schema", "signer", "version"?, "work"? }</code>
/// <c>signer</c> is base64 of the SubjectPublicKeyInfo. <c>name</c> and <c>version</c> are the agent and its version, where it is about one; with <c>kind</c> and <c>signer</c> they are the
/// key. The body of each kind has a JSON Schema of its own. Unknown members are refused: what nobody here understands is a later schema's.
/// </remarks>
internal static class StatementJson
{
    private const int MaxDepth = 8;

    /// <summary>The bytes that are signed.</summary>
    /// <exception cref="FormatException">A text is not Unicode.</exception>
    public static byte[] Write(PublicKey signer, Hlc hlc, StatementContent content, long? work) => CanonicalJson.Write(SignedJson.Written(json =>
    {
        json.WriteStartObject();
        json.WritePropertyName("body");
        StatementBodies.Write(json, content);
        json.WriteString("hlc", hlc.ToString());
        json.WriteString("kind", content.Kind.Word());
        if (content.Name is { } name)
            json.WriteString("name", name);
        json.WriteNumber("schema", content.Schema);
        json.WriteBase64String("signer", signer.ToSpki());
        if (content.Version is { } version)
            json.WriteString("version", version.ToString());
        if (work is { } tried)
            json.WriteNumber("work", tried);
        json.WriteEndObject();
    }));

    /// <summary>Reads a payload and says everything that is wrong with it.</summary>
    public static Outcome<StatementText, StatementFault> Read(byte[] payload)
    {
        if (payload.Length > StatementLimits.MaxPayloadBytes)
            return new Refusal<StatementFault>(StatementFault.TooLarge, $"The payload has {payload.Length} bytes; at most {StatementLimits.MaxPayloadBytes} are read.");
        try
        {
            using var document = JsonDocument.Parse(payload, new JsonDocumentOptions { MaxDepth = MaxDepth });
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object)
                return new Refusal<StatementFault>(StatementFault.NotAStatement, "The payload is no JSON object.");
            return CanonicalJson.Write(root).AsSpan().SequenceEqual(payload)
                ? ReadObject(root)
                : new Refusal<StatementFault>(StatementFault.NotCanonical, "The payload is not written as RFC 8785 has it: members in order, no blanks, nothing escaped that need not be.");
        }
        catch (JsonException wrong)
        {
            return new Refusal<StatementFault>(StatementFault.NotAStatement, $"The payload is not JSON: {wrong.Message}");
        }
        catch (FormatException wrong)
        {
            return new Refusal<StatementFault>(StatementFault.NotCanonical, $"The payload has no canonical form: {wrong.Message}");
        }
    }

    private static Outcome<StatementText, StatementFault> ReadObject(JsonElement root)
    {
        if (!root.TryGetProperty("kind", out var word) || word.ValueKind is not JsonValueKind.String
            || !root.TryGetProperty("schema", out var schema) || schema.ValueKind is not JsonValueKind.Number)
        {
            return new Refusal<StatementFault>(StatementFault.NotAStatement, "The payload does not say its kind and the version of its schema.");
        }

        if (!StatementKinds.TryParse(word.GetString(), out var kind) || !schema.TryGetInt32(out var number) || number < 1 || number > kind.LatestSchema())
        {
            return new Refusal<StatementFault>(
                StatementFault.SchemaUnknown, $"This version of Stoa knows no statements of the kind \"{word}\" by schema {schema}. A later one may: bring the node up to date.");
        }

        var fields = new JsonFields(root);
        // Both were read above; asked for, they are known.
        _ = (fields.Has("kind"), fields.Has("schema"));
        var hlc = fields.Parsed<Hlc>("hlc", "16 lower-case hex digits of which the first is 0 to 7");
        var signer = ReadKey(fields, "signer");
        if (fields.Has("work"))
            fields.Number("work", 0, CanonicalJson.MaxInteger);
        var content = StatementBodies.Read(kind, fields, hlc);
        if (content is not null && fields.Errors.Count == 0 && content.Schema != number)
            fields.Refuse("schema", $"{content.Schema}, the first that can say this");
        fields.RefuseUnknown();
        RefuseNulls(root, "", fields.Errors);
        if (root.TryGetProperty("body", out var body) && body.ValueKind is JsonValueKind.Object)
            RefuseNulls(body, "/body", fields.Errors);
        return fields.Errors.Count == 0
            ? new StatementText(signer!, hlc, content!, ContentHash.Of(CanonicalJson.Write(body)))
            : new Refusal<StatementFault>(StatementFault.MembersInvalid, $"The {kind.Word()} has {fields.Errors.Count} fault(s).", fields.Errors);
    }

    // What is not there is left out: one thing is said in one way.
    private static void RefuseNulls(JsonElement element, string pointer, List<FieldError> errors) => errors.AddRange(
        element.EnumerateObject().Where(member => member.Value.ValueKind is JsonValueKind.Null).Select(member => new FieldError($"{pointer}/{member.Name}", "Must be left out, not null.")));

    /// <summary>Reads a member that is a key.</summary>
    /// <returns>Null when it is none, which is among the errors then.</returns>
    public static PublicKey? ReadKey(JsonFields fields, string name)
    {
        PublicKey? key = null;
        fields.Text(name, IsKey, "base64 of the 91 bytes of a P-256 key's SubjectPublicKeyInfo, with the named curve and an uncompressed point");
        return key;

        bool IsKey(string text)
        {
            var spki = new byte[PublicKey.SpkiLength];
            // The last character has bits that mean nothing: one key has one text.
            if (text.Length > 2 * PublicKey.SpkiLength || !Convert.TryFromBase64String(text, spki, out var length) || length != spki.Length || Convert.ToBase64String(spki) != text)
                return false;
            try
            {
                key = PublicKey.FromSpki(spki);
                return true;
            }
            catch (FormatException)
            {
                return false;
            }
        }
    }
}
