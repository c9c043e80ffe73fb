using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Stoa.Market.Registry;

/// <summary>Writes into an agent.json which versions were taken for the entries of <c>uses</c> that name a range alone.</summary>
public static class UseRanges
{
    /// <summary>The text with these versions in it; not a byte else of it is changed.</summary>
    /// <param name="json">What <see cref="ManifestReader.ReadDraft"/> has taken.</param>
    /// <param name="taken">With its version, by the index of the entry.</param>
    public static byte[] Write(ReadOnlySpan<byte> json, IReadOnlyDictionary<int, ListingName> taken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        // Depths as the reader counts them: the root's members, the entries, and theirs.
        const int ofRoot = 1;
        const int ofEntry = ofRoot + 2;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = ManifestReader.MaxDepth });
        var written = new ArrayBufferWriter<byte>(json.Length);
        var (isInUses, entry, copied) = (false, -1, 0);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName && reader.CurrentDepth == ofRoot)
            {
                isInUses = reader.ValueTextEquals("uses"u8);
            }
            else if (isInUses && reader.TokenType is JsonTokenType.StartObject && reader.CurrentDepth == ofEntry - 1)
            {
                entry++;
            }
            else if (isInUses && reader.TokenType is JsonTokenType.PropertyName && reader.CurrentDepth == ofEntry
                && reader.ValueTextEquals("agent"u8) && taken.TryGetValue(entry, out var agent))
            {
                reader.Read();
                written.Write(json[copied..(int)reader.TokenStartIndex]);
                // Nothing that a name may have in it is escaped in JSON.
                written.Write(Encoding.ASCII.GetBytes($"\"{agent}\""));
                copied = (int)reader.BytesConsumed;
            }
        }

        written.Write(json[copied..]);
        return written.WrittenSpan.ToArray();
    }
}
