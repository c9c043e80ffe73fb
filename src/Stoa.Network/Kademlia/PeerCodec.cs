using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Peers as messages have them, within limits.</summary>
internal static class PeerCodec
{
    public static Wire.Peer Write(ByteString id, IEnumerable<Multiaddr> addresses, ReadOnlyMemory<byte>? record, Wire.ConnectionType connection, KademliaOptions options)
    {
        var peer = new Wire.Peer { Id = id, Connection = connection };
        foreach (var address in addresses.Take(options.MaxAddresses))
            peer.Addrs.Add(UnsafeByteOperations.UnsafeWrap(address.ToBytes()));
        if (record is { } envelope && envelope.Length <= options.MaxRecordLength)
            peer.SignedRecord = UnsafeByteOperations.UnsafeWrap(envelope);
        return peer;
    }

    public static Wire.Peer Write(PeerAddress peer, Wire.ConnectionType connection, KademliaOptions options) =>
        Write(ByteString.CopyFrom(peer.Peer.ToBytes()), peer.Addresses, peer.Records.Count > 0 ? peer.Records[0] : default(ReadOnlyMemory<byte>?), connection, options);

    /// <summary>Reads a peer. Addresses of kinds that are not known, or that mean nothing from here, are left out; so are those above the limit.</summary>
    /// <exception cref="InvalidDataException">It has no id.</exception>
    public static PeerAddress Read(Wire.Peer peer, KademliaOptions options)
    {
        PeerId id;
        try
        {
            id = PeerId.FromBytes(peer.Id.Span);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException("A peer in a message has no peer id.", e);
        }

        var addresses = AddressList.Read(peer.Addrs, id).Where(address => options.AllowsPrivateAddresses || Reach.Of(address) is AddressReach.World);
        return new PeerAddress(id, [.. addresses.Take(options.MaxAddresses)])
        {
            Records = !peer.SignedRecord.IsEmpty && peer.SignedRecord.Length <= options.MaxRecordLength ? [peer.SignedRecord.Memory] : [],
        };
    }

    /// <summary>Where a peer has signed that it is, within limits.</summary>
    /// <exception cref="FormatException">It is not signed by the peer.</exception>
    /// <exception cref="PlatformNotSupportedException">Keys of that kind cannot be checked on this machine.</exception>
    public static PeerRecord OpenRecord(PeerId peer, ReadOnlyMemory<byte> envelope, KademliaOptions options)
    {
        var record = PeerRecord.Open(envelope.Span);
        return record.Peer == peer
            ? record with { Addresses = [.. record.Addresses.Where(address => options.AllowsPrivateAddresses || Reach.Of(address) is AddressReach.World).Take(options.MaxAddresses)] }
            : throw new FormatException($"With {peer} comes the record of {record.Peer}.");
    }

    /// <summary>Reads the peers of an answer: no more than k of them, whatever was sent.</summary>
    /// <exception cref="InvalidDataException">One has no id.</exception>
    public static IReadOnlyList<PeerAddress> Read(IReadOnlyList<Wire.Peer> peers, KademliaOptions options) =>
        [.. peers.Take(options.BucketSize).Select(peer => Read(peer, options))];
}
