namespace Stoa.Network.Gossip;

/// <summary>What is looked after regularly.</summary>
internal sealed partial class Overlay
{
    private const int BackoffTicks = 15;

    private long _ticks;

    /// <summary>Brings meshes to their size, tells what there is, and forgets what is old.</summary>
    public void Heartbeat()
    {
        lock (_lock)
        {
            _ticks++;
            var now = time.GetUtcNow();
            foreach (var peer in _peers.Values)
                (peer.IHaves, peer.Asked, peer.Wanted, peer.WantedBytes) = (0, 0, 0, 0);
            foreach (var (peer, count) in _promises.TakeBroken(now))
                Penalise(peer, "promise", count);
            _scores.Decay();
            _seen.Expire(now);
            if (_ticks % BackoffTicks == 0)
                _backoffs.Expire(now);
            foreach (var peer in _peers.Values)
                peer.Score = _scores.ScoreOf(peer.Tally);
            foreach (var (topic, mesh) in _meshes)
            {
                Tend(topic, mesh);
                Tell(topic, mesh);
            }

            if (_fanouts.Count > 0)
                TendFanouts(now);
            _cache.Shift();
        }
    }

    private void Tend(string topic, HashSet<GossipPeer> mesh)
    {
        var outbound = 0;
        foreach (var peer in mesh)
        {
            // It may be removed within: a set bears that.
            if (peer.Score < 0)
                Prune(peer, topic, options.PruneBackoff);
            else if (peer.IsOutbound)
                outbound++;
        }

        if (mesh.Count < options.MinMeshSize)
        {
            foreach (var peer in Pick(topic, options.MeshSize - mesh.Count, peer => !mesh.Contains(peer) && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }

        if (mesh.Count > options.MaxMeshSize)
            Thin(topic, mesh);
        // Who only takes connections is easily surrounded: some of the mesh are of this node's own choice.
        if (mesh.Count >= options.MinMeshSize && outbound < options.MinOutbound)
        {
            outbound = mesh.Count(peer => peer.IsOutbound);
            foreach (var peer in Pick(topic, options.MinOutbound - outbound, peer => peer.IsOutbound && !mesh.Contains(peer) && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }

        if (_ticks % options.OpportunisticGraftTicks == 0 && mesh.Count > 1)
        {
            var median = mesh.Select(peer => peer.Score).Order().ElementAt(mesh.Count / 2);
            if (median >= options.Score.OpportunisticGraftThreshold)
                return;
            foreach (var peer in Pick(topic, options.OpportunisticGraftPeers, peer => !mesh.Contains(peer) && peer.Score > median && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }
    }

    /// <summary>Prunes a mesh down to D: the best stay, and enough of those that were dialled; of the others chance decides.</summary>
    private void Thin(string topic, HashSet<GossipPeer> mesh)
    {
        var order = mesh.ToList();
        Shuffle(order);
        order = [.. order.OrderByDescending(peer => peer.Score)];
        var best = order[..Math.Min(options.MeshBest, order.Count)];
        var others = order[best.Count..];
        Shuffle(others);
        var missing = options.MinOutbound - best.Count(peer => peer.IsOutbound);
        var chosen = others.Where(peer => peer.IsOutbound).Take(Math.Max(0, missing)).ToList();
        var kept = best.Concat(chosen).Concat(others.Except(chosen)).Take(options.MeshSize).ToHashSet();
        foreach (var peer in order.Where(peer => !kept.Contains(peer)))
            Prune(peer, topic, options.PruneBackoff);
    }

    /// <summary>Tells some who are not in the mesh what messages there are.</summary>
    private void Tell(string topic, HashSet<GossipPeer> except)
    {
        if (_cache.Count == 0)
            return;
        var listeners = new List<GossipPeer>();
        foreach (var peer in _peers.Values)
        {
            if (peer.IsOpen && peer.Score >= options.Score.GossipThreshold && !except.Contains(peer) && peer.Topics.Contains(topic))
                listeners.Add(peer);
        }

        if (listeners.Count == 0 || _cache.IdsOf(topic) is not { Count: > 0 } ids)
            return;
        var isMore = ids.Count > options.MaxIdsPerHeartbeat;
        var same = isMore ? null : ToHaves(topic, ids);
        foreach (var peer in Some(listeners, Math.Max(options.LazyPeers, (int)(listeners.Count * options.GossipFactor))))
        {
            // Where there are more than may be told, each hears of others.
            if (isMore)
                Shuffle(ids);
            foreach (var part in same ?? ToHaves(topic, ids[..options.MaxIdsPerHeartbeat]))
                peer.Queue.Add(part, SendPriority.Gossip);
        }
    }

    private List<Exchange> ToHaves(string topic, List<MessageId> ids) =>
        [.. ToParts(ids).Select(part => new Exchange(new Wire.Rpc { Control = new Wire.Control { Ihave = { new Wire.IHave { Topic = topic, MessageIds = { part } } } } }))];

    private void TendFanouts(DateTimeOffset now)
    {
        foreach (var (topic, fanout) in _fanouts.ToList())
        {
            if (now - fanout.PublishedAt >= options.FanoutLifetime)
            {
                _fanouts.Remove(topic);
                continue;
            }

            fanout.Peers.RemoveWhere(peer => peer.Score < options.Score.PublishThreshold);
            Fill(topic, fanout);
            Tell(topic, fanout.Peers);
        }
    }
}
