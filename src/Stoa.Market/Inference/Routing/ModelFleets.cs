using System.Collections.Concurrent;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Inference.Routing;

/// <summary>All models that this node serves.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
/// <param name="chooser">The node's.</param>
/// <param name="limits">How many requests may wait for one version.</param>
/// <param name="time">The clock.</param>
public sealed class ModelFleets(ReplicaChooser chooser, WaitingLimits limits, TimeProvider time)
{
    /// <summary>The most replicas of a node.</summary>
    public const int MostReplicas = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<Id<Replica>, ReplicaState> _states = [];
    private readonly SortedSet<ushort> _freeSlots = [];
    private ushort _slots;
    private Snapshot _now = Snapshot.Of([]);

    /// <summary>The models, by name, newest version first.</summary>
    public IReadOnlyList<ModelFleet> All => Volatile.Read(ref _now).Fleets;

    /// <summary>The replicas.</summary>
    public IReadOnlyCollection<ReplicaState> Replicas
    {
        get
        {
            lock (_lock)
                return [.. _states.Values];
        }
    }

    /// <summary>How a replica is doing; null for one that is not registered.</summary>
    public ReplicaState? Find(Id<Replica> id)
    {
        lock (_lock)
            return _states.GetValueOrDefault(id);
    }

    /// <summary>These are registered now: what is known of those that were before stays known.</summary>
    /// <param name="replicas">At most <see cref="MostReplicas"/>.</param>
    public void Become(IReadOnlyList<Replica> replicas)
    {
        ArgumentNullException.ThrowIfNull(replicas);
        var now = ModelFleet.NowOf(time);
        List<(ModelFleet Fleet, IReadOnlyList<ReplicaState> Replicas)> changed = [];
        lock (_lock)
        {
            var gone = _states.Keys.Except(replicas.Select(replica => replica.Id)).ToList();
            foreach (var id in gone)
            {
                _freeSlots.Add(_states[id].Slot);
                _states.Remove(id);
            }

            foreach (var replica in replicas)
            {
                if (_states.TryGetValue(replica.Id, out var known))
                    known.Change(replica, now);
                else
                    _states.Add(replica.Id, new ReplicaState(replica, TakeSlot(), now));
            }

            var before = _now.Fleets.ToDictionary(fleet => fleet.Model.Listing);
            foreach (var model in _states.Values.GroupBy(state => state.Replica.Model.Listing))
            {
                var fleet = before.Remove(model.Key, out var known) ? known : new ModelFleet(model.First().Replica.Model, chooser, limits, time);
                changed.Add((fleet, [.. model.OrderBy(state => state.Slot)]));
            }

            // Before it is found: its price is asked for at once.
            foreach (var (fleet, states) in changed)
                fleet.Become(states);
            Volatile.Write(ref _now, Snapshot.Of(changed.Select(one => one.Fleet)));
            // Whoever waits for a model that nobody serves any more is told so.
            foreach (var unserved in before.Values)
                unserved.Become([]);
        }
    }

    /// <summary>The models that can answer a request, in the order in which they are tried.</summary>
    /// <param name="address">What it names; not a route.</param>
    /// <param name="kind">Which endpoint it came to.</param>
    /// <param name="tokens">That it has to read.</param>
    /// <returns>None when nobody serves such a model here.</returns>
    public IReadOnlyList<ModelFleet> Find(ModelAddress address, InferenceKind kind, long tokens)
    {
        var now = Volatile.Read(ref _now);
        return address switch
        {
            ModelAddress.ByListing { Range: var range, Listing: { Version: null } listing } =>
                now.ByName.TryGetValue((listing.Publisher, listing.Name), out var versions)
                    ? range == SemanticRange.Any ? versions.ReleasesFor(kind) : [.. versions.All.Where(fleet => range.Takes(fleet.Model.Listing.Version!) && Can(fleet.Model, kind))]
                    : [],
            ModelAddress.ByCapability { Capabilities: var wanted } => [.. now.ByPrice(wanted, kind).Where(fleet => fleet.Model.ContextLength is not { } most || tokens <= most)],
            _ => [],
        };
    }

    /// <summary>One version of a model that does what an endpoint is for; null when nobody serves it here.</summary>
    /// <param name="version">Its listing, with the version.</param>
    /// <param name="kind">Which endpoint.</param>
    public ModelFleet? Find(ListingName version, InferenceKind kind)
    {
        ArgumentNullException.ThrowIfNull(version);
        return Volatile.Read(ref _now).ByName.TryGetValue((version.Publisher, version.Name), out var versions)
            ? versions.All.FirstOrDefault(fleet => fleet.Model.Listing == version && Can(fleet.Model, kind))
            : null;
    }

    /// <summary>Whether a model does what an endpoint is for: to make vectors, or to write.</summary>
    private static bool Can(ReplicaModel model, InferenceKind kind)
    {
        const string Embeddings = "embeddings";
        return kind is InferenceKind.Embedding ? model.Capabilities.Contains(Embeddings, StringComparer.Ordinal) : model.Capabilities.Any(capability => capability != Embeddings);
    }

    private ushort TakeSlot()
    {
        if (_freeSlots.Count == 0)
            return _slots++;
        var slot = _freeSlots.Min;
        _freeSlots.Remove(slot);
        return slot;
    }

    private sealed record Versions(IReadOnlyList<ModelFleet> All)
    {
        private readonly IReadOnlyList<ModelFleet> _writing = ReleasesOf(All, InferenceKind.Chat);
        private readonly IReadOnlyList<ModelFleet> _vectors = ReleasesOf(All, InferenceKind.Embedding);

        /// <summary>The releases that do what an endpoint is for. As with npm, a pre-release is for whoever names it.</summary>
        public IReadOnlyList<ModelFleet> ReleasesFor(InferenceKind kind) => kind is InferenceKind.Embedding ? _vectors : _writing;

        private static IReadOnlyList<ModelFleet> ReleasesOf(IReadOnlyList<ModelFleet> all, InferenceKind kind) =>
            [.. all.Where(fleet => fleet.Model.Listing.Version!.PreRelease.Length == 0 && Can(fleet.Model, kind))];
    }

    private sealed record Snapshot(IReadOnlyList<ModelFleet> Fleets, IReadOnlyDictionary<(string Publisher, string Name), Versions> ByName)
    {
        private const int MostLists = 1_024;

        // Who asks for capabilities asks for the same few, and there may be thousands of models.
        private readonly ConcurrentDictionary<(string Wanted, bool IsEmbedding), IReadOnlyList<ModelFleet>> _lists = new();
        private IReadOnlyList<ModelFleet>? _byPrice;

        /// <summary>Those that can all of it, the cheapest first, and behind all others those that only other operators' nodes serve: a low price there is not to have everybody's prompts.</summary>
        public IReadOnlyList<ModelFleet> ByPrice(IReadOnlyList<string> wanted, InferenceKind kind)
        {
            var key = (string.Join(',', wanted), kind is InferenceKind.Embedding);
            if (_lists.TryGetValue(key, out var known))
                return known;
            _byPrice ??= [.. Fleets.OrderBy(fleet => fleet.Replicas.All(replica => replica.Replica.Supplied is not null)).ThenBy(PriceOf)];
            IReadOnlyList<ModelFleet> found = [.. _byPrice.Where(fleet => Can(fleet.Model, kind) && wanted.All(capability => fleet.Model.Capabilities.Contains(capability, StringComparer.Ordinal)))];
            if (_lists.Count < MostLists)
                _lists[key] = found;
            return found;
        }

        // At the cheapest replica, of this cell where there are any.
        private static Money PriceOf(ModelFleet fleet)
        {
            var own = fleet.Replicas.Where(replica => replica.Replica.Supplied is null).ToList();
            return (own.Count > 0 ? own : fleet.Replicas).Select(replica => replica.Replica.TypicalPrice).DefaultIfEmpty(Money.Zero).Min();
        }

        public static Snapshot Of(IEnumerable<ModelFleet> fleets)
        {
            List<ModelFleet> ordered =
            [
                .. fleets.OrderBy(fleet => fleet.Model.Listing.Publisher, StringComparer.Ordinal).ThenBy(fleet => fleet.Model.Listing.Name, StringComparer.Ordinal).ThenByDescending(fleet => fleet.Model.Listing.Version),
            ];
            return new Snapshot(ordered, ordered.GroupBy(fleet => (fleet.Model.Listing.Publisher, fleet.Model.Listing.Name)).ToDictionary(group => group.Key, group => new Versions([.. group])));
        }
    }
}
