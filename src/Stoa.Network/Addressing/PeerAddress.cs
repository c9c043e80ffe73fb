using Stoa.Primitives;

namespace Stoa.Network.Addressing;

/// <summary>A peer and where it may be reached.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Addresses">Without the peer, the best first.</param>
public sealed record PeerAddress(PeerId Peer, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>What the peer has signed of where it is, as somebody passed it on, to be checked; null when nothing came with it.</summary>
    public ReadOnlyMemory<byte>? Record { get; init; }

    /// <summary>Reads an address that names its peer last.</summary>
    /// <exception cref="FormatException">It names none.</exception>
    public static PeerAddress Of(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Peer is { } peer
            ? new PeerAddress(peer, [address.WithoutPeer])
            : throw new FormatException($"An address that ends in its peer, /p2p/Qm…, is expected, not {address}.");
    }
}
