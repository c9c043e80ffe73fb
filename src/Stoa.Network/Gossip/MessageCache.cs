using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>The messages of the last heartbeats, for who wants them. Not safe for use by many threads.</summary>
internal sealed class MessageCache(GossipOptions options)
{
    private readonly Dictionary<MessageId, Entry> _entries = [];
    // The oldest first; the last is of this heartbeat.
    private readonly List<Queue<(MessageId Id, string Topic)>> _windows = [new()];
    private readonly Dictionary<(MessageId Id, PeerId Peer), int> _sent = [];

    /// <summary>How many bytes there are.</summary>
    public long Bytes { get; private set; }

    public int Count => _entries.Count;

    public void Add(MessageId id, Wire.Message message, int size)
    {
        if (!_entries.TryAdd(id, new Entry(message, size)))
            return;
        _windows[^1].Enqueue((id, message.Topic));
        Bytes += size;
        for (var window = 0; window < _windows.Count; window++)
        {
            while (Bytes > options.MaxCachedBytes && _windows[window].TryDequeue(out var oldest))
                Drop(oldest.Id);
        }
    }

    /// <summary>A message for a peer that wants it; null when it is not here, or the peer had it often enough.</summary>
    public (Wire.Message Message, int Size)? TakeFor(PeerId peer, MessageId id)
    {
        if (!_entries.TryGetValue(id, out var entry))
            return null;
        var times = _sent.GetValueOrDefault((id, peer));
        if (times >= options.GossipRetransmissions)
            return null;
        if (times == 0)
            entry.Wanted.Add(peer);
        _sent[(id, peer)] = times + 1;
        return (entry.Message, entry.Size);
    }

    /// <summary>What is told of in a topic.</summary>
    public List<MessageId> IdsOf(string topic)
    {
        var ids = new List<MessageId>();
        for (var window = Math.Max(0, _windows.Count - options.HistoryGossip); window < _windows.Count; window++)
        {
            foreach (var message in _windows[window])
            {
                if (message.Topic == topic)
                    ids.Add(message.Id);
            }
        }

        return ids;
    }

    /// <summary>A heartbeat is over.</summary>
    public void Shift()
    {
        var next = new Queue<(MessageId Id, string Topic)>();
        if (_windows.Count >= options.HistoryLength)
        {
            next = _windows[0];
            _windows.RemoveAt(0);
            while (next.TryDequeue(out var oldest))
                Drop(oldest.Id);
        }

        _windows.Add(next);
    }

    private void Drop(MessageId id)
    {
        if (!_entries.Remove(id, out var entry))
            return;
        Bytes -= entry.Size;
        foreach (var peer in entry.Wanted)
            _sent.Remove((id, peer));
    }

    private sealed record Entry(Wire.Message Message, int Size)
    {
        public List<PeerId> Wanted { get; } = [];
    }
}
