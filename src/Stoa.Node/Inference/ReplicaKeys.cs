using System.Collections.Concurrent;
using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Node.Inference;

/// <summary>The keys that replicas are asked with, as they were opened; kept apart from what is shown of a replica.</summary>
public sealed class ReplicaKeys
{
    private readonly ConcurrentDictionary<Id<Replica>, string> _authorizations = new();

    /// <summary>The value of the header <c>Authorization</c>; null when a replica wants none.</summary>
    public string? Find(Id<Replica> id) => _authorizations.GetValueOrDefault(id);

    /// <summary>These are the keys now.</summary>
    public void Become(IReadOnlyDictionary<Id<Replica>, string> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        foreach (var (id, key) in keys)
            _authorizations[id] = $"Bearer {key}";
        foreach (var id in _authorizations.Keys.Where(id => !keys.ContainsKey(id)))
            _authorizations.TryRemove(id, out _);
    }
}
