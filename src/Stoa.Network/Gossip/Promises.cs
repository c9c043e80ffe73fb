using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>Messages that peers said they had and were asked for: who does not send them has lied. Not safe for use by many threads.</summary>
/// <remarks>One of each answer to an IHAVE is followed, so there are at most as many as those per heartbeat, times the heartbeats of the deadline.</remarks>
internal sealed class Promises(GossipOptions options)
{
    private static readonly Dictionary<PeerId, int> s_none = [];

    private readonly Dictionary<MessageId, Dictionary<PeerId, DateTimeOffset>> _promises = [];

    public void Add(MessageId id, PeerId peer, DateTimeOffset now)
    {
        if (!_promises.TryGetValue(id, out var peers))
            _promises.Add(id, peers = []);
        peers.TryAdd(peer, now + options.PromiseTimeout);
    }

    /// <summary>A message has come, whoever sent it: all who promised it are free.</summary>
    public void Keep(MessageId id) => _promises.Remove(id);

    /// <summary>A peer has gone.</summary>
    public void Forget(PeerId peer)
    {
        foreach (var (id, peers) in _promises.ToList())
        {
            if (peers.Remove(peer) && peers.Count == 0)
                _promises.Remove(id);
        }
    }

    /// <summary>Who has broken how many since the last time.</summary>
    public IReadOnlyDictionary<PeerId, int> TakeBroken(DateTimeOffset now)
    {
        if (_promises.Count == 0)
            return s_none;
        var broken = new Dictionary<PeerId, int>();
        foreach (var (id, peers) in _promises.ToList())
        {
            foreach (var (peer, _) in peers.Where(pair => pair.Value <= now).ToList())
            {
                peers.Remove(peer);
                broken[peer] = broken.GetValueOrDefault(peer) + 1;
            }

            if (peers.Count == 0)
                _promises.Remove(id);
        }

        return broken;
    }
}
