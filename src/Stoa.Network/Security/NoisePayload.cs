using Google.Protobuf;
using Stoa.Network.Identity;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>What a peer says of itself within a Noise handshake: its key, and by that key's signature that the handshake's static key is its own.</summary>
internal static class NoisePayload
{
    private static ReadOnlySpan<byte> SignaturePrefix => "noise-libp2p-static-key:"u8;

    /// <summary>Says it for a peer.</summary>
    public static byte[] Encode(PrivateKey identity, byte[] staticKey) => new NoiseHandshakePayload
    {
        IdentityKey = ByteString.CopyFrom(identity.PublicKey.ToProtobuf()),
        IdentitySig = ByteString.CopyFrom(identity.Sign([.. SignaturePrefix, .. staticKey])),
    }.ToByteArray();

    /// <summary>Reads whose static key it is.</summary>
    /// <exception cref="ConnectException">It says nothing, or something that does not hold.</exception>
    public static PeerKey Verify(byte[] payload, byte[] staticKey)
    {
        NoiseHandshakePayload said;
        try
        {
            said = NoiseHandshakePayload.Parser.ParseFrom(payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConnectException(ConnectFault.BrokenProtocol, "The other side says nothing of itself that can be read.", e);
        }

        var key = SecuredStream.ReadKey(said.IdentityKey.Span);
        return key.Verify((byte[])[.. SignaturePrefix, .. staticKey], said.IdentitySig.Span)
            ? key
            : throw new ConnectException(ConnectFault.BrokenProtocol, $"The other side claims to be {key.PeerId}, and the signature that says so does not hold.");
    }
}
