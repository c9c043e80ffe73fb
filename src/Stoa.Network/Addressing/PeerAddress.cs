using Stoa.Primitives;

namespace Stoa.Network.Addressing;

/// <summary>A peer and where it may be reached.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Addresses">Without the peer, the best first.</param>
public sealed record PeerAddress(PeerId Peer, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>The most records that are taken of one peer: who tells first may have made it up.</summary>
    public const int MaxRecords = 3;

    /// <summary>What the peer has signed of where it is, as others passed it on, to be checked; none when nothing came with it.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Records { get; init; } = [];

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
