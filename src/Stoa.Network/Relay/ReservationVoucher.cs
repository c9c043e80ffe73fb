using Google.Protobuf;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>A relay's word, with its signature, that a peer has a reservation at it.</summary>
/// <param name="Relay">Who gives it.</param>
/// <param name="Peer">Who has it.</param>
/// <param name="Expires">Until when, in whole seconds.</param>
internal sealed record ReservationVoucher(PeerId Relay, PeerId Peer, DateTimeOffset Expires)
{
    private const string Domain = "libp2p-relay-rsvp";

    private static ReadOnlySpan<byte> Type => [0x03, 0x02];

    /// <summary>Signs one of the key's peer.</summary>
    public static byte[] Seal(PrivateKey relay, PeerId peer, DateTimeOffset expires) => SignedEnvelope.Seal(
        relay,
        Domain,
        Type,
        new Wire.Voucher
        {
            Relay = ByteString.CopyFrom(relay.PublicKey.PeerId.ToBytes()),
            Peer = ByteString.CopyFrom(peer.ToBytes()),
            Expiration = (ulong)expires.ToUnixTimeSeconds(),
        }.ToByteArray());

    /// <summary>Reads one, and checks that the relay that it names has signed it.</summary>
    /// <exception cref="FormatException">It is none, or somebody else's, or the signature does not hold.</exception>
    public static ReservationVoucher Open(ReadOnlySpan<byte> envelope)
    {
        var opened = SignedEnvelope.Open(envelope, Domain, Type);
        Wire.Voucher voucher;
        try
        {
            voucher = Wire.Voucher.Parser.ParseFrom(opened.Payload.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new FormatException("The envelope holds no voucher.", e);
        }

        var relay = PeerId.FromBytes(voucher.Relay.Span);
        if (relay != opened.Signer.PeerId)
            throw new FormatException($"A voucher of {relay} is signed by {opened.Signer.PeerId}.");
        return new ReservationVoucher(relay, PeerId.FromBytes(voucher.Peer.Span), UnixTime.FromSeconds(voucher.Expiration));
    }
}
