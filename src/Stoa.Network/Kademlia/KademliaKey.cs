using System.Buffers.Binary;
using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>A point of the space in which keys and peers lie: the SHA-256 of a key, or of the bytes of a peer id.</summary>
/// <remarks>The distance of two points is their exclusive or, read as a number (Maymounkov, Mazières: Kademlia, 2002).</remarks>
internal readonly record struct KademliaKey(UInt128 High, UInt128 Low) : IComparable<KademliaKey>
{
    /// <summary>The length of a point in bits.</summary>
    public const int Bits = 256;

    public static KademliaKey Of(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        return new KademliaKey(BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
    }

    public static KademliaKey Of(PeerId peer) => Of(peer.ToBytes());

    /// <summary>How far another point is.</summary>
    public KademliaKey DistanceTo(KademliaKey other) => new(High ^ other.High, Low ^ other.Low);

    /// <summary>How many bits both have in common from the highest on; all of them when they are the same.</summary>
    public int CommonPrefixLength(KademliaKey other)
    {
        var high = High ^ other.High;
        return high != 0 ? (int)UInt128.LeadingZeroCount(high) : 128 + (int)UInt128.LeadingZeroCount(Low ^ other.Low);
    }

    /// <summary>The point in whose subtree of as many bits as <paramref name="index"/> and one more this one is not, but its sibling.</summary>
    /// <param name="index">Which bit is turned, from the highest, 0.</param>
    public KademliaKey Flip(int index) => index < 128
        ? this with { High = High ^ (UInt128.One << (127 - index)) }
        : this with { Low = Low ^ (UInt128.One << (255 - index)) };

    /// <inheritdoc/>
    public int CompareTo(KademliaKey other)
    {
        var high = High.CompareTo(other.High);
        return high != 0 ? high : Low.CompareTo(other.Low);
    }
}
