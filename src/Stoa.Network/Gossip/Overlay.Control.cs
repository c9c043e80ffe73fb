namespace Stoa.Network.Gossip;

/// <summary>What peers say of subscriptions and meshes.</summary>
internal sealed partial class Overlay
{
    /// <summary>Takes all of an exchange but its messages.</summary>
    public void Hear(GossipPeer peer, Wire.Rpc rpc)
    {
        lock (_lock)
        {
            // It may have gone meanwhile.
            if (!_peers.TryGetValue(peer.Id, out var known) || known != peer)
                return;
            HearSubscriptions(peer, rpc.Subscriptions);
            if (rpc.Control is not { } control)
                return;
            foreach (var have in control.Ihave)
                HearIHave(peer, have);
            foreach (var want in control.Iwant)
                HearIWant(peer, want);
            // A topic twice says no more than once.
            foreach (var topic in control.Graft.Select(graft => graft.Topic).Distinct(StringComparer.Ordinal))
                HearGraft(peer, topic);
            foreach (var prune in control.Prune)
                HearPrune(peer, prune);
        }
    }

    private void HearSubscriptions(GossipPeer peer, IEnumerable<Wire.Subscription> subscriptions)
    {
        var isTooMuch = false;
        foreach (var subscription in subscriptions)
        {
            var topic = subscription.Topic;
            if (topic.Length == 0 || topic.Length > options.MaxTopicLength)
                isTooMuch = true;
            else if (!subscription.Subscribe)
                Unsubscribe(peer, topic);
            else if (peer.Topics.Count < options.MaxTopicsPerPeer)
                peer.Topics.Add(topic);
            else
                isTooMuch |= !peer.Topics.Contains(topic);
        }

        if (isTooMuch)
            Penalise(peer.Id, "topics", 1);
    }

    private void Unsubscribe(GossipPeer peer, string topic)
    {
        if (!peer.Topics.Remove(topic))
            return;
        if (_meshes.TryGetValue(topic, out var mesh))
            Remove(peer, topic, mesh);
        if (_fanouts.TryGetValue(topic, out var fanout))
            fanout.Peers.Remove(peer);
    }

    private void HearIHave(GossipPeer peer, Wire.IHave have)
    {
        if (++peer.IHaves > options.MaxIHaveMessages || peer.Asked >= options.MaxIdsPerHeartbeat || !_meshes.ContainsKey(have.Topic)
            || _scores.ScoreOf(peer.Tally) < options.Score.GossipThreshold)
            return;
        var unknown = have.MessageIds.Where(id => id.Length > 0 && id.Length <= options.MaxIdLength).Select(id => new MessageId(id.Memory))
            .Where(id => _seen.Find(id) is null).Distinct().ToList();
        Shuffle(unknown);
        var asked = unknown.Take(options.MaxIdsPerHeartbeat - peer.Asked).ToList();
        if (asked.Count == 0)
            return;
        peer.Asked += asked.Count;
        var isAsked = true;
        foreach (var part in ToParts(asked))
            isAsked &= peer.Queue.Add(new Wire.Rpc { Control = new Wire.Control { Iwant = { new Wire.IWant { MessageIds = { part } } } } }, SendPriority.Gossip);
        // Which one is followed it cannot know.
        if (isAsked)
            _promises.Add(asked[0], peer.Id, time.GetUtcNow());
    }

    private void HearIWant(GossipPeer peer, Wire.IWant want)
    {
        if (_scores.ScoreOf(peer.Tally) < options.Score.GossipThreshold)
            return;
        foreach (var id in want.MessageIds)
        {
            if (++peer.Wanted > options.MaxIdsPerHeartbeat || peer.WantedBytes >= options.MaxWantedBytes)
                return;
            if (_cache.TakeFor(peer.Id, new MessageId(id.Memory)) is not { } wanted)
                continue;
            peer.WantedBytes += wanted.Size;
            peer.Queue.Add(new Wire.Rpc { Publish = { wanted.Message } }, SendPriority.Gossip);
        }
    }

    private void HearGraft(GossipPeer peer, string topic)
    {
        metrics.Control("graft", isOut: false);
        // Of topics that are not known here nothing is said: else a stranger could ask for answers without end.
        if (!_meshes.TryGetValue(topic, out var mesh) || mesh.Contains(peer))
            return;
        var now = time.GetUtcNow();
        if (_backoffs.Find(topic, peer.Id, now) is { } until)
        {
            var since = options.PruneBackoff - (until - now);
            Penalise(peer.Id, "graft", since < options.GraftFloodThreshold ? 2 : 1);
        }
        else if (_scores.ScoreOf(peer.Tally) >= 0 && !peer.IsMute && peer.Topics.Contains(topic) && (mesh.Count < options.MaxMeshSize || peer.IsOutbound))
        {
            Add(peer, topic, mesh);
            return;
        }

        Prune(peer, topic, options.PruneBackoff);
    }

    private void HearPrune(GossipPeer peer, Wire.Prune prune)
    {
        metrics.Control("prune", isOut: false);
        if (!_meshes.TryGetValue(prune.Topic, out var mesh))
            return;
        Remove(peer, prune.Topic, mesh);
        var backoff = prune.HasBackoff ? TimeSpan.FromSeconds(Math.Min(prune.Backoff, options.MaxBackoff.TotalSeconds)) : options.PruneBackoff;
        _backoffs.Add(prune.Topic, peer.Id, time.GetUtcNow() + backoff);
    }

    private void Graft(GossipPeer peer, string topic, HashSet<GossipPeer> mesh)
    {
        metrics.Control("graft", isOut: true);
        Add(peer, topic, mesh);
        peer.Queue.Add(new Wire.Rpc { Control = new Wire.Control { Graft = { new Wire.Graft { Topic = topic } } } }, SendPriority.Control);
    }

    private void Prune(GossipPeer peer, string topic, TimeSpan backoff)
    {
        metrics.Control("prune", isOut: true);
        if (_meshes.TryGetValue(topic, out var mesh))
            Remove(peer, topic, mesh);
        _backoffs.Add(topic, peer.Id, time.GetUtcNow() + backoff);
        var prune = new Wire.Prune { Topic = topic };
        if (peer.HasBackoffs)
            prune.Backoff = (ulong)Math.Ceiling(backoff.TotalSeconds);
        peer.Queue.Add(new Wire.Rpc { Control = new Wire.Control { Prune = { prune } } }, SendPriority.Control);
    }

    /// <summary>Ids in portions of which each goes into an exchange beside others.</summary>
    private IEnumerable<IEnumerable<Google.Protobuf.ByteString>> ToParts(IReadOnlyList<MessageId> ids)
    {
        const int overhead = 4;
        var perPart = Math.Max(1, options.MaxRpcLength / 4 / (options.MaxIdLength + overhead));
        return ids.Select(id => Google.Protobuf.UnsafeByteOperations.UnsafeWrap(id.Bytes)).Chunk(perPart);
    }
}
