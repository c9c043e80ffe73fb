using Stoa.Market.Inference.Routing;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>A model at a supplier, as requests find it.</summary>
/// <param name="Replica">Of a fleet that is named by its publisher's key; draining while it is asked nothing.</param>
/// <param name="Sold">As the supplier's list has it.</param>
/// <param name="TokensPerSecond">How fast it writes one answer, as the supplier says; null when it does not.</param>
public sealed record SuppliedReplica(Replica Replica, SoldModel Sold, double? TokensPerSecond);

/// <summary>What is known of a supplier's models.</summary>
/// <param name="Supplier">Which.</param>
/// <param name="Replicas">Of those that the network's catalogue has, too.</param>
/// <param name="Listed">How many its list has.</param>
/// <param name="ReadAt">When its list was last read, UTC; null before the first time.</param>
/// <param name="Reason">Why none of them is asked, or only one at a time; null when they are.</param>
public sealed record SuppliedModels(Id<Supplier> Supplier, IReadOnlyList<SuppliedReplica> Replicas, int Listed, DateTimeOffset? ReadAt, string? Reason);

/// <summary>The models at other operators' nodes that this one buys answers of, in its memory only: each node of a cell asks for itself.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
public sealed class SuppliedReplicas
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, SuppliedModels> _all = [];
    private long _number;

    /// <summary>How often it has changed which requests find.</summary>
    public long Number => Interlocked.Read(ref _number);

    /// <summary>All of them.</summary>
    public IReadOnlyList<Replica> Replicas
    {
        get
        {
            lock (_lock)
                return [.. _all.Values.SelectMany(models => models.Replicas).Select(one => one.Replica)];
        }
    }

    /// <summary>What is known of each supplier's models.</summary>
    public IReadOnlyList<SuppliedModels> All
    {
        get
        {
            lock (_lock)
                return [.. _all.Values];
        }
    }

    /// <summary>What is known of a supplier's models; null before it was asked.</summary>
    public SuppliedModels? Find(PeerId node)
    {
        lock (_lock)
            return _all.GetValueOrDefault(node);
    }

    /// <summary>One of them, with what else is known of its supplier; null when there is none of that id.</summary>
    public (SuppliedReplica Replica, SuppliedModels Models)? Find(Id<Replica> id)
    {
        lock (_lock)
        {
            foreach (var models in _all.Values)
            {
                if (models.Replicas.FirstOrDefault(one => one.Replica.Id == id) is { } found)
                    return (found, models);
            }

            return null;
        }
    }

    /// <summary>Says what is known of a supplier's models now.</summary>
    /// <returns>Whether requests find something else than before.</returns>
    public bool Set(PeerId node, SuppliedModels models)
    {
        ArgumentNullException.ThrowIfNull(models);
        lock (_lock)
        {
            var before = _all.GetValueOrDefault(node)?.Replicas ?? [];
            var hasChanged = before.Count != models.Replicas.Count || before.Zip(models.Replicas).Any(pair => !IsSame(pair.First.Replica, pair.Second.Replica));
            _all[node] = models;
            if (hasChanged)
                Interlocked.Increment(ref _number);
            return hasChanged;
        }
    }

    /// <summary>It supplies nothing any more.</summary>
    /// <returns>Whether requests found something of it before.</returns>
    public bool Remove(PeerId node)
    {
        lock (_lock)
        {
            if (!_all.Remove(node, out var before) || before.Replicas.Count == 0)
                return false;
            Interlocked.Increment(ref _number);
            return true;
        }
    }

    // A listing that was read again says the same in another list.
    private static bool IsSame(Replica one, Replica other) =>
        one with { Model = other.Model } == other
        && one.Model with { Capabilities = other.Model.Capabilities } == other.Model
        && one.Model.Capabilities.SequenceEqual(other.Model.Capabilities, StringComparer.Ordinal);
}
