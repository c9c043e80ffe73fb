using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Remembers for a while who did not answer, so that each lookup does not find it out anew.</summary>
internal sealed class Absentees(TimeSpan memory, TimeProvider time)
{
    private const int MaxRemembered = 2_048;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, DateTimeOffset> _until = [];
    private readonly Queue<(PeerId Peer, DateTimeOffset Until)> _byTime = [];

    public void Add(PeerId peer)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            while (_byTime.TryPeek(out var oldest) && (oldest.Until <= now || _byTime.Count >= MaxRemembered))
            {
                _byTime.Dequeue();
                if (_until.TryGetValue(oldest.Peer, out var until) && until == oldest.Until)
                    _until.Remove(oldest.Peer);
            }

            _until[peer] = now + memory;
            _byTime.Enqueue((peer, now + memory));
        }
    }

    /// <summary>Notes that it is there after all.</summary>
    public void Remove(PeerId peer)
    {
        lock (_lock)
            _until.Remove(peer);
    }

    public bool Contains(PeerId peer)
    {
        lock (_lock)
            return _until.TryGetValue(peer, out var until) && until > time.GetUtcNow();
    }
}
