using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Keeps the routing table true: lets in who was reached, asks those who are silent whether they are there.</summary>
internal sealed class TableUpkeep : IAsyncDisposable
{
    private const int MaxAtOnce = 8;
    private const int MaxWaiting = 256;

    private readonly Host _host;
    private readonly RoutingTable _table;
    private readonly Messenger _messenger;
    private readonly KademliaOptions _options;
    private readonly Chores _chores = new(MaxAtOnce, MaxWaiting);

    public TableUpkeep(Host host, RoutingTable table, Messenger messenger, KademliaOptions options)
    {
        (_host, _table, _messenger, _options) = (host, table, messenger, options);
        messenger.Answered += Answered;
        messenger.Missed += Missed;
        messenger.Refused += Forget;
        host.Changed += Changed;
    }

    /// <summary>A known peer as lookups and messages have it.</summary>
    public PeerAddress AddressOf(RoutingPeer peer) => new(peer.Peer, [.. OwnAddressesOf(peer.Peer).Prepend(peer.ReachedAt).Distinct().Take(_options.MaxAddresses)]);

    /// <summary>Where a peer is, as it said itself.</summary>
    public IReadOnlyList<Multiaddr> OwnAddressesOf(PeerId peer) => _host.Peers.DescriptionOf(peer)?.Addresses ?? [];

    /// <summary>The same as it has signed it.</summary>
    public ReadOnlyMemory<byte>? RecordOf(PeerId peer) => _host.Peers.DescriptionOf(peer)?.Record;

    /// <summary>Asks all that are doubtful whether they are there.</summary>
    public void PingSuspects()
    {
        foreach (var peer in _table.Peers.Where(peer => peer.IsSuspect))
            Ping(peer);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _host.Changed -= Changed;
        _messenger.Answered -= Answered;
        _messenger.Missed -= Missed;
        _messenger.Refused -= Forget;
        await _chores.DisposeAsync();
    }

    private void Changed(PeerId peer, PeerChangeKind kind)
    {
        if (kind is PeerChangeKind.Disconnected)
            return;
        _messenger.Seen(peer);
        if (kind is PeerChangeKind.Connected)
            return;
        if (!_host.Peers.Speaks(peer, _options.Protocol))
            Forget(peer);
        else if (_host.ConnectionTo(peer) is { } connection)
            Answered(peer, connection);
    }

    private void Answered(PeerId peer, IPeerConnection connection)
    {
        // A relay carries little and not for long: nobody is sent to a peer through one to be asked.
        if (connection.RemoteAddress.IsCircuit)
            _table.Seen(peer);
        else if (connection.IsInitiator)
            Admit(peer, connection.RemoteAddress);
        else if (_table.Contains(peer))
            _table.Seen(peer);
        else if (_table.Wants(peer))
            _chores.Add(peer, token => ReachAsync(peer, token));
    }

    /// <summary>One that dialled this node may be where nobody can dial it: it is of use to others only if it can be.</summary>
    private async Task ReachAsync(PeerId peer, CancellationToken cancellationToken)
    {
        if (await _host.ReachAsync(peer, cancellationToken) is { } address)
            Admit(peer, address);
    }

    private void Admit(PeerId peer, Multiaddr reachedAt)
    {
        switch (_table.Add(peer, reachedAt))
        {
            case Admission.Entered:
                // Near neighbours are the hardest to find again.
                _host.Value(peer, _options.Protocol, 5 + Math.Min(_table.Key.CommonPrefixLength(KademliaKey.Of(peer)), 15));
                break;
            case Admission.Waiting when _table.ToPing(peer) is { } silent:
                Ping(silent);
                break;
        }
    }

    private void Missed(PeerId peer)
    {
        if (_table.Fail(peer) && _table.Peers.FirstOrDefault(entry => entry.Peer == peer) is { IsDead: false } entry)
            Ping(entry);
        else if (!_table.Contains(peer))
            _host.Value(peer, _options.Protocol, 0);
    }

    private void Forget(PeerId peer)
    {
        _table.Remove(peer);
        _host.Value(peer, _options.Protocol, 0);
    }

    private void Ping(RoutingPeer peer) => _chores.Add(peer.Peer, token => _messenger.PingAsync(AddressOf(peer), token));
}
