using System.Buffers;
using System.Text.Json;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Audit;

/// <summary>What somebody did, or was refused to do. It never holds a body or a secret.</summary>
/// <param name="At">When it was answered, UTC, to the millisecond.</param>
/// <param name="Name">The endpoint: its operation id in the OpenAPI document; or what the node did by itself.</param>
/// <param name="Status">The status code of the answer: 2xx when it was done.</param>
public sealed record AuditAct(DateTimeOffset At, string Name, int Status)
{
    /// <summary>The longest text of a member, in characters; what is longer is cut off.</summary>
    public const int MaxTextLength = 128;

    /// <summary>Status of an act whose client had gone before it was answered: whether it was done is not known.</summary>
    public const int ClientGone = 499;

    /// <summary>Id of the user who did it; null when nobody was recognised.</summary>
    public string? Actor { get; init; }

    /// <summary>Id of the organisation in whose name it was done; null for one's own.</summary>
    public string? Account { get; init; }

    /// <summary>By what the user was recognised: <c>session</c>, <c>key</c> and the first characters of the API key, or <c>signature</c> and the id of the signing key.</summary>
    public string? Credential { get; init; }

    /// <summary>Where it came from, as whole as the node is set to keep it; null when it keeps none.</summary>
    public string? Address { get; init; }

    /// <summary>Id of what was made or changed; null when that is plain from the name.</summary>
    public string? Subject { get; init; }

    /// <summary>The trace id of the request.</summary>
    public string? Trace { get; init; }

    /// <summary>A text as an entry may hold it: of letters, digits and the signs of ids, addresses and names, and not too long.</summary>
    /// <remarks>What comes from outside may be anything, and entries are opened in spreadsheets and terminals.</remarks>
    public static string? Plain(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        var kept = text.Length <= MaxTextLength ? text : text[..MaxTextLength];
        return string.Create(kept.Length, kept, static (plain, kept) =>
        {
            for (var index = 0; index < plain.Length; index++)
                plain[index] = char.IsAsciiLetterOrDigit(kept[index]) || kept[index] is '_' or '.' or ':' or '/' or '-' or ' ' ? kept[index] : '?';
        });
    }
}

/// <summary>An act in the audit log.</summary>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="Act">The act.</param>
/// <remarks>Its bytes are one line of JSON, members in the order of <see cref="Write"/>, those without a value left out. These bytes are what is chained by hash.</remarks>
public sealed record AuditEntry(long Number, AuditAct Act)
{
    /// <summary>The longest line of an entry, in bytes.</summary>
    public const int MaxLineLength = 2_048;

    /// <summary>Writes the line, without its line feed.</summary>
    public void Write(IBufferWriter<byte> line)
    {
        ArgumentNullException.ThrowIfNull(line);
        using var json = new Utf8JsonWriter(line);
        json.WriteStartObject();
        json.WriteNumber("entry", Number);
        json.WriteString("at", Text(Act.At));
        json.WriteString("act", Act.Name);
        json.WriteNumber("status", Act.Status);
        WriteKnown(json, "actor", Act.Actor);
        WriteKnown(json, "account", Act.Account);
        WriteKnown(json, "credential", Act.Credential);
        WriteKnown(json, "address", Act.Address);
        WriteKnown(json, "subject", Act.Subject);
        WriteKnown(json, "traceId", Act.Trace);
        json.WriteEndObject();
    }

    /// <summary>Reads a line.</summary>
    /// <exception cref="FormatException">It is not that of an entry.</exception>
    public static AuditEntry Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            return new AuditEntry(
                SignedJson.Number(root, "entry"),
                new AuditAct(Instant(root, "at"), Text(root, "act"), root.GetProperty("status").GetInt32())
                {
                    Actor = Known(root, "actor"),
                    Account = Known(root, "account"),
                    Credential = Known(root, "credential"),
                    Address = Known(root, "address"),
                    Subject = Known(root, "subject"),
                    Trace = Known(root, "traceId"),
                });
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new FormatException($"The entry cannot be read: {wrong.Message}", wrong);
        }
    }

    private static void WriteKnown(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static string? Known(JsonElement root, string name) => root.TryGetProperty(name, out var value) ? value.GetString() : null;
}
