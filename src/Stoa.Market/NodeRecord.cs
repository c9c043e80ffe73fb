using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market;

/// <summary>Why a record is not what a node signed.</summary>
public enum NodeRecordFault
{
    /// <summary>The envelope holds something else, or a record that cannot be read.</summary>
    NotARecord,

    /// <summary>The peer id that it states is not that of the key that it carries.</summary>
    KeyMismatch,

    /// <summary>It is of another node than the one expected.</summary>
    OtherNode,

    /// <summary>No signature over these bytes was made by the node's key.</summary>
    SignatureInvalid,
}

/// <summary>Opens what a node signed: a record that carries the node's key, and states the peer id beside it.</summary>
public static class NodeRecord
{
    /// <summary>Reads the payload of a record.</summary>
    /// <param name="payload">The bytes that were signed.</param>
    /// <param name="node">The peer id that they state.</param>
    /// <exception cref="FormatException">It is anything else.</exception>
    public delegate T Reader<out T>(ReadOnlyMemory<byte> payload, out PeerId node);

    /// <summary>Writes who signs a record: the peer id, and the key that it is of.</summary>
    public static void WriteSigner(this Utf8JsonWriter json, PublicKey node)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(node);
        json.WriteString("node", node.PeerId.ToString());
        json.WriteBase64String("nodeKey", node.ToSpki());
    }

    /// <summary>Reads a payload with its signer, and says of whatever is wrong with it that it is no such record.</summary>
    /// <param name="payload">The bytes that were signed.</param>
    /// <param name="what">What they should be, with its article: a receipt.</param>
    /// <param name="read">Reads the record, given the key that it carries.</param>
    /// <param name="node">The peer id that it states beside the key.</param>
    /// <exception cref="FormatException">It is anything else; the message says what is missing.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> payload, string what, Func<JsonElement, PublicKey, T> read, out PeerId node)
    {
        ArgumentNullException.ThrowIfNull(read);
        try
        {
            using var document = JsonDocument.Parse(payload);
            var root = document.RootElement;
            node = PeerId.Parse(SignedJson.Text(root, "node"));
            return read(root, PublicKey.FromSpki(root.GetProperty("nodeKey").GetBytesFromBase64()));
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException)
        {
            throw new FormatException($"The payload is not {what}: {wrong.Message}", wrong);
        }
    }

    /// <summary>Reads a record and checks form, key and signature.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="payloadType">What it must hold.</param>
    /// <param name="name">What that is called: receipt, award.</param>
    /// <param name="read">Reads the payload.</param>
    /// <param name="keyOf">The key that the record carries.</param>
    /// <param name="expectedNode">The node that must have signed; null for whichever the record names.</param>
    public static Outcome<T, NodeRecordFault> Open<T>(
        DsseEnvelope envelope, string payloadType, string name, Reader<T> read, Func<T, PublicKey> keyOf, PeerId? expectedNode)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(keyOf);
        if (envelope.PayloadType != payloadType)
            return new Refusal<NodeRecordFault>(NodeRecordFault.NotARecord, $"The envelope holds {envelope.PayloadType}, not {payloadType}.");
        T record;
        PeerId statedNode;
        try
        {
            record = read(envelope.Payload, out statedNode);
        }
        catch (FormatException refusal)
        {
            return new Refusal<NodeRecordFault>(NodeRecordFault.NotARecord, refusal.Message);
        }

        var key = keyOf(record);
        var node = key.PeerId;
        if (statedNode != node)
            return new Refusal<NodeRecordFault>(NodeRecordFault.KeyMismatch, $"The {name} names node {statedNode}, but its key is of {node}.");
        if (expectedNode is { } expected && expected != node)
            return new Refusal<NodeRecordFault>(NodeRecordFault.OtherNode, $"The {name} is of node {node}, not of {expected}.");
        return envelope.Verify(key)
            ? record
            : new Refusal<NodeRecordFault>(NodeRecordFault.SignatureInvalid, $"The {name} was not signed by node {node}, or was changed since.");
    }
}
