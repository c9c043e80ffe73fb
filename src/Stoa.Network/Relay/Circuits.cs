using System.Net;
using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>How many circuits go through this relay, and how many of each peer and of each address.</summary>
/// <remarks>Keys cost nothing and addresses do, so what one who dials may have of many is counted by both.</remarks>
internal sealed class Circuits(RelayOptions options)
{
    private readonly Lock _lock = new();

    // By a peer, a block or a network of addresses, and by one of the first two and the peer that it dials.
    private readonly Dictionary<object, int> _taken = [];
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Makes room for one between two peers.</summary>
    /// <param name="dialler">Who asks for it.</param>
    /// <param name="from">Where that one is.</param>
    /// <param name="dialled">Whom it asks for.</param>
    /// <returns>What is given back when the circuit ends; null when there is no room.</returns>
    public CircuitPlace? Enter(PeerId dialler, Multiaddr from, PeerId dialled)
    {
        var place = new CircuitPlace(dialler, AddressBlock.Of(from), AddressNetwork.Of(from, exemptsPrivate: true), dialled);
        lock (_lock)
        {
            if (_count >= options.MaxCircuits || LimitsOf(place).Any(limit => _taken.GetValueOrDefault(limit.Of) >= limit.Max))
                return null;
            _count++;
            foreach (var (of, _) in LimitsOf(place))
                _taken[of] = _taken.GetValueOrDefault(of) + 1;
            return place;
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Leave(CircuitPlace place)
    {
        lock (_lock)
        {
            _count--;
            foreach (var (of, _) in LimitsOf(place))
            {
                if (--_taken[of] == 0)
                    _taken.Remove(of);
            }
        }
    }

    private IEnumerable<(object Of, int Max)> LimitsOf(CircuitPlace place)
    {
        yield return (place.Dialler, options.MaxCircuitsPerPeer);
        yield return (place.Dialled, options.MaxCircuitsPerPeer);
        yield return ((place.Dialler, place.Dialled), options.MaxCircuitsPerPair);
        if (place.Block is { } block)
        {
            yield return (block, options.MaxCircuitsPerAddress);
            yield return ((block, place.Dialled), options.MaxCircuitsPerPair);
        }

        if (place.Network is { } network)
            yield return (network, options.MaxCircuitsPerNetwork);
    }
}

/// <summary>A circuit as it is counted.</summary>
internal sealed record CircuitPlace(PeerId Dialler, IPAddress? Block, AddressNetwork? Network, PeerId Dialled);
