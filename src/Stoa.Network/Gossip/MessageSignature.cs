using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Stoa.Network.Identity;
using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>Signs messages and checks signatures, by the strict policy of the pubsub specification: all have author, number and signature.</summary>
/// <remarks>What is signed is <c>libp2p-pubsub:</c> and the message without signature and key. Safe for use by many threads.</remarks>
internal sealed class MessageSignature(GossipOptions options)
{
    private const int SequenceLength = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, PeerKey> _keys = [];
    private readonly Queue<PeerId> _byAge = [];

    private static ReadOnlySpan<byte> Prefix => "libp2p-pubsub:"u8;

    /// <summary>Makes a signed message.</summary>
    public static Wire.Message Sign(PrivateKey key, string topic, ulong sequence, ReadOnlyMemory<byte> data)
    {
        var message = new Wire.Message
        {
            From = ByteString.CopyFrom(key.PublicKey.PeerId.ToBytes()),
            Data = ByteString.CopyFrom(data.Span),
            Seqno = ByteString.CopyFrom(ToBytes(sequence)),
            Topic = topic,
        };
        message.Signature = ByteString.CopyFrom(key.Sign(ToSign(message)));
        var encoded = key.PublicKey.ToProtobuf();
        // A key that is inside of the author's id need not be there again.
        if (encoded.Length > PeerId.MaxInlineKeyLength)
            message.Key = ByteString.CopyFrom(encoded);
        return message;
    }

    /// <summary>Reads what a message says of itself; nothing is checked of the signature yet.</summary>
    /// <returns>Null when something is missing or makes no sense.</returns>
    public GossipMessage? Read(Wire.Message message, PeerId via)
    {
        if (!message.HasFrom || !message.HasTopic || !message.HasSignature || message.Topic.Length == 0 || message.Topic.Length > options.MaxTopicLength
            || message.Seqno.Length != SequenceLength || message.Signature.Length == 0 || message.From.Length > PeerKey.MaxLength)
            return null;
        try
        {
            var read = new GossipMessage(
                message.Topic, PeerId.FromBytes(message.From.Span), BinaryPrimitives.ReadUInt64BigEndian(message.Seqno.Span), message.Data.Memory, via);
            return WithId(read);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Adds what a message is known by.</summary>
    public GossipMessage WithId(GossipMessage message) => message with
    {
        Id = options.IdOf is { } idOf ? idOf(message) : new MessageId((byte[])[.. message.From.ToBytes(), .. ToBytes(message.SequenceNumber)]),
    };

    /// <summary>Whether a message's key is its author's and the signature holds.</summary>
    public bool IsGood(Wire.Message message, PeerId from, out GossipRefusal refusal)
    {
        refusal = GossipRefusal.Malformed;
        if (!TryFindKey(message, from, out var key))
            return false;
        refusal = GossipRefusal.BadSignature;
        var bare = Bare(message);
        var length = LengthToSign(bare);
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            WriteToSign(bare, bytes.AsSpan(0, length));
            return key.Verify(bytes.AsSpan(0, length), message.Signature.Span);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private bool TryFindKey(Wire.Message message, PeerId from, [NotNullWhen(true)] out PeerKey? key)
    {
        lock (_lock)
        {
            // Others may not know the key yet: what lacks it is as bad as when it was not known here.
            if (_keys.TryGetValue(from, out key))
                return message.HasKey ? message.Key.Span.SequenceEqual(key.Encoded.Span) : key.Encoded.Length <= PeerId.MaxInlineKeyLength;
        }

        try
        {
            key = PeerKey.Parse(message.HasKey ? message.Key.Span : InlineKey(message.From.Span));
        }
        catch (Exception e) when (e is FormatException or PlatformNotSupportedException)
        {
            return false;
        }

        if (key.PeerId != from)
            return false;
        lock (_lock)
        {
            if (!_keys.TryAdd(from, key))
                return true;
            _byAge.Enqueue(from);
            if (_byAge.Count > options.MaxAuthorKeys)
                _keys.Remove(_byAge.Dequeue());
        }

        return true;
    }

    private static Wire.Message Bare(Wire.Message message)
    {
        var bare = new Wire.Message(message);
        bare.ClearSignature();
        bare.ClearKey();
        return bare;
    }

    private static byte[] ToSign(Wire.Message bare)
    {
        var bytes = new byte[LengthToSign(bare)];
        WriteToSign(bare, bytes);
        return bytes;
    }

    private static int LengthToSign(Wire.Message bare) => Prefix.Length + bare.CalculateSize();

    private static void WriteToSign(Wire.Message bare, Span<byte> bytes)
    {
        Prefix.CopyTo(bytes);
        bare.WriteTo(bytes[Prefix.Length..]);
    }

    // The digest of an identity multihash, behind its code and its length.
    private static ReadOnlySpan<byte> InlineKey(ReadOnlySpan<byte> peer) => peer is [0x00, _, ..] ? peer[2..] : [];

    private static byte[] ToBytes(ulong sequence)
    {
        var bytes = new byte[SequenceLength];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, sequence);
        return bytes;
    }
}
