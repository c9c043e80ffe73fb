using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>How often a peer may have its statements compared with this node's: so many at once, and then one every so often. Each costs arithmetic, and a peer could ask for nothing else.</summary>
/// <remarks>Whoever has much to get asks again as soon as one has ended, up to that.</remarks>
/// <param name="atOnce">How many at once.</param>
/// <param name="interval">After how long there is one more.</param>
internal sealed class ServedPace(int atOnce, TimeSpan interval)
{
    private const int MaxPeers = 4_096;

    private readonly Lock _lock = new();

    // Until when each would have to wait if it might have none at once.
    private readonly Dictionary<PeerId, DateTimeOffset> _paidUntil = [];

    /// <summary>Counts one more of a peer, unless it is too much.</summary>
    /// <param name="peer">Who asks.</param>
    /// <param name="now">UTC.</param>
    /// <returns>Whether it may have it.</returns>
    public bool TryTake(PeerId peer, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_paidUntil.TryGetValue(peer, out var until) && _paidUntil.Count >= MaxPeers)
                ForgetIdle(now);
            until = until > now ? until : now;
            if (until - now > interval * (atOnce - 1))
                return false;
            // With as many peers as that who all ask, whoever comes new is not counted; the number of sessions at once is bounded in any case.
            if (_paidUntil.Count < MaxPeers || _paidUntil.ContainsKey(peer))
                _paidUntil[peer] = until + interval;
            return true;
        }
    }

    private void ForgetIdle(DateTimeOffset now)
    {
        foreach (var idle in _paidUntil.Where(peer => peer.Value <= now).Select(peer => peer.Key).ToList())
            _paidUntil.Remove(idle);
    }
}
