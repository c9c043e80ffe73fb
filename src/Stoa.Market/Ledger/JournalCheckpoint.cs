using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Ledger;

/// <summary>What a node swears of its journal at some time: whoever keeps it can tell later that nothing before it was changed.</summary>
/// <remarks>Signed as a DSSE envelope of type <see cref="PayloadType"/>: <c>{ "number", "hash", "takenAt", "node", "nodeKey" }</c>.</remarks>
/// <param name="Head">Where the journal ended.</param>
/// <param name="TakenAt">UTC, to the millisecond.</param>
/// <param name="NodeKey">Of the node that signs.</param>
public sealed record JournalCheckpoint(JournalHead Head, DateTimeOffset TakenAt, PublicKey NodeKey)
{
    public const string PayloadType = "application/vnd.stoa.journal-checkpoint.v1+json";

    /// <summary>Signs the head of a journal.</summary>
    public static DsseEnvelope Sign(JournalHead head, PrivateKey node, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(node);
        return DsseEnvelope.Sign(PayloadType, Written(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("number", head.Number);
            json.WriteString("hash", head.Hash.ToString());
            json.WriteString("takenAt", Text(now));
            json.WriteSigner(node.PublicKey);
            json.WriteEndObject();
        }), node);
    }

    /// <summary>Reads a checkpoint and checks the node's signature.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="expectedNode">The node that must have signed; null for whichever it names.</param>
    public static Outcome<JournalCheckpoint, NodeRecordFault> Open(DsseEnvelope envelope, PeerId? expectedNode) =>
        NodeRecord.Open(envelope, PayloadType, "checkpoint", Read, checkpoint => checkpoint.NodeKey, expectedNode);

    private static JournalCheckpoint Read(ReadOnlyMemory<byte> payload, out PeerId node) => NodeRecord.Read(
        payload,
        "a checkpoint",
        (root, key) => new JournalCheckpoint(
            // Of an empty journal the hash is all zeros, which is no hash from outside.
            Number(root, "number") is > 0 and var number ? new JournalHead(number, ContentHash.Parse(Text(root, "hash"))) : JournalHead.Empty,
            Instant(root, "takenAt"),
            key),
        out node);
}
