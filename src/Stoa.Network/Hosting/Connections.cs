using System.Net;
using Stoa.Network.Addressing;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>The connections of a host: how many there may be, and which of them are the least useful.</summary>
internal sealed class Connections(HostOptions options, TimeProvider time)
{
    // More than two are of no use; two come of both sides dialling at once.
    private const int MaxPerPeer = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, List<Open>> _byPeer = [];
    private readonly Dictionary<IPAddress, int> _byAddress = [];
    private readonly Dictionary<PeerId, Dictionary<string, int>> _worth = [];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Who there are connections to.</summary>
    public IReadOnlyList<PeerId> Peers
    {
        get
        {
            lock (_lock)
                return [.. _byPeer.Keys];
        }
    }

    /// <summary>All connections.</summary>
    public IReadOnlyList<IPeerConnection> All
    {
        get
        {
            lock (_lock)
                return [.. _byPeer.Values.SelectMany(open => open).Select(open => open.Connection)];
        }
    }

    /// <summary>The connection to a peer that is to be used: the oldest, but one through a relay only when there is no other; null when there is none.</summary>
    public IPeerConnection? Find(PeerId peer)
    {
        lock (_lock)
            return _byPeer.TryGetValue(peer, out var open) ? (open.Find(static one => !one.IsCircuit) ?? open[0]).Connection : null;
    }

    /// <summary>Takes one in.</summary>
    /// <returns>Why it may not stay, or null; and whether it is the peer's first.</returns>
    public (string? Refusal, bool IsFirst) Add(IPeerConnection connection)
    {
        lock (_lock)
        {
            if (_count >= options.MaxConnections)
                return ("full", false);
            var block = AddressBlock.Of(connection.RemoteAddress);
            if (!connection.IsInitiator && block is { } from && _byAddress.GetValueOrDefault(from) >= options.MaxConnectionsPerAddress)
                return ("address", false);
            var isFirst = !_byPeer.TryGetValue(connection.RemotePeer, out var open);
            if (isFirst)
                _byPeer.Add(connection.RemotePeer, open = []);
            else if (open!.Count >= MaxPerPeer)
                return ("peer", false);
            open!.Add(new Open(connection, time.GetTimestamp(), connection.RemoteAddress.IsCircuit));
            _count++;
            if (!connection.IsInitiator && block is { } key)
                _byAddress[key] = _byAddress.GetValueOrDefault(key) + 1;
            return (null, isFirst);
        }
    }

    /// <summary>Forgets one that has ended.</summary>
    /// <returns>Whether it was the peer's last.</returns>
    public bool Remove(IPeerConnection connection)
    {
        lock (_lock)
        {
            if (!_byPeer.TryGetValue(connection.RemotePeer, out var open) || open.RemoveAll(one => one.Connection == connection) == 0)
                return false;
            _count--;
            if (!connection.IsInitiator && AddressBlock.Of(connection.RemoteAddress) is { } key && --_byAddress[key] == 0)
                _byAddress.Remove(key);
            if (open.Count > 0)
                return false;
            _byPeer.Remove(connection.RemotePeer);
            return true;
        }
    }

    /// <summary>Says what a peer is worth to somebody; 0 for nothing.</summary>
    public void Value(PeerId peer, string to, int worth)
    {
        lock (_lock)
        {
            if (worth == 0)
            {
                if (_worth.TryGetValue(peer, out var old) && old.Remove(to) && old.Count == 0)
                    _worth.Remove(peer);
                return;
            }

            if (!_worth.TryGetValue(peer, out var values))
                _worth.Add(peer, values = []);
            values[to] = worth;
        }
    }

    /// <summary>The connections that are to be ended since there are too many: of the peers of least worth, the youngest first.</summary>
    public IReadOnlyList<IPeerConnection> ToTrim()
    {
        lock (_lock)
        {
            if (_count <= options.HighWater)
                return [];
            return
            [
                .. _byPeer
                    .Where(pair => pair.Value.All(open => time.GetElapsedTime(open.Since) >= options.TrimGrace))
                    .OrderBy(pair => _worth.TryGetValue(pair.Key, out var values) ? values.Values.Sum(worth => (long)worth) : 0)
                    .ThenByDescending(pair => pair.Value[0].Since)
                    .SelectMany(pair => pair.Value)
                    .Take(_count - options.LowWater)
                    .Select(open => open.Connection),
            ];
        }
    }

    private sealed record Open(IPeerConnection Connection, long Since, bool IsCircuit);
}
