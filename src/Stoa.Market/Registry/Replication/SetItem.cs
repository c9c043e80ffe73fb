using System.Buffers.Binary;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>A statement as a reconciliation names it: the first 16 bytes of its id, as a number with the highest first. Items order as ids do.</summary>
/// <remarks>Two ids that begin alike take 2⁶⁴ tries. Whoever makes them has two statements of his own of which a peer gets only one.</remarks>
public static class SetItem
{
    /// <summary>The length in bytes.</summary>
    public const int Size = 16;

    /// <summary>The item of an id.</summary>
    public static UInt128 Of(ContentHash id)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        id.CopyTo(digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest);
    }

    /// <summary>The least id of an item.</summary>
    public static ContentHash LeastId(UInt128 item)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        digest.Clear();
        BinaryPrimitives.WriteUInt128BigEndian(digest, item);
        return ContentHash.FromBytes(digest);
    }
}
