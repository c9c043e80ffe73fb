using System.Security.Cryptography;
using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>Peers that are nothing but an id and an address.</summary>
internal static class Peers
{
    public static PeerId Any(Random random)
    {
        var hash = new byte[2 + SHA256.HashSizeInBytes];
        random.NextBytes(hash);
        (hash[0], hash[1]) = (0x12, SHA256.HashSizeInBytes);
        return PeerId.FromBytes(hash);
    }

    /// <summary>One that has so many leading bits in common with a point, exactly or at least.</summary>
    public static PeerId Near(KademliaKey target, int bits, Random random, bool orNearer = false)
    {
        while (true)
        {
            var peer = Any(random);
            var common = KademliaKey.Of(peer).CommonPrefixLength(target);
            if (common == bits || (orNearer && common > bits))
                return peer;
        }
    }

    public static Multiaddr At(int first, int second, int host = 1) => Multiaddr.Parse($"/ip4/{first}.{second}.{host >> 8}.{host & 255}/tcp/4001");
}
