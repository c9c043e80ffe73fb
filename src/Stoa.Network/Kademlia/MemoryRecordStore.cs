using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Keeps records in memory. After a restart the network brings them again, as those who own them send them out every few hours.</summary>
public sealed class MemoryRecordStore : IRecordStore
{
    private readonly Lock _lock = new();
    private readonly RecordStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly FairSpace<string> _valueSpace;
    private readonly FairSpace<(string Key, PeerId Peer)> _providerSpace;
    private readonly Dictionary<string, ValueRecord> _values = [];
    private readonly Dictionary<string, Dictionary<PeerId, Provider>> _providers = [];

    public MemoryRecordStore(RecordStoreOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time) = (options, time);
        _valueSpace = new FairSpace<string>(options.MaxValueBytes, options.MaxBytesPerPeer, options.MaxBytesPerNetwork, options.ValueLifetime);
        _providerSpace = new FairSpace<(string, PeerId)>(options.MaxProviderBytes, options.MaxBytesPerPeer, options.MaxBytesPerNetwork, options.ProviderLifetime);
    }

    /// <summary>How many values and provider records there are.</summary>
    public (int Values, int Providers) Count
    {
        get
        {
            lock (_lock)
            {
                Expire();
                return (_valueSpace.Count, _providerSpace.Count);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<ValueRecord?> FindValueAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Expire();
            return new ValueTask<ValueRecord?>(_values.GetValueOrDefault(Text(key)));
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> PutValueAsync(ValueRecord record, RecordOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(record);
        var key = Text(record.Key);
        lock (_lock)
        {
            // Who sends a value that is here already keeps it alive, but it does not become its own: it could throw it out then.
            var owner = _values.TryGetValue(key, out var old) && old.Value.Span.SequenceEqual(record.Value.Span) && _valueSpace.TryGetOrigin(key, out var first) ? first : origin;
            var isTaken = _valueSpace.TryTake(key, record.Key.Length + record.Value.Length + RecordStoreOptions.Overhead, owner, _time.GetUtcNow(), out var dropped);
            foreach (var gone in dropped)
                _values.Remove(gone);
            if (isTaken)
                _values[key] = record;
            return new ValueTask<bool>(isTaken);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PeerAddress>> FindProvidersAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Expire();
            return new ValueTask<IReadOnlyList<PeerAddress>>(
                _providers.TryGetValue(Text(key), out var providers) ? [.. providers.Values.OrderByDescending(provider => provider.Since).Select(provider => provider.Address)] : []);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> AddProviderAsync(ReadOnlyMemory<byte> key, PeerAddress provider, RecordOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(provider);
        var text = Text(key);
        lock (_lock)
        {
            Expire();
            var others = _providers.GetValueOrDefault(text);
            PeerId? displaced = null;
            if (others is not null && !others.ContainsKey(provider.Peer) && !TryMakeRoom(others, origin, out displaced))
                return new ValueTask<bool>(false);
            var size = key.Length + provider.Addresses.Sum(address => address.ToBytes().Length) + RecordStoreOptions.Overhead;
            var isTaken = _providerSpace.TryTake((text, provider.Peer), size, origin, _time.GetUtcNow(), out var dropped);
            foreach (var gone in dropped)
                Forget(gone);
            if (!isTaken)
                return new ValueTask<bool>(false);
            if (displaced is { } loser)
            {
                _providerSpace.Remove((text, loser));
                Forget((text, loser));
            }

            if (!_providers.TryGetValue(text, out others))
                _providers.Add(text, others = []);
            others[provider.Peer] = new Provider(provider, origin, _time.GetUtcNow());
            return new ValueTask<bool>(true);
        }
    }

    /// <summary>Of a key that has as many providers as it may, the network with the most gives one up for a network with fewer.</summary>
    private bool TryMakeRoom(Dictionary<PeerId, Provider> providers, RecordOrigin origin, out PeerId? displaced)
    {
        displaced = null;
        var own = origin.Network is null ? 0 : providers.Values.Count(provider => provider.Origin.Network == origin.Network);
        if (origin.Network is not null && own >= _options.MaxProvidersPerKeyAndNetwork)
            return false;
        if (providers.Count < _options.MaxProvidersPerKey)
            return true;
        var most = providers.Values.Where(provider => provider.Origin.Network is not null).GroupBy(provider => provider.Origin.Network).MaxBy(group => group.Count());
        if (most is null || most.Count() <= own + 1)
            return false;
        displaced = most.MinBy(provider => provider.Since)!.Address.Peer;
        return true;
    }

    private void Expire()
    {
        var now = _time.GetUtcNow();
        foreach (var key in _valueSpace.Expire(now))
            _values.Remove(key);
        foreach (var key in _providerSpace.Expire(now))
            Forget(key);
    }

    private void Forget((string Key, PeerId Peer) record)
    {
        if (_providers.TryGetValue(record.Key, out var providers) && providers.Remove(record.Peer) && providers.Count == 0)
            _providers.Remove(record.Key);
    }

    private static string Text(ReadOnlyMemory<byte> key) => Convert.ToBase64String(key.Span);

    private sealed record Provider(PeerAddress Address, RecordOrigin Origin, DateTimeOffset Since);
}
