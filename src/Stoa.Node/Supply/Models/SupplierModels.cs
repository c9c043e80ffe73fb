using System.Collections.Concurrent;
using Stoa.Client.Contracts;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Supply;
using Stoa.Node.Background;
using Stoa.Node.Inference.Replicas;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>Asks each supplier now and then which models it sells and for how much, and makes replicas of those that the network's catalogue has as well. That it answers is how it is seen that it is well.</summary>
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
    SupplierTabs tabs, SupplierConnections connections, ListedModels models, SuppliedReplicas replicas, ReplicaDirectory directory, ModelFleets fleets, SqlSuppliers suppliers, SupplyOptions options, IdSource ids,
    TimeProvider time, Random random, ILogger<SupplierModels> logger) : BackgroundService
{
    private const long MostListBytes = 4 << 20;
    private const int MissesOfSilent = 2;
    private const double Jitter = 0.2;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    private readonly FailureLog _failures = new(logger, time);
    private readonly ConcurrentDictionary<PeerId, Probe> _probes = new();
    private readonly ConcurrentDictionary<(PeerId Node, ListingName Model), (Id<Replica> Id, DateTimeOffset At)> _known = new();

    /// <summary>Has a supplier asked again soon: its prices, or what it sells, seem to be others.</summary>
    internal void AskSoon(PeerId node)
    {
        if (_probes.TryGetValue(node, out var probe))
            probe.DueAt = time.GetTimestamp();
    }

    /// <summary>Asks one.</summary>
    internal async Task AskAsync(SupplierTab tab, CancellationToken cancellationToken)
    {
        var node = tab.Supplier.Node;
        var probe = _probes.GetOrAdd(node, _ => new Probe());
        try
        {
            var (listed, latency) = await ListAsync(tab, cancellationToken);
            (probe.Misses, probe.Standing) = (0, tab.Supplier.Standing);
            (probe.Listed, probe.Sold, probe.ReadAt) = (listed.Items.Count, await FindAsync(node, listed, cancellationToken), time.GetUtcNow());
            await suppliers.MeasureAsync(tab.Supplier, latency, cancellationToken);
        }
        catch (Exception failure) when (SupplierFaults.IsOfSupplier(failure) && !cancellationToken.IsCancellationRequested)
        {
            probe.Misses = Math.Min(probe.Misses + 1, MissesOfSilent);
            probe.Failure = failure.Message;
            if (failure is Stoa.Client.StoaException)
                (probe.Sold, probe.Listed) = ([], 0);
            logger.LogInformation("The supplier {Node} at {Address} does not say which models it sells: {Reason}", node, tab.Supplier.Address, failure.Message);
        }

        if (Show(tab, probe))
            await directory.RefreshAsync(cancellationToken);
        foreach (var replica in replicas.Find(node)?.Replicas ?? [])
            fleets.Find(replica.Replica.Id)?.NoteHealth(probe.Misses < MissesOfSilent, ModelFleet.NowOf(time));
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _failures.TryAsync("look what suppliers sell", LookAsync, stoppingToken);
            await Task.Delay(s_look, time, stoppingToken);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var there = tabs.All;
        foreach (var gone in _probes.Keys.Except(there.Select(tab => tab.Supplier.Node)))
        {
            _probes.TryRemove(gone, out _);
            foreach (var place in _known.Keys.Where(place => place.Node == gone))
                _known.TryRemove(place, out _);
            if (replicas.Remove(gone))
                await directory.RefreshAsync(cancellationToken);
        }

        var due = new List<SupplierTab>();
        foreach (var tab in there)
        {
            var probe = _probes.GetOrAdd(tab.Supplier.Node, _ => new Probe { DueAt = time.GetTimestamp() });
            if (time.GetTimestamp() >= probe.DueAt)
            {
                probe.DueAt = time.GetTimestamp() + (long)(options.ModelsSeconds * time.TimestampFrequency * (1 - Jitter + (2 * Jitter * random.NextDouble())));
                due.Add(tab);
            }
            else if (Show(tab, probe))
            {
                // It was barred, or may be asked again.
                await directory.RefreshAsync(cancellationToken);
            }
        }

        await Task.WhenAll(due.Select(tab => AskAsync(tab, cancellationToken)));
    }

    private async Task<(SoldModelsResponse Listed, TimeSpan Latency)> ListAsync(SupplierTab tab, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromMilliseconds(options.QuoteTimeoutMs);
        using var client = connections.Open(tab.Supplier.Address, timeout, MostListBytes);
        using var late = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var since = time.GetTimestamp();
        var listed = await client.ListSoldModelsAsync(either.Token);
        return listed.Node == tab.Supplier.Node.ToString() ? (listed, time.GetElapsedTime(since)) : throw new FormatException($"It answered as {listed.Node}.");
    }

    /// <summary>Those of a list that the network's catalogue has: the same publisher, name, version and weights, and none of this cell's own.</summary>
    private async Task<IReadOnlyList<(SoldModel Sold, ListedModel Model, double? Speed)>> FindAsync(PeerId node, SoldModelsResponse listed, CancellationToken cancellationToken)
    {
        var found = new List<(SoldModel, ListedModel, double?)>();
        foreach (var row in listed.Items.Take(SoldModel.MostModels))
        {
            if (SoldModel.TryRead(row.Model, row.Publisher, row.Weights, row.Region, row.InputPrice, row.OutputPrice) is not { } sold)
            {
                logger.LogInformation("The supplier {Node} sells {Model}, and what it says of it cannot be read.", node, row.Model);
                continue;
            }

            if (await models.FindForeignAsync(sold.Listing, cancellationToken) is { } model && model.Weights == sold.Weights)
                found.Add((sold, model, row.TokensPerSecond));
        }

        return found;
    }

    /// <returns>Whether requests find something else than before.</returns>
    private bool Show(SupplierTab tab, Probe probe)
    {
        var supplier = tab.Supplier;
        var reason = tab.FindReason() ?? (probe.Misses >= MissesOfSilent ? $"It does not say which models it sells: {probe.Failure}" : null);
        var address = new Uri(supplier.Address, "/api/v1/model-calls");
        var made = probe.Sold.Select(one =>
        {
            var (id, at) = _known.GetOrAdd((supplier.Node, one.Sold.Listing), _ => (new Id<Replica>(ids.NextUuid()), time.GetUtcNow()));
            return new SuppliedReplica(
                new Replica(
                    id, one.Model.Model with { Price = null }, address, one.Sold.Name.ToString(), one.Sold.Region, SupplierShares.WeightOf(one.Sold.Price, LeastOf(one.Sold), probe.Standing), options.ModelRequests,
                    ServingPrice: null, IsDraining: reason is not null, at)
                {
                    Supplied = new SuppliedPrice(supplier.Node, one.Sold.Price),
                },
                one.Sold,
                one.Speed);
        });
        return replicas.Set(supplier.Node, new SuppliedModels(supplier.Id, [.. made], probe.Listed, probe.ReadAt, reason));
    }

    /// <summary>What the cheapest of those asks who sell the same.</summary>
    private ModelPrice LeastOf(SoldModel sold) => _probes.Values.SelectMany(probe => probe.Sold).Where(one => one.Sold.Listing == sold.Listing).Select(one => one.Sold.Price).MinBy(SupplierShares.CostOf) ?? sold.Price;

    private sealed class Probe
    {
        private long _dueAt;

        public long DueAt
        {
            get => Interlocked.Read(ref _dueAt);
            set => Interlocked.Exchange(ref _dueAt, value);
        }

        public int Misses { get; set; }

        public string? Failure { get; set; }

        /// <summary>As it was when the list was read: what changes with each request is no reason to share out anew.</summary>
        public SupplierStanding Standing { get; set; } = SupplierStanding.None;

        public int Listed { get; set; }

        public DateTimeOffset? ReadAt { get; set; }

        public IReadOnlyList<(SoldModel Sold, ListedModel Model, double? Speed)> Sold { get; set; } = [];
    }
}
