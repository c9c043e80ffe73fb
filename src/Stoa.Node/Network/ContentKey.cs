using Stoa.Primitives;

namespace Stoa.Node.Network;

/// <summary>Under what the network's hash table has who provides a content.</summary>
internal static class ContentKey
{
    private const byte Sha256 = 0x12;

    /// <summary>The multihash of a content (SHA-256), as in IPFS: 34 bytes.</summary>
    /// <remarks>Source: multihash (github.com/multiformats/multihash), and the content routing of libp2p's kad-dht.</remarks>
    public static ReadOnlyMemory<byte> Of(ContentHash content)
    {
        var key = new byte[2 + ContentHash.Size];
        (key[0], key[1]) = (Sha256, ContentHash.Size);
        content.CopyTo(key.AsSpan(2));
        return key;
    }
}
