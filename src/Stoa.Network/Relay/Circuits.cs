using Stoa.Primitives;

namespace Stoa.Network.Relay;

/// <summary>How many circuits go through this relay, and how many of each peer.</summary>
internal sealed class Circuits(RelayOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, int> _byPeer = [];
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Makes room for one between two peers.</summary>
    /// <returns>Whether there is.</returns>
    public bool TryEnter(PeerId dialler, PeerId dialled)
    {
        lock (_lock)
        {
            if (_count >= options.MaxCircuits || !HasRoom(dialler) || !HasRoom(dialled))
                return false;
            _count++;
            Add(dialler, 1);
            Add(dialled, 1);
            return true;
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Leave(PeerId dialler, PeerId dialled)
    {
        lock (_lock)
        {
            _count--;
            Add(dialler, -1);
            Add(dialled, -1);
        }
    }

    private bool HasRoom(PeerId peer) => _byPeer.GetValueOrDefault(peer) < options.MaxCircuitsPerPeer;

    private void Add(PeerId peer, int by)
    {
        var number = _byPeer.GetValueOrDefault(peer) + by;
        if (number > 0)
            _byPeer[peer] = number;
        else
            _byPeer.Remove(peer);
    }
}
