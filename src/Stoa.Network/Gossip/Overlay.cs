using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>The meshes of topics and what goes over them: gossipsub without streams, keys and validators.</summary>
/// <remarks>
/// specs/pubsub/gossipsub 1.0 and 1.1 of libp2p. Nothing here waits: what is to be sent goes into the queues of peers. Safe for use by many threads. What is called back
/// is called under its lock.
/// </remarks>
/// <param name="self">This node.</param>
/// <param name="options">How.</param>
/// <param name="time">What it goes by.</param>
/// <param name="choose">Chance: a number from 0 to below the one given.</param>
/// <param name="value">Told how many meshes a peer is in whenever that changes.</param>
/// <param name="metrics">What is counted.</param>
internal sealed partial class Overlay(PeerId self, GossipOptions options, TimeProvider time, Func<int, int> choose, Action<PeerId, int> value, GossipMetrics metrics)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, GossipPeer> _peers = [];
    private readonly Dictionary<string, HashSet<GossipPeer>> _meshes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Fanout> _fanouts = new(StringComparer.Ordinal);
    private readonly PeerScores _scores = new(options, time);
    private readonly SeenMessages _seen = new(options);
    private readonly MessageCache _cache = new(options);
    private readonly Backoffs _backoffs = new(options);
    private readonly Promises _promises = new(options);

    /// <summary>The topics that are subscribed to.</summary>
    public IReadOnlyList<string> Topics
    {
        get
        {
            lock (_lock)
                return [.. _meshes.Keys];
        }
    }

    /// <summary>A peer speaks gossipsub, or has opened a stream.</summary>
    public GossipPeer Meet(PeerId id, bool isOutbound, AddressNetwork? network)
    {
        lock (_lock)
        {
            if (_peers.TryGetValue(id, out var peer))
                return peer;
            peer = new GossipPeer(id, isOutbound, new SendQueue(options, metrics), new Hosting.Turnstile(options.MaxJudgedPerPeer), _scores.AddPeer(id, network));
            _peers.Add(id, peer);
            return peer;
        }
    }

    /// <summary>A peer that was met and has not gone; null for any other.</summary>
    public GossipPeer? Find(PeerId id)
    {
        lock (_lock)
            return _peers.GetValueOrDefault(id);
    }

    /// <summary>A peer has gone.</summary>
    public void Leave(PeerId id)
    {
        lock (_lock)
        {
            if (!_peers.Remove(id, out var peer))
                return;
            peer.HasGone = true;
            Drop(peer);
            _promises.Forget(id);
            _scores.RemovePeer(id);
        }
    }

    /// <summary>A stream to a peer stands: it is told what is wanted here.</summary>
    public void Open(GossipPeer peer, bool hasBackoffs)
    {
        lock (_lock)
        {
            (peer.IsOpen, peer.IsMute, peer.HasBackoffs) = (true, false, hasBackoffs);
            var hello = new Wire.Rpc();
            hello.Subscriptions.AddRange(_meshes.Keys.Select(topic => new Wire.Subscription { Topic = topic, Subscribe = true }));
            // Where nothing is wanted it is an empty message, which agrees on the protocol.
            peer.Queue.Add(hello, SendPriority.Control);
        }
    }

    /// <summary>The stream to a peer is lost, or there is none to be had.</summary>
    public void Close(GossipPeer peer, bool isMute)
    {
        lock (_lock)
        {
            (peer.IsOpen, peer.IsMute) = (false, isMute);
            peer.Queue.Clear();
            Drop(peer);
        }
    }

    /// <summary>Subscribes to a topic.</summary>
    /// <exception cref="InvalidOperationException">There is a subscription, or there are too many.</exception>
    public void Join(string topic, TopicScoreOptions score)
    {
        lock (_lock)
        {
            if (_meshes.ContainsKey(topic))
                throw new InvalidOperationException($"There is a subscription to {topic} already.");
            if (_meshes.Count >= options.MaxTopics)
                throw new InvalidOperationException($"There are subscriptions to {options.MaxTopics} topics, and no more can be.");
            var mesh = new HashSet<GossipPeer>();
            _meshes.Add(topic, mesh);
            _scores.AddTopic(topic, score);
            Announce(topic, subscribes: true);
            // Those that it was published to are the first choice.
            if (_fanouts.Remove(topic, out var fanout))
            {
                foreach (var peer in fanout.Peers.Where(peer => MayGraft(peer, topic)).Take(options.MeshSize).ToList())
                    Graft(peer, topic, mesh);
            }

            foreach (var peer in Pick(topic, options.MeshSize - mesh.Count, peer => !mesh.Contains(peer) && MayGraft(peer, topic)))
                Graft(peer, topic, mesh);
        }
    }

    /// <summary>Ends a subscription.</summary>
    public void Part(string topic)
    {
        lock (_lock)
        {
            if (!_meshes.TryGetValue(topic, out var mesh))
                return;
            foreach (var peer in mesh.ToList())
                Prune(peer, topic, options.UnsubscribeBackoff);
            _meshes.Remove(topic);
            _scores.RemoveTopic(topic);
            Announce(topic, subscribes: false);
        }
    }

    /// <summary>Sends an own message to whom it concerns.</summary>
    /// <returns>To how many, and how many of them had room for it.</returns>
    public (int Peers, int Taken) Publish(GossipMessage message, Wire.Message wire)
    {
        lock (_lock)
        {
            if (_seen.Add(message.Id, self, time.GetUtcNow()) is { } seen)
            {
                seen.Judge(SeenState.Accepted, time.GetUtcNow());
                _cache.Add(message.Id, wire, wire.CalculateSize());
            }

            var targets = PublishTargets(message.Topic);
            var part = new Exchange(new Wire.Rpc { Publish = { wire } });
            return (targets.Count, targets.Count(peer => peer.Queue.Add(part, SendPriority.Own)));
        }
    }

    /// <summary>Whether nothing is heard from a peer any more.</summary>
    public bool IsGraylisted(GossipPeer peer)
    {
        lock (_lock)
            return _scores.ScoreOf(peer.Tally) < options.Score.GraylistThreshold;
    }

    /// <summary>Looks at a message before its signature is checked.</summary>
    /// <returns>Why it goes no further; null when it may.</returns>
    public GossipRefusal? Screen(GossipPeer peer, GossipMessage message)
    {
        lock (_lock)
        {
            _promises.Keep(message.Id);
            if (message.From == self)
                return GossipRefusal.Own;
            if (!_meshes.ContainsKey(message.Topic))
                return GossipRefusal.NotSubscribed;
            return TryCountDuplicate(peer, message) ? GossipRefusal.Duplicate : null;
        }
    }

    /// <summary>Notes that a message is being judged.</summary>
    /// <returns>False when it was here before.</returns>
    public bool Begin(GossipPeer peer, GossipMessage message)
    {
        lock (_lock)
            return !TryCountDuplicate(peer, message) && _seen.Add(message.Id, peer.Id, time.GetUtcNow()) is not null;
    }

    /// <summary>A message was judged: it goes on, or counts against who brought it.</summary>
    public void Conclude(GossipMessage message, Wire.Message wire, GossipVerdict verdict)
    {
        lock (_lock)
        {
            // It may be forgotten by now, and its topic left.
            var seen = _seen.Find(message.Id);
            switch (verdict)
            {
                case GossipVerdict.Accept:
                    _scores.FirstDelivery(message.Via, message.Topic);
                    foreach (var carrier in seen?.Carriers ?? [])
                        _scores.Duplicate(carrier, message.Topic, judgedAt: null);
                    Forward(message, wire, seen);
                    seen?.Judge(SeenState.Accepted, time.GetUtcNow());
                    break;
                case GossipVerdict.Reject:
                    _scores.Invalid(message.Via, message.Topic);
                    foreach (var carrier in seen?.Carriers ?? [])
                        _scores.Invalid(carrier, message.Topic);
                    seen?.Judge(SeenState.Rejected, time.GetUtcNow());
                    break;
                case GossipVerdict.Ignore:
                    seen?.Judge(SeenState.Ignored, time.GetUtcNow());
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(verdict), verdict, "There is no such verdict.");
            }
        }
    }

    /// <summary>A peer has sent what is no message, or whose signature does not hold.</summary>
    public void Invalid(PeerId peer, string topic)
    {
        lock (_lock)
        {
            if (_meshes.ContainsKey(topic))
                _scores.Invalid(peer, topic);
            else
                Penalise(peer, "invalid", 1);
        }
    }

    /// <summary>Who is known to want a topic.</summary>
    public IReadOnlyList<GossipNeighbour> PeersOf(string topic)
    {
        lock (_lock)
        {
            var mesh = _meshes.GetValueOrDefault(topic);
            return [.. _peers.Values.Where(peer => peer.Topics.Contains(topic)).Select(peer => new GossipNeighbour(peer.Id, mesh?.Contains(peer) ?? false, _scores.ScoreOf(peer.Tally)))];
        }
    }

    /// <summary>What each neighbour is worth.</summary>
    public IReadOnlyDictionary<PeerId, double> Scores()
    {
        lock (_lock)
            return _peers.Keys.ToDictionary(peer => peer, _scores.ScoreOf);
    }

    /// <summary>How much is remembered, for who wants to see that it has an end.</summary>
    internal (int Peers, int Tallies, int Seen, int Cached) Sizes
    {
        get
        {
            lock (_lock)
                return (_peers.Count, _scores.Count, _seen.Count, _cache.Count);
        }
    }

    private bool TryCountDuplicate(GossipPeer peer, GossipMessage message)
    {
        if (_seen.Find(message.Id) is not { } seen)
            return false;
        switch (seen.State)
        {
            case SeenState.Pending:
                seen.AddCarrier(peer.Id);
                break;
            case SeenState.Accepted:
                if (seen.AddCarrier(peer.Id))
                    _scores.Duplicate(peer.Id, message.Topic, seen.JudgedAt);
                break;
            case SeenState.Rejected:
                _scores.Invalid(peer.Id, message.Topic);
                break;
            case SeenState.Ignored:
                break;
        }

        return true;
    }

    private void Forward(GossipMessage message, Wire.Message wire, SeenMessage? seen)
    {
        if (!_meshes.TryGetValue(message.Topic, out var mesh))
            return;
        _cache.Add(message.Id, wire, wire.CalculateSize());
        var part = new Exchange(new Wire.Rpc { Publish = { wire } });
        foreach (var peer in mesh)
        {
            // Who brought it has it.
            if (peer.Id != message.Via && peer.Id != message.From && !(seen?.Carriers.Contains(peer.Id) ?? false))
                peer.Queue.Add(part, SendPriority.Forward);
        }
    }

    private List<GossipPeer> PublishTargets(string topic)
    {
        if (options.FloodPublish)
            return [.. _peers.Values.Where(peer => peer.IsOpen && peer.Topics.Contains(topic) && _scores.ScoreOf(peer.Tally) >= options.Score.PublishThreshold)];
        if (_meshes.TryGetValue(topic, out var mesh) && mesh.Count > 0)
            return [.. mesh];
        if (!_fanouts.TryGetValue(topic, out var fanout))
        {
            if (_fanouts.Count >= options.MaxFanoutTopics)
                _fanouts.Remove(_fanouts.MinBy(pair => pair.Value.PublishedAt).Key);
            _fanouts.Add(topic, fanout = new Fanout());
        }

        fanout.PublishedAt = time.GetUtcNow();
        Fill(topic, fanout);
        return [.. fanout.Peers];
    }

    private void Fill(string topic, Fanout fanout) =>
        fanout.Peers.UnionWith(Pick(
            topic, options.MeshSize - fanout.Peers.Count, peer => !fanout.Peers.Contains(peer) && _scores.ScoreOf(peer.Tally) >= options.Score.PublishThreshold));

    private void Announce(string topic, bool subscribes)
    {
        var part = new Exchange(new Wire.Rpc { Subscriptions = { new Wire.Subscription { Topic = topic, Subscribe = subscribes } } });
        foreach (var peer in _peers.Values.Where(peer => peer.IsOpen))
            peer.Queue.Add(part, SendPriority.Control);
    }

    /// <summary>Some peers of a topic by chance.</summary>
    private List<GossipPeer> Pick(string topic, int count, Func<GossipPeer, bool> isFit)
    {
        if (count <= 0)
            return [];
        return Some(_peers.Values.Where(peer => peer.IsOpen && peer.Topics.Contains(topic) && isFit(peer)).ToList(), count);
    }

    private List<GossipPeer> Some(List<GossipPeer> of, int count)
    {
        Shuffle(of);
        return of.Count <= count ? of : of[..count];
    }

    private void Shuffle<T>(List<T> list)
    {
        for (var index = list.Count - 1; index > 0; index--)
        {
            var other = choose(index + 1);
            (list[index], list[other]) = (list[other], list[index]);
        }
    }

    private bool MayGraft(GossipPeer peer, string topic) => _scores.ScoreOf(peer.Tally) >= 0 && _backoffs.Find(topic, peer.Id, time.GetUtcNow()) is null;

    private void Drop(GossipPeer peer)
    {
        foreach (var (topic, mesh) in _meshes)
            Remove(peer, topic, mesh);
        foreach (var fanout in _fanouts.Values)
            fanout.Peers.Remove(peer);
    }

    private void Add(GossipPeer peer, string topic, HashSet<GossipPeer> mesh)
    {
        if (!mesh.Add(peer))
            return;
        value(peer.Id, ++peer.Meshes);
        _scores.Graft(peer.Id, topic);
    }

    private bool Remove(GossipPeer peer, string topic, HashSet<GossipPeer> mesh)
    {
        if (!mesh.Remove(peer))
            return false;
        value(peer.Id, --peer.Meshes);
        _scores.Prune(peer.Id, topic);
        return true;
    }

    private void Penalise(PeerId peer, string which, int times)
    {
        metrics.Penalise(which, times);
        _scores.Misbehave(peer, times);
    }

    /// <summary>Peers of a topic that is published to without a subscription.</summary>
    private sealed class Fanout
    {
        public HashSet<GossipPeer> Peers { get; } = [];

        public DateTimeOffset PublishedAt { get; set; }
    }
}
