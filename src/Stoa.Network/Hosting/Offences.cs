using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>Counts what peers do against the protocols, and shuts out who goes on.</summary>
/// <remarks>A stranger can make a new key for each try, so this bounds what one connection can do; what one address can do is bounded by the limit of connections.</remarks>
internal sealed class Offences(HostOptions options, TimeProvider time)
{
    private const int MaxRemembered = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Record> _records = [];

    /// <summary>Counts one.</summary>
    /// <returns>Whether the peer is shut out by it.</returns>
    public bool Count(PeerId peer)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (_records.Count >= MaxRemembered && !_records.ContainsKey(peer))
                Forget(now);
            var record = _records.GetValueOrDefault(peer);
            if (now - record.Since > options.OffenceWindow)
                record = new Record(now, 0, record.ShutOutUntil);
            record = record with { Number = record.Number + 1 };
            if (record.Number > options.MaxOffences)
                record = new Record(now, 0, now + options.ShutOut);
            _records[peer] = record;
            return record.ShutOutUntil > now;
        }
    }

    /// <summary>Whether a peer is shut out.</summary>
    public bool IsShutOut(PeerId peer)
    {
        lock (_lock)
            return _records.TryGetValue(peer, out var record) && record.ShutOutUntil > time.GetUtcNow();
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var (peer, record) in _records.ToList())
        {
            if (record.ShutOutUntil <= now && now - record.Since > options.OffenceWindow)
                _records.Remove(peer);
        }

        // All of them are new: those longest shut out go.
        foreach (var peer in _records.OrderBy(pair => pair.Value.Since).Take(Math.Max(0, _records.Count - (MaxRemembered / 2))).Select(pair => pair.Key).ToList())
            _records.Remove(peer);
    }

    private readonly record struct Record(DateTimeOffset Since, int Number, DateTimeOffset ShutOutUntil);
}
