using System.Collections.Concurrent;
using Stoa.Client.Contracts;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Supply;
using Stoa.Node.Background;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>Asks each supplier now and then which models it sells and for how much, and makes replicas of those that the network's catalogue has as well. That it answers is how it is seen that it is well.</summary>
/// <param name="database">Says when listings have changed.</param>
/// <param name="tabs">Who they are.</param>
/// <param name="connections">The way to them.</param>
/// <param name="models">What the catalogue has.</param>
/// <param name="replicas">Is told.</param>
/// <param name="directory">Has requests find them.</param>
/// <param name="fleets">Have how they are doing.</param>
/// <param name="suppliers">Where it is written how long they take.</param>
/// <param name="options">How often.</param>
/// <param name="ids">Of replicas.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Chance.</param>
/// <param name="logger">Of those that do not answer.</param>
public sealed class SupplierModels(
    Database database, SupplierTabs tabs, SupplierConnections connections, ListedModels models, SuppliedReplicas replicas, ReplicaDirectory directory, ModelFleets fleets, SqlSuppliers suppliers, SupplyOptions options, IdSource ids,
    TimeProvider time, Random random, ILogger<SupplierModels> logger) : BackgroundService
{
    private const long MostListBytes = 4 << 20;
    private const int MissesOfSilent = 2;
    private const double Jitter = 0.2;

    // A supplier may have a thousand models, and there may be two hundred of them.
    private const int MostRemembered = 200_000;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_betweenSoon = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_remembered = TimeSpan.FromMinutes(10);

    private readonly FailureLog _failures = new(logger, time);
    private readonly Lock _gate = new();
    private Remembered? _remembered;
    private readonly ConcurrentDictionary<PeerId, Probe> _probes = new();
    private readonly ConcurrentDictionary<(PeerId Node, ListingName Model), (Id<Replica> Id, DateTimeOffset At)> _known = new();

    /// <summary>Has a supplier asked again soon: its prices, or what it sells, seem to be others.</summary>
    internal void AskSoon(PeerId node)
    {
        if (_probes.TryGetValue(node, out var probe))
            probe.AskSoon(time.GetTimestamp(), (long)(s_betweenSoon.TotalSeconds * time.TimestampFrequency));
    }

    /// <summary>Asks one.</summary>
    private async Task AskAsync(SupplierTab tab, Probe probe, CancellationToken cancellationToken)
    {
        var (node, before) = (tab.Supplier.Node, probe.Found);
        try
        {
            var (listed, latency) = await ListAsync(tab, cancellationToken);
            probe.Found = new Found(0, null, tab.Supplier.Standing, listed.Items.Count, time.GetUtcNow(), await FindAsync(node, listed, cancellationToken));
            await suppliers.MeasureAsync(tab.Supplier, latency, cancellationToken);
        }
        catch (Exception failure) when (SupplierFaults.IsOfSupplier(failure) && !cancellationToken.IsCancellationRequested)
        {
            probe.Found = before with { Misses = Math.Min(before.Misses + 1, MissesOfSilent), Failure = failure.Message };
            if (failure is Stoa.Client.StoaException)
                probe.Found = probe.Found with { Sold = [], Listed = 0 };
            logger.LogInformation("The supplier {Node} at {Address} does not say which models it sells: {Reason}", node, tab.Supplier.Address, failure.Message);
        }

        if (Show(tab, probe))
            await directory.RefreshAsync(cancellationToken);
        foreach (var replica in replicas.Find(node)?.Replicas ?? [])
            fleets.Find(replica.Replica.Id)?.NoteHealth(probe.Found.Misses < MissesOfSilent, ModelFleet.NowOf(time));
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.BuysModels)
            return;
        try
        {
            while (true)
            {
                await _failures.TryAsync("look what suppliers sell", LookAsync, stoppingToken);
                await Task.Delay(s_look, time, stoppingToken);
            }
        }
        finally
        {
            await Task.WhenAll(_probes.Values.Select(probe => probe.Asking)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var there = tabs.All;
        foreach (var gone in _probes.Keys.Except(there.Select(tab => tab.Supplier.Node)))
        {
            bool wasFound;
            lock (_gate)
            {
                _probes.TryRemove(gone, out _);
                wasFound = replicas.Remove(gone);
            }

            foreach (var place in _known.Keys.Where(place => place.Node == gone))
                _known.TryRemove(place, out _);
            if (wasFound)
                await directory.RefreshAsync(cancellationToken);
        }

        foreach (var tab in there)
        {
            var probe = _probes.GetOrAdd(tab.Supplier.Node, _ => new Probe { DueAt = time.GetTimestamp() });
            if (time.GetTimestamp() >= probe.DueAt && probe.Asking.IsCompleted)
            {
                probe.DueAt = time.GetTimestamp() + (long)(options.ModelsSeconds * time.TimestampFrequency * (1 - Jitter + (2 * Jitter * random.NextDouble())));
                // One that does not answer keeps nobody from asking the others.
                probe.Asking = _failures.TryAsync("look what a supplier sells", stop => AskAsync(tab, probe, stop), cancellationToken);
            }
            else if (Show(tab, probe))
            {
                // It was barred, or may be asked again.
                await directory.RefreshAsync(cancellationToken);
            }
        }
    }

    private async Task<(SoldModelsResponse Listed, TimeSpan Latency)> ListAsync(SupplierTab tab, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromMilliseconds(options.QuoteTimeoutMs);
        using var client = connections.Open(tab.Supplier.Address, timeout, MostListBytes);
        using var late = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var since = time.GetTimestamp();
        var listed = await client.ListSoldModelsAsync(either.Token);
        if (listed.Node != tab.Supplier.Node.ToString())
            throw new FormatException($"It answered as {listed.Node}.");
        return listed.Items is { } items && items.All(row => row is not null) ? (listed, time.GetElapsedTime(since)) : throw new FormatException("Its list has nothing where a model is expected.");
    }

    /// <summary>Those of a list that the network's catalogue has: the same publisher, name, version and weights, and none of this cell's own.</summary>
    private async Task<IReadOnlyList<(SoldModel Sold, ListedModel Model, double? Speed)>> FindAsync(PeerId node, SoldModelsResponse listed, CancellationToken cancellationToken)
    {
        var found = new List<(SoldModel, ListedModel, double?)>();
        var (remembered, unread, dear) = (Remember(), 0, 0);
        foreach (var row in listed.Items.Take(SoldModel.MostModels))
        {
            if (SoldModel.TryRead(row.Model, row.Publisher, row.Weights, row.Region, row.InputPrice, row.OutputPrice) is not { } sold)
            {
                unread++;
                continue;
            }

            if (Money.Max(sold.Price.PerMillionInputTokens, sold.Price.PerMillionOutputTokens) > options.ModelMost)
            {
                dear++;
                continue;
            }

            if (!remembered.Models.TryGetValue(sold.Listing, out var model))
            {
                model = await models.FindForeignAsync(sold.Listing, cancellationToken);
                if (remembered.Models.Count < MostRemembered)
                    remembered.Models[sold.Listing] = model;
            }

            if (model is not null && model.Weights == sold.Weights)
                found.Add((sold, model, row.TokensPerSecond));
        }

        if (unread + dear > 0)
            logger.LogInformation("Of the models that the supplier {Node} sells what is said of {Unread} cannot be read, and {Dear} are dearer than Supply:ModelMostPrice.", node, unread, dear);
        return found;
    }

    /// <summary>What was found in the catalogue since a listing has changed.</summary>
    private Remembered Remember()
    {
        // Before it is looked: what changes meanwhile is looked for again.
        var (changes, now) = (database.GetSignal(SqlListingChanges.Topic).Value, time.GetTimestamp());
        lock (_gate)
        {
            if (_remembered is null || _remembered.Changes != changes || time.GetElapsedTime(_remembered.Since, now) > s_remembered)
                _remembered = new Remembered(changes, now);
            return _remembered;
        }
    }

    /// <returns>Whether requests find something else than before.</returns>
    private bool Show(SupplierTab tab, Probe probe)
    {
        var (supplier, found) = (tab.Supplier, probe.Found);
        var reason = tab.FindReason() ?? (found.Misses >= MissesOfSilent ? $"It does not say which models it sells: {found.Failure}" : null);
        var address = new Uri(supplier.Address, "/api/v1/model-calls");
        List<SuppliedReplica> made = [.. found.Sold.Select(one =>
        {
            var (id, at) = _known.GetOrAdd((supplier.Node, one.Sold.Listing), _ => (new Id<Replica>(ids.NextUuid()), time.GetUtcNow()));
            return new SuppliedReplica(
                new Replica(
                    id, one.Model.Model with { Price = null }, address, one.Sold.Name.ToString(), one.Sold.Region, SupplierShares.WeightOf(one.Sold.Price, LeastOf(one.Sold), found.Standing), options.ModelRequests,
                    ServingPrice: null, IsDraining: reason is not null, at)
                {
                    Supplied = new SuppliedPrice(supplier.Node, one.Sold.Price),
                },
                one.Sold,
                one.Speed);
        })];
        lock (_gate)
        {
            // It may have been removed while it was asked.
            return ReferenceEquals(_probes.GetValueOrDefault(supplier.Node), probe) && replicas.Set(supplier.Node, new SuppliedModels(supplier.Id, made, found.Listed, found.ReadAt, reason ?? tab.FindCaution()));
        }
    }

    /// <summary>What the cheapest of those asks who sell the same.</summary>
    private ModelPrice LeastOf(SoldModel sold) => _probes.Values.SelectMany(probe => probe.Found.Sold).Where(one => one.Sold.Listing == sold.Listing).Select(one => one.Sold.Price).MinBy(SupplierShares.CostOf) ?? sold.Price;

    private sealed class Probe
    {
        private readonly Lock _gate = new();
        private long _dueAt;
        private long? _soonAt;
        private Found _found = new(0, null, SupplierStanding.None, 0, null, []);

        public long DueAt
        {
            get => Interlocked.Read(ref _dueAt);
            set => Interlocked.Exchange(ref _dueAt, value);
        }

        /// <summary>The last time that it was asked, which may be under way.</summary>
        public Task Asking { get; set; } = Task.CompletedTask;

        public Found Found
        {
            get => Volatile.Read(ref _found);
            set => Volatile.Write(ref _found, value);
        }

        /// <summary>Has it asked now, unless that was done a moment ago: requests come by the thousand.</summary>
        public void AskSoon(long now, long between)
        {
            lock (_gate)
            {
                if (_soonAt is { } before && now - before < between)
                    return;
                _soonAt = now;
            }

            DueAt = now;
        }
    }

    /// <param name="Misses">How often in a row it has not answered.</param>
    /// <param name="Failure">Why; null when it has.</param>
    /// <param name="Standing">As it was when the list was read: what changes with each request is no reason to share out anew.</param>
    /// <param name="Listed">How many its list has.</param>
    /// <param name="ReadAt">When that was; null before the first time.</param>
    /// <param name="Sold">Those of them that the catalogue has.</param>
    private sealed record Found(
        int Misses, string? Failure, SupplierStanding Standing, int Listed, DateTimeOffset? ReadAt, IReadOnlyList<(SoldModel Sold, ListedModel Model, double? Speed)> Sold);

    /// <param name="Changes">How far listings had changed.</param>
    /// <param name="Since">When it was begun.</param>
    private sealed record Remembered(long Changes, long Since)
    {
        /// <summary>By listing; null for one that the catalogue does not have.</summary>
        public ConcurrentDictionary<ListingName, ListedModel?> Models { get; } = new();
    }
}
