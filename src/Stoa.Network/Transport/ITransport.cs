using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Transport;

/// <summary>A way to reach peers: TCP, a relay, names that stand for addresses, or the simulated network.</summary>
public interface ITransport
{
    /// <summary>Whether an address, without its peer, is one of this way's.</summary>
    bool CanDial(Multiaddr address);

    /// <summary>Connects to an address; who is there has proved to be the peer that is expected.</summary>
    /// <param name="address">Without the peer.</param>
    /// <param name="expected">Who must be there; null when whoever is there will do.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ConnectException">There is nobody, or somebody else, or no common language.</exception>
    Task<IPeerConnection> DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken);

    /// <summary>Listens at an address, without a peer.</summary>
    /// <exception cref="IOException">The address is taken or not of this machine.</exception>
    Task<IListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken);
}

/// <summary>Takes connections at one address until it is disposed.</summary>
public interface IListener : IAsyncDisposable
{
    /// <summary>Where, with the port that was given when 0 was asked for.</summary>
    Multiaddr Address { get; }

    /// <summary>Where others can reach it now, without the peer: at <see cref="Address"/>; of a relay as long as that has room for it, and then wherever the relay is.</summary>
    IReadOnlyList<Multiaddr> Addresses => [Address];

    /// <summary>Waits for a peer that has proved to be itself; null when the listener is closed. Strangers that fail to are dropped and counted inside.</summary>
    Task<IPeerConnection?> AcceptAsync(CancellationToken cancellationToken);
}
