using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Asks peers. Made by the host's streams, and by tests of ten thousand nodes that have no hosts.</summary>
internal interface IMessenger
{
    /// <summary>Sends a request and waits for the answer; null when there was none in time, or none that can be read.</summary>
    Task<Answer?> AskAsync(PeerAddress peer, Wire.Message request, CancellationToken cancellationToken);

    /// <summary>After so long the answer of a peer is slow.</summary>
    TimeSpan PatienceFor(PeerId peer);

    /// <summary>Whether it is of no use to ask a peer, since it was silent just now.</summary>
    bool IsAbsent(PeerId peer);
}

/// <summary>What a peer answered.</summary>
/// <param name="Message">The message.</param>
/// <param name="Closer">The peers in it.</param>
/// <param name="From">Where the peer is, as the connection says.</param>
internal sealed record Answer(Wire.Message Message, IReadOnlyList<PeerAddress> Closer, Multiaddr From);
