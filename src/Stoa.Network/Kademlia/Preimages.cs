using System.Buffers.Binary;

namespace Stoa.Network.Kademlia;

/// <summary>Finds keys that lie where they are wanted. Messages have keys, not points, and a hash is turned around by trial only.</summary>
internal static class Preimages
{
    /// <summary>A key, in the form of a peer id (some implementations take no other in FIND_NODE), whose point is as wanted.</summary>
    /// <param name="choose">Chance, below a limit.</param>
    /// <param name="isWanted">True of one point in 2^16 at least.</param>
    public static byte[] Find(Func<int, int> choose, Func<KademliaKey, bool> isWanted)
    {
        // A SHA-256 multihash.
        var key = new byte[34];
        (key[0], key[1]) = (0x12, 32);
        for (var index = 2; index < key.Length; index++)
            key[index] = (byte)choose(256);
        var counter = 0u;
        do
            BinaryPrimitives.WriteUInt32LittleEndian(key.AsSpan(2), counter++);
        while (!isWanted(KademliaKey.Of(key)));
        return key;
    }
}
