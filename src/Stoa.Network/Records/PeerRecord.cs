using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Records;

/// <summary>Where a peer is, in its own words and with its signature: libp2p's peer record (RFC 3).</summary>
/// <param name="Peer">Who.</param>
/// <param name="Sequence">A record with a higher number takes the place of one with a lower.</param>
/// <param name="Addresses">Without the peer.</param>
public sealed record PeerRecord(PeerId Peer, ulong Sequence, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>The longest signed record in bytes.</summary>
    public const int MaxLength = 8_192;

    private const string Domain = "libp2p-peer-record";
    private const int MaxAddresses = 64;

    private static ReadOnlySpan<byte> Type => [0x03, 0x01];

    /// <summary>Signs the record of the key's peer.</summary>
    public static byte[] Seal(PrivateKey key, ulong sequence, IEnumerable<Multiaddr> addresses)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(addresses);
        var message = new PeerRecordMessage { PeerId = ByteString.CopyFrom(key.PublicKey.PeerId.ToBytes()), Seq = sequence };
        foreach (var address in addresses)
            message.Addresses.Add(new PeerRecordMessage.Types.AddressInfo { Multiaddr = ByteString.CopyFrom(address.ToBytes().Span) });
        return SignedEnvelope.Seal(key, Domain, Type, message.ToByteArray());
    }

    /// <summary>Reads a signed record and checks that the peer that it is about has signed it.</summary>
    /// <remarks>Addresses of kinds that are not known here are left out.</remarks>
    /// <exception cref="FormatException">It is none, or somebody else's, or the signature does not hold.</exception>
    public static PeerRecord Open(ReadOnlySpan<byte> envelope)
    {
        if (envelope.Length > MaxLength)
            throw new FormatException($"A signed peer record has at most {MaxLength} bytes.");
        var opened = SignedEnvelope.Open(envelope, Domain, Type);
        PeerRecordMessage message;
        try
        {
            message = PeerRecordMessage.Parser.ParseFrom(opened.Payload.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new FormatException("The envelope holds no peer record.", e);
        }

        var peer = PeerId.FromBytes(message.PeerId.Span);
        if (peer != opened.Signer.PeerId)
            throw new FormatException($"A record of {peer} is signed by {opened.Signer.PeerId}.");
        return new PeerRecord(peer, message.Seq, [.. AddressList.Read(message.Addresses.Take(MaxAddresses).Select(address => address.Multiaddr), peer)]);
    }
}
