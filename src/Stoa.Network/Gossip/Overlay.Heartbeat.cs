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
            // A score costs some; within a heartbeat it does not change by much.
            var scores = _peers.Values.ToDictionary(peer => peer, peer => _scores.ScoreOf(peer.Id));
            foreach (var (topic, mesh) in _meshes)
            {
                Tend(topic, mesh, scores);
                Tell(topic, mesh, scores);
            }

            TendFanouts(now, scores);
            _cache.Shift();
        }
    }

    private void Tend(string topic, HashSet<GossipPeer> mesh, Dictionary<GossipPeer, double> scores)
    {
        foreach (var peer in mesh.Where(peer => scores[peer] < 0).ToList())
            Prune(peer, topic, options.PruneBackoff);
        if (mesh.Count < options.MinMeshSize)
        {
            foreach (var peer in Pick(topic, options.MeshSize - mesh.Count, peer => !mesh.Contains(peer) && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }

        if (mesh.Count > options.MaxMeshSize)
            Thin(topic, mesh, scores);
        // Who only takes connections is easily surrounded: some of the mesh are of this node's own choice.
        if (mesh.Count >= options.MinMeshSize && mesh.Count(peer => peer.IsOutbound) is var outbound && outbound < options.MinOutbound)
        {
            foreach (var peer in Pick(topic, options.MinOutbound - outbound, peer => peer.IsOutbound && !mesh.Contains(peer) && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }

        if (_ticks % options.OpportunisticGraftTicks == 0 && mesh.Count > 1)
        {
            var median = mesh.Select(peer => scores[peer]).Order().ElementAt(mesh.Count / 2);
            if (median >= options.Score.OpportunisticGraftThreshold)
                return;
            foreach (var peer in Pick(topic, options.OpportunisticGraftPeers, peer => !mesh.Contains(peer) && scores[peer] > median && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }
    }

    /// <summary>Prunes a mesh down to D: the best stay, and enough of those that were dialled; of the others chance decides.</summary>
    private void Thin(string topic, HashSet<GossipPeer> mesh, Dictionary<GossipPeer, double> scores)
    {
        var order = mesh.ToList();
        Shuffle(order);
        order = [.. order.OrderByDescending(peer => scores[peer])];
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
    private void Tell(string topic, HashSet<GossipPeer> except, Dictionary<GossipPeer, double> scores)
    {
        var ids = _cache.IdsOf(topic);
        if (ids.Count == 0)
            return;
        var listeners = _peers.Values.Count(peer => IsListener(peer));
        foreach (var peer in Pick(topic, Math.Max(options.LazyPeers, (int)(listeners * options.GossipFactor)), IsListener))
        {
            // Where there are more than may be told, each hears of others.
            Shuffle(ids);
            foreach (var part in ToParts(ids.Count > options.MaxIdsPerHeartbeat ? ids[..options.MaxIdsPerHeartbeat] : ids))
                peer.Queue.Add(new Wire.Rpc { Control = new Wire.Control { Ihave = { new Wire.IHave { Topic = topic, MessageIds = { part } } } } }, SendPriority.Gossip);
        }

        bool IsListener(GossipPeer peer) =>
            peer.IsOpen && peer.Topics.Contains(topic) && !except.Contains(peer) && scores[peer] >= options.Score.GossipThreshold;
    }

    private void TendFanouts(DateTimeOffset now, Dictionary<GossipPeer, double> scores)
    {
        foreach (var (topic, fanout) in _fanouts.ToList())
        {
            if (now - fanout.PublishedAt >= options.FanoutLifetime)
            {
                _fanouts.Remove(topic);
                continue;
            }

            fanout.Peers.RemoveWhere(peer => scores[peer] < options.Score.PublishThreshold);
            Fill(topic, fanout);
            Tell(topic, fanout.Peers, scores);
        }
    }
}
