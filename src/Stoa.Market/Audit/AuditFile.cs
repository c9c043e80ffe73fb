using System.Text.Json;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Audit;

/// <summary>The lines of an exported audit log that are not entries: the first one says what comes before, and one behind the entries of each block seals it.</summary>
public static class AuditFile
{
    /// <summary>What an exported log says that it is.</summary>
    public const string Form = "stoa.audit.v1";

    /// <summary>The first line, without its line feed.</summary>
    /// <param name="before">Where the log stood before the first block of the file.</param>
    public static byte[] Begin(AuditHead before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return Written(json =>
        {
            json.WriteStartObject();
            json.WriteString("form", Form);
            WriteHead(json, before);
            json.WriteEndObject();
        });
    }

    /// <summary>The line behind the entries of a block, without its line feed.</summary>
    public static byte[] Seal(AuditBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        return Written(json =>
        {
            json.WriteStartObject();
            WriteHead(json, block.Head);
            json.WriteEndObject();
        });
    }

    /// <summary>What the first line says.</summary>
    /// <exception cref="FormatException">It is another line.</exception>
    internal static AuditHead ReadBegin(ReadOnlyMemory<byte> line) => Read(line, root => Text(root, "form") == Form
        ? ReadHead(root)
        : throw new FormatException("Its form is another one."));

    /// <summary>What the line behind the entries of a block says.</summary>
    /// <exception cref="FormatException">It is another line.</exception>
    internal static AuditHead ReadSeal(ReadOnlyMemory<byte> line) => Read(line, ReadHead);

    private static void WriteHead(Utf8JsonWriter json, AuditHead head)
    {
        json.WriteNumber("block", head.Block);
        json.WriteNumber("lastEntry", head.Entry);
        if (head.Block > 0)
            json.WriteString("hash", head.Hash.ToString());
    }

    private static AuditHead ReadHead(JsonElement root) => (Number(root, "block"), Number(root, "lastEntry")) switch
    {
        (0, 0) => AuditHead.Empty,
        var (block, entry) => new AuditHead(block, entry, ContentHash.Parse(Text(root, "hash"))),
    };

    private static AuditHead Read(ReadOnlyMemory<byte> line, Func<JsonElement, AuditHead> read)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return read(document.RootElement);
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new FormatException($"The line cannot be read: {wrong.Message}", wrong);
        }
    }
}
