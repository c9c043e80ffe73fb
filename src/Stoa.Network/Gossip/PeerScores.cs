using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>What neighbours are worth: the peer score of gossipsub 1.1, P1 to P7. Not safe for use by many threads.</summary>
internal sealed class PeerScores(GossipOptions options, TimeProvider time)
{
    private const double DecayedTo = 0.01;

    private readonly ScoreOptions _options = options.Score;
    private readonly Dictionary<PeerId, Tally> _tallies = [];
    private readonly Dictionary<AddressNetwork, int> _networks = [];
    private readonly Dictionary<string, TopicRules> _topics = new(StringComparer.Ordinal);
    private readonly double _behaviourLeft = LeftOf(options.Score.BehaviourDecay, options.HeartbeatInterval);

    /// <summary>How many are known, gone ones too.</summary>
    public int Count => _tallies.Count;

    /// <summary>Counts in a topic from now on.</summary>
    public void AddTopic(string topic, TopicScoreOptions score) => _topics[topic] = new TopicRules(score, options.HeartbeatInterval);

    /// <summary>Forgets what was counted in a topic.</summary>
    public void RemoveTopic(string topic)
    {
        _topics.Remove(topic);
        foreach (var tally in _tallies.Values)
            tally.Remove(topic);
    }

    /// <summary>A peer has come.</summary>
    /// <returns>What is counted of it, until it goes.</returns>
    public Tally AddPeer(PeerId peer, AddressNetwork? network)
    {
        if (!_tallies.TryGetValue(peer, out var tally))
            _tallies.Add(peer, tally = new Tally(peer));
        if (tally.IsConnected)
            return tally;
        tally.IsConnected = true;
        tally.Network = network;
        if (network is { } one)
            _networks[one] = _networks.GetValueOrDefault(one) + 1;
        return tally;
    }

    /// <summary>A peer has gone. Only what is bad is remembered of it: who comes again does not begin anew.</summary>
    public void RemovePeer(PeerId peer)
    {
        if (!_tallies.TryGetValue(peer, out var tally) || !tally.IsConnected)
            return;
        var score = ScoreOf(peer);
        if (tally.Network is { } network && --_networks[network] == 0)
            _networks.Remove(network);
        (tally.IsConnected, tally.Network) = (false, null);
        foreach (var topic in tally.Topics.Keys.ToList())
        {
            Prune(peer, topic);
            tally.Topics[topic].FirstDeliveries = 0;
        }

        if (score >= 0 || _options.MaxRetained == 0)
        {
            _tallies.Remove(peer);
            return;
        }

        tally.Until = time.GetUtcNow() + _options.Retention;
        if (_tallies.Values.Count(other => !other.IsConnected) > _options.MaxRetained)
            _tallies.Remove(_tallies.Where(pair => !pair.Value.IsConnected).MinBy(pair => pair.Value.Until).Key);
    }

    /// <summary>What a peer is worth; 0 for one that is not known.</summary>
    public double ScoreOf(PeerId peer) => _tallies.TryGetValue(peer, out var tally) ? ScoreOf(tally) : 0;

    /// <summary>What a peer is worth.</summary>
    public double ScoreOf(Tally tally)
    {
        var score = 0.0;
        foreach (var counts in tally.Counted)
            score += counts.Options.Weight * ScoreOf(counts, counts.Options);
        if (_options.TopicScoreCap > 0)
            score = Math.Min(score, _options.TopicScoreCap);
        if (_options.ApplicationScore is { } application)
            score += _options.ApplicationWeight * application(tally.Peer);
        if (tally.Network is { } network && _networks[network] - _options.ColocationThreshold is > 0 and var surplus)
            score += _options.ColocationWeight * surplus * surplus;
        if (tally.Behaviour - _options.BehaviourThreshold is > 0 and var excess)
            score += _options.BehaviourWeight * excess * excess;
        return score;
    }

    /// <summary>A peer has come into the mesh.</summary>
    public void Graft(PeerId peer, string topic)
    {
        if (Counts(peer, topic) is { } counts)
            (counts.MeshSince, counts.TimeInMesh, counts.IsActive) = (time.GetUtcNow(), TimeSpan.Zero, false);
    }

    /// <summary>A peer has left the mesh.</summary>
    public void Prune(PeerId peer, string topic)
    {
        if (Counts(peer, topic) is not { } counts)
            return;
        if (counts.IsActive && counts.Options.MeshDeliveriesThreshold - counts.MeshDeliveries is > 0 and var deficit)
            counts.MeshFailures += deficit * deficit;
        (counts.MeshSince, counts.IsActive) = (null, false);
    }

    /// <summary>A peer was the first with a message that was accepted.</summary>
    public void FirstDelivery(PeerId peer, string topic)
    {
        if (Counts(peer, topic) is not { } counts)
            return;
        counts.FirstDeliveries = Math.Min(counts.FirstDeliveries + 1, counts.Options.FirstDeliveriesCap);
        Delivery(counts, counts.Options);
    }

    /// <summary>A peer has brought an accepted message that another brought first.</summary>
    /// <param name="peer">Who.</param>
    /// <param name="topic">Of what.</param>
    /// <param name="judgedAt">When it was accepted; null when it still was being judged.</param>
    public void Duplicate(PeerId peer, string topic, DateTimeOffset? judgedAt)
    {
        if (Counts(peer, topic) is { } counts && (judgedAt is not { } at || time.GetUtcNow() - at <= counts.Options.MeshDeliveriesWindow))
            Delivery(counts, counts.Options);
    }

    /// <summary>A peer has brought a message that nobody may pass on.</summary>
    public void Invalid(PeerId peer, string topic)
    {
        if (Counts(peer, topic) is { } counts)
            counts.Invalid++;
    }

    /// <summary>A peer has behaved badly.</summary>
    public void Misbehave(PeerId peer, int times)
    {
        if (_tallies.TryGetValue(peer, out var tally))
            tally.Behaviour += times;
    }

    /// <summary>A heartbeat is over: counters lose of their worth.</summary>
    public void Decay()
    {
        var now = time.GetUtcNow();
        foreach (var (peer, tally) in _tallies)
        {
            if (!tally.IsConnected)
            {
                // Nothing gets better by staying away.
                if (tally.Until <= now)
                    _tallies.Remove(peer);
                continue;
            }

            tally.Behaviour = Less(tally.Behaviour, _behaviourLeft);
            foreach (var counts in tally.Counted)
            {
                var rules = counts.Rules;
                counts.FirstDeliveries = Less(counts.FirstDeliveries, rules.FirstDeliveriesLeft);
                counts.MeshDeliveries = Less(counts.MeshDeliveries, rules.MeshDeliveriesLeft);
                counts.MeshFailures = Less(counts.MeshFailures, rules.MeshFailuresLeft);
                counts.Invalid = Less(counts.Invalid, rules.InvalidLeft);
                if (counts.MeshSince is not { } since)
                    continue;
                counts.TimeInMesh = now - since;
                counts.IsActive |= counts.TimeInMesh > rules.Options.MeshDeliveriesActivation;
            }
        }
    }

    private static double ScoreOf(TopicTally counts, TopicScoreOptions options)
    {
        var score = options.FirstDeliveriesWeight * counts.FirstDeliveries;
        if (counts.MeshSince is not null)
            score += options.TimeInMeshWeight * Math.Min(counts.TimeInMesh / options.TimeInMeshQuantum, options.TimeInMeshCap);
        if (counts.IsActive && options.MeshDeliveriesThreshold - counts.MeshDeliveries is > 0 and var deficit)
            score += options.MeshDeliveriesWeight * deficit * deficit;
        return score + (options.MeshFailureWeight * counts.MeshFailures) + (options.InvalidWeight * counts.Invalid * counts.Invalid);
    }

    private static void Delivery(TopicTally counts, TopicScoreOptions options)
    {
        if (counts.MeshSince is not null)
            counts.MeshDeliveries = Math.Min(counts.MeshDeliveries + 1, options.MeshDeliveriesCap);
    }

    private double Less(double counter, double left)
    {
        if (counter == 0)
            return 0;
        counter *= left;
        return counter < _options.DecayToZero ? 0 : counter;
    }

    /// <summary>Which part of a counter is left after a heartbeat.</summary>
    private static double LeftOf(TimeSpan decay, TimeSpan heartbeat) => Math.Pow(DecayedTo, heartbeat / decay);

    /// <summary>What is counted of a peer in a topic; null where nothing is.</summary>
    private TopicTally? Counts(PeerId peer, string topic)
    {
        if (!_topics.TryGetValue(topic, out var rules) || !_tallies.TryGetValue(peer, out var tally))
            return null;
        if (!tally.Topics.TryGetValue(topic, out var counts))
            tally.Add(topic, counts = new TopicTally(rules));
        return counts;
    }

    /// <summary>What is counted of a peer.</summary>
    internal sealed class Tally(PeerId peer)
    {
        private readonly Dictionary<string, TopicTally> _topics = new(StringComparer.Ordinal);
        private TopicTally[] _counted = [];

        public PeerId Peer => peer;

        public bool IsConnected { get; set; }

        public DateTimeOffset Until { get; set; }

        public AddressNetwork? Network { get; set; }

        public double Behaviour { get; set; }

        public IReadOnlyDictionary<string, TopicTally> Topics => _topics;

        /// <summary>Those of all topics: each heartbeat goes through them twice, and a dictionary is slow to go through.</summary>
        public ReadOnlySpan<TopicTally> Counted => _counted;

        public void Add(string topic, TopicTally counts)
        {
            _topics.Add(topic, counts);
            _counted = [.. _topics.Values];
        }

        public void Remove(string topic)
        {
            if (_topics.Remove(topic))
                _counted = [.. _topics.Values];
        }
    }

    /// <summary>How a topic counts, and what is left of each of its counters after a heartbeat.</summary>
    internal sealed class TopicRules(TopicScoreOptions options, TimeSpan heartbeat)
    {
        public TopicScoreOptions Options => options;

        public double FirstDeliveriesLeft { get; } = LeftOf(options.FirstDeliveriesDecay, heartbeat);

        public double MeshDeliveriesLeft { get; } = LeftOf(options.MeshDeliveriesDecay, heartbeat);

        public double MeshFailuresLeft { get; } = LeftOf(options.MeshFailureDecay, heartbeat);

        public double InvalidLeft { get; } = LeftOf(options.InvalidDecay, heartbeat);
    }

    /// <summary>What is counted of it in a topic.</summary>
    internal sealed class TopicTally(TopicRules rules)
    {
        public TopicRules Rules => rules;

        public TopicScoreOptions Options => rules.Options;

        public DateTimeOffset? MeshSince { get; set; }

        public TimeSpan TimeInMesh { get; set; }

        public bool IsActive { get; set; }

        public double FirstDeliveries { get; set; }

        public double MeshDeliveries { get; set; }

        public double MeshFailures { get; set; }

        public double Invalid { get; set; }
    }
}
