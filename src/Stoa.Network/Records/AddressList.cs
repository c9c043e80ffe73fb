using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Records;

/// <summary>Addresses in messages of peers.</summary>
internal static class AddressList
{
    /// <summary>Those that are known here and are a peer's, without the peer, each once; read as they are asked for, so that a bound is the caller's.</summary>
    public static IEnumerable<Multiaddr> Read(IEnumerable<ByteString> addresses, PeerId peer) => addresses
        .Select(bytes => Multiaddr.TryRead(bytes.Span, out var address) && (address.Peer ?? peer) == peer ? address.WithoutPeer : null)
        .OfType<Multiaddr>()
        .Distinct();
}
