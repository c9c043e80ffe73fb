using System.Buffers;
using System.Text.Json;

namespace Stoa.Primitives.Sealing;

/// <summary>What a node swears of its sealing key, as a DSSE envelope of type <see cref="PayloadType"/>.</summary>
/// <remarks>
/// Compact UTF-8 JSON: <c>{ "keyId", "publicKey", "suite", "node", "nodeKey" }</c>. <c>publicKey</c> is base64 of the point, <c>node</c> the peer id of
/// <c>nodeKey</c>, which is base64 of its SubjectPublicKeyInfo. A reader ignores members that it does not know.
/// </remarks>
/// <param name="Key">To which inputs are sealed.</param>
/// <param name="NodeKey">Of the node that has it, and signs.</param>
public sealed record SealingKeyRecord(SealingPublicKey Key, PublicKey NodeKey)
{
    public const string PayloadType = "application/vnd.stoa.sealing-key.v1+json";

    /// <summary>Signs it with the key of the node that it names.</summary>
    public static DsseEnvelope Sign(SealingPublicKey key, PrivateKey node)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(node);
        var payload = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(payload))
        {
            json.WriteStartObject();
            json.WriteString("keyId", key.Id.ToString());
            json.WriteBase64String("publicKey", key.ToBytes());
            json.WriteString("suite", SealingPublicKey.Suite);
            json.WriteString("node", node.PublicKey.PeerId.ToString());
            json.WriteBase64String("nodeKey", node.PublicKey.ToSpki());
            json.WriteEndObject();
        }

        return DsseEnvelope.Sign(PayloadType, payload.WrittenSpan, node);
    }

    /// <summary>Reads a record, and checks form and signature.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="trusted">Nodes one of which must have signed; empty for whichever it names.</param>
    /// <exception cref="FormatException">It is not to be believed; the message says why.</exception>
    public static SealingKeyRecord Open(DsseEnvelope envelope, IReadOnlyCollection<PeerId> trusted)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(trusted);
        if (envelope.PayloadType != PayloadType)
            throw new FormatException($"The envelope holds {envelope.PayloadType}, not {PayloadType}.");
        var record = Read(envelope.Payload);
        var node = record.NodeKey.PeerId;
        if (trusted.Count > 0 && !trusted.Contains(node))
            throw new FormatException($"The sealing key is vouched for by node {node}, which is none of those that are trusted.");
        return envelope.Verify(record.NodeKey)
            ? record
            : throw new FormatException($"The record of the sealing key was not signed by node {node}, or was changed since.");
    }

    private static SealingKeyRecord Read(byte[] payload)
    {
        try
        {
            using var document = JsonDocument.Parse(payload);
            var root = document.RootElement;
            var suite = root.GetProperty("suite").GetString();
            if (suite != SealingPublicKey.Suite)
                throw new FormatException($"The sealing key is for {suite}; {SealingPublicKey.Suite} is known.");
            var record = new SealingKeyRecord(
                SealingPublicKey.FromBytes(root.GetProperty("publicKey").GetBytesFromBase64()), PublicKey.FromSpki(root.GetProperty("nodeKey").GetBytesFromBase64()));
            if (root.GetProperty("keyId").GetString() != record.Key.Id.ToString())
                throw new FormatException($"The record names another id than {record.Key.Id}, which its key has.");
            return root.GetProperty("node").GetString() == record.NodeKey.PeerId.ToString()
                ? record
                : throw new FormatException($"The record names another node than {record.NodeKey.PeerId}, whose key it carries.");
        }
        catch (Exception unreadable) when (unreadable is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"The payload is not the record of a sealing key: {unreadable.Message}", unreadable);
        }
    }
}
