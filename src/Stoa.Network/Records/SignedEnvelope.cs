using System.Text;
using Google.Protobuf;
using Stoa.Network.Identity;
using Stoa.Primitives;

namespace Stoa.Network.Records;

/// <summary>Something that a peer has signed for one purpose: the signed envelope of libp2p (RFC 2).</summary>
/// <param name="Signer">Whose signature it bears; it was checked.</param>
/// <param name="Payload">What is signed.</param>
internal sealed record SignedEnvelope(PeerKey Signer, ReadOnlyMemory<byte> Payload)
{
    /// <summary>Signs a payload.</summary>
    /// <param name="key">The signer's.</param>
    /// <param name="domain">The purpose: a signature for one says nothing in another.</param>
    /// <param name="type">The kind of payload, as a multicodec.</param>
    /// <param name="payload">What is signed.</param>
    /// <returns>The envelope's bytes.</returns>
    public static byte[] Seal(PrivateKey key, string domain, ReadOnlySpan<byte> type, ReadOnlySpan<byte> payload) => new EnvelopeMessage
    {
        PublicKey = ByteString.CopyFrom(key.PublicKey.ToProtobuf()),
        PayloadType = ByteString.CopyFrom(type),
        Payload = ByteString.CopyFrom(payload),
        Signature = ByteString.CopyFrom(key.Sign(ToSign(domain, type, payload))),
    }.ToByteArray();

    /// <summary>Reads an envelope and checks its signature.</summary>
    /// <exception cref="FormatException">It is none, for another purpose, or the signature does not hold.</exception>
    public static SignedEnvelope Open(ReadOnlySpan<byte> bytes, string domain, ReadOnlySpan<byte> type)
    {
        EnvelopeMessage message;
        try
        {
            message = EnvelopeMessage.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new FormatException("A signed envelope is expected.", e);
        }

        if (!message.PayloadType.Span.SequenceEqual(type))
            throw new FormatException("The envelope holds something else.");
        var signer = PeerKey.Parse(message.PublicKey.Span);
        return signer.Verify(ToSign(domain, type, message.Payload.Span), message.Signature.Span)
            ? new SignedEnvelope(signer, message.Payload.Memory)
            : throw new FormatException("The envelope's signature does not hold.");
    }

    private static byte[] ToSign(string domain, ReadOnlySpan<byte> type, ReadOnlySpan<byte> payload)
    {
        var bytes = new List<byte>();
        Add(bytes, Encoding.UTF8.GetBytes(domain));
        Add(bytes, type);
        Add(bytes, payload);
        return [.. bytes];
    }

    private static void Add(List<byte> bytes, ReadOnlySpan<byte> field)
    {
        Span<byte> length = stackalloc byte[Varint.MaxLength];
        bytes.AddRange(length[..Varint.Write((ulong)field.Length, length)]);
        bytes.AddRange(field);
    }
}
