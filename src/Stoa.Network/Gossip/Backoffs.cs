using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>Until when whom is not to be grafted, nor may graft. It outlives connections. Not safe for use by many threads.</summary>
internal sealed class Backoffs(GossipOptions options)
{
    private readonly Dictionary<string, Dictionary<PeerId, DateTimeOffset>> _byTopic = new(StringComparer.Ordinal);

    /// <summary>Begins one, or makes it longer.</summary>
    public void Add(string topic, PeerId peer, DateTimeOffset until)
    {
        if (!_byTopic.TryGetValue(topic, out var peers))
            _byTopic.Add(topic, peers = []);
        if (peers.TryGetValue(peer, out var before))
        {
            peers[peer] = before > until ? before : until;
            return;
        }

        if (peers.Count >= options.MaxBackoffs)
            peers.Remove(peers.MinBy(pair => pair.Value).Key);
        peers.Add(peer, until);
    }

    /// <summary>Until when there is one; null for none.</summary>
    public DateTimeOffset? Find(string topic, PeerId peer, DateTimeOffset now) =>
        _byTopic.TryGetValue(topic, out var peers) && peers.TryGetValue(peer, out var until) && until > now ? until : null;

    /// <summary>Forgets those that are over.</summary>
    public void Expire(DateTimeOffset now)
    {
        foreach (var (topic, peers) in _byTopic.ToList())
        {
            foreach (var (peer, _) in peers.Where(pair => pair.Value <= now).ToList())
                peers.Remove(peer);
            if (peers.Count == 0)
                _byTopic.Remove(topic);
        }
    }
}
