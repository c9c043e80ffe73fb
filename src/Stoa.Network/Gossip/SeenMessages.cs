using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>What became of a message that was seen.</summary>
internal enum SeenState
{
    /// <summary>It is being judged.</summary>
    Pending,
    Accepted,
    Ignored,
    Rejected,
}

/// <summary>A message that was seen, and who brought it again.</summary>
internal sealed class SeenMessage(PeerId first)
{
    // More than a mesh has, so that all who count are counted; not as many as there may be peers.
    private const int MaxCarriers = 32;

    private List<PeerId>? _carriers;

    public SeenState State { get; private set; }

    public DateTimeOffset JudgedAt { get; private set; }

    /// <summary>Who brought it beside the first.</summary>
    public IReadOnlyList<PeerId> Carriers => _carriers ?? [];

    /// <summary>Notes who brings it again.</summary>
    /// <returns>Whether that peer had not brought it before.</returns>
    public bool AddCarrier(PeerId peer)
    {
        _carriers ??= [];
        if (peer == first || _carriers.Count >= MaxCarriers || _carriers.Contains(peer))
            return false;
        _carriers.Add(peer);
        return true;
    }

    public void Judge(SeenState state, DateTimeOffset now)
    {
        (State, JudgedAt) = (state, now);
        if (state is not SeenState.Accepted)
            _carriers = null;
    }
}

/// <summary>The messages of the last minutes, so that none is taken twice. Not safe for use by many threads.</summary>
internal sealed class SeenMessages(GossipOptions options)
{
    private readonly Dictionary<MessageId, SeenMessage> _messages = [];
    private readonly Queue<(MessageId Id, DateTimeOffset At)> _byAge = [];

    public int Count => _messages.Count;

    public SeenMessage? Find(MessageId id) => _messages.GetValueOrDefault(id);

    /// <summary>Notes a message.</summary>
    /// <returns>Null when it was there.</returns>
    public SeenMessage? Add(MessageId id, PeerId first, DateTimeOffset now)
    {
        var seen = new SeenMessage(first);
        if (!_messages.TryAdd(id, seen))
            return null;
        _byAge.Enqueue((id, now));
        if (_byAge.Count > options.MaxSeen)
            _messages.Remove(_byAge.Dequeue().Id);
        return seen;
    }

    /// <summary>Forgets those that are too old.</summary>
    public void Expire(DateTimeOffset now)
    {
        while (_byAge.TryPeek(out var oldest) && now - oldest.At >= options.SeenLifetime)
            _messages.Remove(_byAge.Dequeue().Id);
    }
}
