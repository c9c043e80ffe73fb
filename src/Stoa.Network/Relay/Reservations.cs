using System.Net;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>Who may be reached through this relay.</summary>
/// <remarks>Keys cost nothing and addresses do, so what one may have of many is counted by both.</remarks>
internal sealed class Reservations(RelayOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Reservation> _byPeer = [];

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                Expire();
                return _byPeer.Count;
            }
        }
    }

    /// <summary>Gives a peer a reservation, or renews the one that it has.</summary>
    /// <returns>Until when it holds; null when there is no room for it. One that it has goes on then.</returns>
    public DateTimeOffset? Reserve(PeerId peer, Multiaddr from)
    {
        var (block, network) = (AddressBlock.Of(from), AddressNetwork.Of(from, exemptsPrivate: true));
        lock (_lock)
        {
            Expire();
            var others = _byPeer.Where(pair => pair.Key != peer).Select(pair => pair.Value).ToList();
            if (others.Count >= options.MaxReservations
                || (block is not null && others.Count(other => block.Equals(other.Block)) >= options.MaxReservationsPerAddress)
                || (network is not null && others.Count(other => other.Network == network) >= options.MaxReservationsPerNetwork))
                return null;
            var expires = time.GetUtcNow() + options.ReservationLifetime;
            _byPeer[peer] = new Reservation(expires, block, network);
            return expires;
        }
    }

    /// <summary>Whether a peer has one.</summary>
    public bool Contains(PeerId peer)
    {
        lock (_lock)
            return _byPeer.TryGetValue(peer, out var reservation) && reservation.Expires > time.GetUtcNow();
    }

    /// <summary>Takes it back.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(PeerId peer)
    {
        lock (_lock)
            return _byPeer.Remove(peer);
    }

    private void Expire()
    {
        var now = time.GetUtcNow();
        foreach (var peer in _byPeer.Where(pair => pair.Value.Expires <= now).Select(pair => pair.Key).ToList())
            _byPeer.Remove(peer);
    }

    private sealed record Reservation(DateTimeOffset Expires, IPAddress? Block, AddressNetwork? Network);
}
