using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Records;

/// <summary>Addresses in messages of peers.</summary>
internal static class AddressList
{
    /// <summary>Those that are known here and are a peer's, without the peer, each once.</summary>
    public static IReadOnlyList<Multiaddr> Read(IEnumerable<ByteString> addresses, PeerId peer)
    {
        var read = new List<Multiaddr>();
        foreach (var bytes in addresses)
        {
            if (Multiaddr.TryRead(bytes.Span, out var address) && (address.Peer ?? peer) == peer && !read.Contains(address.WithoutPeer))
                read.Add(address.WithoutPeer);
        }

        return read;
    }
}
