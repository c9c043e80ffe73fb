using System.Collections.Concurrent;
using Stoa.Market;
using Stoa.Node.Background;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>Keeps a tab for each supplier, writes every moment what was spent, and gives back what is not used.</summary>
/// <param name="database">The cell's.</param>
/// <param name="suppliers">Who they are.</param>
/// <param name="store">Where tabs are written.</param>
/// <param name="options">Whether models are asked elsewhere, and how often it is written.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Of failures.</param>
public sealed class SupplierTabs(
    Database database, SqlSuppliers suppliers, SqlSupplierTabs store, SupplyOptions options, TimeProvider time, ILogger<SupplierTabs> logger) : BackgroundService
{
    private static readonly TimeSpan s_untilIdle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_betweenAdoptions = TimeSpan.FromMinutes(1);

    private readonly FailureLog _failures = new(logger, time);
    private readonly ConcurrentDictionary<PeerId, SupplierTab> _tabs = new();
    private readonly Dictionary<SupplierTab, Seen> _seen = [];
    private readonly List<SupplierTab> _closing = [];
    private long _opened;
    private long? _adoptedAt;
    private long _lookedAt;
    private long _signalSeen = -1;

    /// <summary>Those that there are.</summary>
    internal IReadOnlyCollection<SupplierTab> All => [.. _tabs.Values];

    /// <summary>The tab at a supplier; null when it is none any more.</summary>
    internal SupplierTab? Find(PeerId node) => _tabs.GetValueOrDefault(node);

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        // Requests that are under way still are written at the next start, as what may have been spent.
        await EachByItself.DoAsync(
            _tabs.Values.Concat(_closing), tab => tab.CloseAsync(cancellationToken), (tab, failure) => _failures.TellOf("write what was spent at", tab.Supplier.Node, failure), cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        foreach (var tab in _tabs.Values.Concat(_closing))
            tab.Dispose();
    }

    /// <summary>Opens tabs at new suppliers, and closes those at suppliers that were removed.</summary>
    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        if (_adoptedAt is null || time.GetElapsedTime(_adoptedAt.Value) >= s_betweenAdoptions)
        {
            await store.AdoptAsync(isStart: _adoptedAt is null, cancellationToken);
            _adoptedAt = time.GetTimestamp();
        }

        var all = options.BuysModels ? (await suppliers.ListAsync(new PageRequest(options.MaxSuppliers), cancellationToken)).Items : [];
        foreach (var supplier in all)
        {
            if (_tabs.TryGetValue(supplier.Node, out var tab) && !tab.IsClosed && tab.Supplier.Id == supplier.Id && tab.Supplier.Channel == supplier.Channel && tab.Supplier.Address == supplier.Address)
            {
                tab.Take(supplier);
                continue;
            }

            if (tab is not null)
                Retire(tab);
            if (await suppliers.OpenKeyAsync(supplier, cancellationToken) is { } key)
                _tabs[supplier.Node] = new SupplierTab(supplier, ++_opened, key, store, options, time);
        }

        foreach (var gone in _tabs.Values.Where(tab => all.All(supplier => supplier.Id != tab.Supplier.Id)))
            Retire(gone);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var signal = database.GetSignal(SqlSuppliers.Topic);
        while (true)
        {
            if (signal.Value != _signalSeen || time.GetElapsedTime(_lookedAt) >= s_betweenLooks)
            {
                (_signalSeen, _lookedAt) = (signal.Value, time.GetTimestamp());
                await _failures.TryAsync("look who supplies it", RefreshAsync, stoppingToken);
            }

            await EachByItself.DoAsync(_tabs.Values, tab => LookAtAsync(tab, stoppingToken), (tab, failure) => _failures.TellOf("write what was spent at", tab.Supplier.Node, failure), stoppingToken);
            await EachByItself.DoAsync(_closing.ToArray(), tab => CloseAsync(tab, stoppingToken), (tab, failure) => _failures.TellOf("close the tab at", tab.Supplier.Node, failure), stoppingToken);
            await signal.WaitBeyondAsync(_signalSeen, TimeSpan.FromMilliseconds(options.SpentMs), time, stoppingToken);
        }
    }

    private async Task LookAtAsync(SupplierTab tab, CancellationToken cancellationToken)
    {
        var (now, standing) = (time.GetTimestamp(), tab.Standing);
        if (!_seen.TryGetValue(tab, out var seen))
            _seen.Add(tab, seen = new Seen(now));
        if (time.GetElapsedTime(seen.LookedAt, now) is { Ticks: > 0 } passed)
        {
            tab.PerSecond = new Money((long)Math.Min((standing.Counts.Spent - seen.Spent).Nanodollars / passed.TotalSeconds, 1e17));
            (seen.LookedAt, seen.Spent) = (now, standing.Counts.Spent);
        }

        if (standing.Uses != seen.Uses)
            (seen.Uses, seen.UsedAt, seen.HasGivenBack) = (standing.Uses, now, false);
        var isIdle = standing.Reserved == Money.Zero && time.GetElapsedTime(seen.UsedAt, now) >= s_untilIdle && !seen.HasGivenBack && standing.Uses > 0;
        if (isIdle || tab.HasNews)
            await tab.FlushAsync(isIdle, cancellationToken);
        seen.HasGivenBack |= isIdle;
    }

    /// <summary>Nothing more is asked by it. What is under way is written until it has ended.</summary>
    private void Retire(SupplierTab tab)
    {
        _tabs.TryRemove(new KeyValuePair<PeerId, SupplierTab>(tab.Supplier.Node, tab));
        _seen.Remove(tab);
        _closing.Add(tab);
    }

    private async Task CloseAsync(SupplierTab tab, CancellationToken cancellationToken)
    {
        if (!await tab.CloseAsync(cancellationToken))
            return;
        _closing.Remove(tab);
        tab.Dispose();
    }

    private sealed class Seen(long now)
    {
        public long LookedAt { get; set; } = now;

        public Money Spent { get; set; }

        public long Uses { get; set; }

        public long UsedAt { get; set; } = now;

        public bool HasGivenBack { get; set; }
    }
}
