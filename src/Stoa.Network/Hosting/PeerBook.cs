using Stoa.Network.Addressing;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>Who told where a peer is.</summary>
public enum AddressSource
{
    /// <summary>Somebody else. It may be wrong, or an attack on whoever is there.</summary>
    Told,

    /// <summary>Somebody else, with the peer's signature.</summary>
    Signed,

    /// <summary>The peer itself, or a connection to it.</summary>
    Peer,

    /// <summary>Configured here: never forgotten.</summary>
    Configured,
}

/// <summary>What is known of peers: where they are and what they speak.</summary>
/// <remarks>It has an end: of peers that there is no connection to, those that were of no use for longest are forgotten. Safe for use by many threads.</remarks>
public sealed class PeerBook
{
    /// <summary>How many addresses of a peer are remembered.</summary>
    public const int MaxAddresses = 16;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Entry> _entries = [];
    private readonly LinkedList<PeerId> _byUse = [];
    private readonly HostOptions _options;
    private readonly TimeProvider _time;

    internal PeerBook(HostOptions options, TimeProvider time) => (_options, _time) = (options, time);

    /// <summary>How many peers are known.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _entries.Count;
        }
    }

    /// <summary>Notes where a peer is. Addresses that name another peer are left out.</summary>
    public void Add(PeerId peer, IEnumerable<Multiaddr> addresses, AddressSource source)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var until = source switch
        {
            AddressSource.Told or AddressSource.Signed => _time.GetUtcNow() + _options.ToldAddressLifetime,
            AddressSource.Peer => _time.GetUtcNow() + _options.OwnAddressLifetime,
            _ => DateTimeOffset.MaxValue,
        };
        lock (_lock)
        {
            var entry = Use(peer);
            foreach (var address in addresses)
            {
                if (address.Peer is { } named && named != peer)
                    continue;
                var bare = address.WithoutPeer;
                if (entry.Addresses.TryGetValue(bare, out var known))
                    entry.Addresses[bare] = (known.Until > until ? known.Until : until, known.Source > source ? known.Source : source);
                else if (entry.Addresses.Count < MaxAddresses || entry.MakeRoom(source))
                    entry.Addresses.Add(bare, (until, source));
            }
        }
    }

    /// <summary>Notes where a peer has signed that it is: it takes the place of what it signed before, and nothing that it signed before takes its place.</summary>
    /// <param name="record">What it has signed; it holds.</param>
    /// <param name="envelope">The same as it came.</param>
    internal void AddSigned(PeerRecord record, ReadOnlyMemory<byte> envelope)
    {
        lock (_lock)
        {
            var entry = Use(record.Peer);
            if (entry.Signed is { } last && last.Sequence > record.Sequence)
                return;
            entry.Signed = (record.Sequence, envelope);
            foreach (var (address, known) in entry.Addresses.ToList())
            {
                if (known.Source is AddressSource.Signed)
                    entry.Addresses.Remove(address);
            }
        }

        Add(record.Peer, record.Addresses, AddressSource.Signed);
    }

    /// <summary>What was last noted that a peer has signed of where it is; null when nothing was.</summary>
    internal ReadOnlyMemory<byte>? SignedRecordOf(PeerId peer)
    {
        lock (_lock)
            return _entries.GetValueOrDefault(peer)?.Signed?.Envelope;
    }

    /// <summary>Notes what a peer has said of itself: it takes the place of what it said before.</summary>
    public void Identify(PeerId peer, PeerDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        lock (_lock)
        {
            var entry = Use(peer);
            entry.Description = description;
            foreach (var (address, known) in entry.Addresses.ToList())
            {
                if (known.Source is not AddressSource.Configured && !description.Addresses.Contains(address))
                    entry.Addresses.Remove(address);
            }
        }

        Add(peer, description.Addresses, AddressSource.Peer);
    }

    /// <summary>Where a peer is, the most trusted first; none when nobody has told.</summary>
    public IReadOnlyList<Multiaddr> AddressesOf(PeerId peer)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(peer, out var entry))
                return [];
            var now = _time.GetUtcNow();
            foreach (var (address, known) in entry.Addresses.ToList())
            {
                if (known.Until < now)
                    entry.Addresses.Remove(address);
            }

            return [.. entry.Addresses.OrderByDescending(pair => pair.Value.Source).ThenByDescending(pair => pair.Value.Until).Select(pair => pair.Key)];
        }
    }

    /// <summary>What a peer has said of itself; null when it has not.</summary>
    public PeerDescription? DescriptionOf(PeerId peer)
    {
        lock (_lock)
            return _entries.GetValueOrDefault(peer)?.Description;
    }

    /// <summary>Whether a peer has said that it speaks a protocol.</summary>
    public bool Speaks(PeerId peer, string protocol) => DescriptionOf(peer)?.Protocols.Contains(protocol) ?? false;

    /// <summary>Keeps a peer while there is a connection to it.</summary>
    internal void SetConnected(PeerId peer, bool isConnected)
    {
        lock (_lock)
            Use(peer).IsConnected = isConnected;
    }

    private Entry Use(PeerId peer)
    {
        if (_entries.TryGetValue(peer, out var entry))
        {
            _byUse.Remove(entry.Place);
            _byUse.AddFirst(entry.Place);
            return entry;
        }

        if (_entries.Count >= _options.MaxKnownPeers)
            ForgetOne();
        entry = new Entry(_byUse.AddFirst(peer));
        _entries.Add(peer, entry);
        return entry;
    }

    private void ForgetOne()
    {
        for (var place = _byUse.Last; place is not null; place = place.Previous)
        {
            var entry = _entries[place.Value];
            if (entry.IsConnected || entry.Addresses.Values.Any(known => known.Source is AddressSource.Configured))
                continue;
            _entries.Remove(place.Value);
            _byUse.Remove(place);
            return;
        }
    }

    private sealed class Entry(LinkedListNode<PeerId> place)
    {
        public LinkedListNode<PeerId> Place => place;

        public Dictionary<Multiaddr, (DateTimeOffset Until, AddressSource Source)> Addresses { get; } = [];

        public PeerDescription? Description { get; set; }

        /// <summary>What others passed on that it has signed, the latest.</summary>
        public (ulong Sequence, ReadOnlyMemory<byte> Envelope)? Signed { get; set; }

        public bool IsConnected { get; set; }

        /// <summary>Forgets an address of a lesser source, the one that would be forgotten first.</summary>
        public bool MakeRoom(AddressSource source)
        {
            var lesser = Addresses.Where(pair => pair.Value.Source < source).OrderBy(pair => pair.Value.Source).ThenBy(pair => pair.Value.Until).Select(pair => pair.Key).FirstOrDefault();
            return lesser is not null && Addresses.Remove(lesser);
        }
    }
}

/// <summary>What a peer says of itself.</summary>
/// <param name="Protocols">What it speaks.</param>
/// <param name="Addresses">Where it is, without the peer.</param>
/// <param name="AgentVersion">Its program, in its own words.</param>
/// <param name="Record">Its signed peer record, for others to check; null when it sent none.</param>
public sealed record PeerDescription(IReadOnlySet<string> Protocols, IReadOnlyList<Multiaddr> Addresses, string AgentVersion, ReadOnlyMemory<byte>? Record);
