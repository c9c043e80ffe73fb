using System.Collections.Concurrent;
using Stoa.Market.Auctions;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Holds auctions: has the policies bid, waits for the end of the window, and decides.</summary>
/// <remarks>
/// The node that took the submission does so; nothing of it is in its memory that could not be done again. One that vanished has left
/// the auction open, and another node, or the same one after a restart, decides it when it has seen it open for longer than its window. So a node
/// whose clock is ahead takes nobody's auction from him. Who decides is settled by the auction's row.
/// </remarks>
public sealed class AuctionRunner(
    SqlAuctionStore store,
    PolicyBids policies,
    CloseAuction close,
    OpenedAuctions opened,
    TaskWorkers workers,
    TaskWaiters waiters,
    AuctionsOptions options,
    TimeProvider time,
    ILogger<AuctionRunner> logger) : BackgroundService
{
    private const int LookedAt = 1_000;
    private const int OverdueAtOnce = 16;

    // The node that holds an auction decides it within a moment of its end; only after this others take it for vanished.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Id<Auction>, byte> _held = new();
    private readonly Dictionary<Id<Auction>, long> _seenSince = [];
    private readonly CancellationTokenSource _stopping = new();

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        opened.Opened += Begin;
        return base.StartAsync(cancellationToken);
    }

    /// <summary>Leaves what is not decided to others.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        opened.Opened -= Begin;
        await _stopping.CancelAsync();
        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _stopping.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Parallel.ForEachAsync(
                    await ListOverdueAsync(stoppingToken),
                    new ParallelOptions { MaxDegreeOfParallelism = OverdueAtOnce, CancellationToken = stoppingToken },
                    async (auction, cancellationToken) => await HoldAsync(auction, TimeSpan.Zero, cancellationToken));
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Auctions cannot be looked at; trying again.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Those that have been open before this node's eyes for longer than their windows.</summary>
    private async Task<IReadOnlyList<Auction>> ListOverdueAsync(CancellationToken cancellationToken)
    {
        var open = (await store.ListOpenAsync(LookedAt, cancellationToken)).ToHashSet();
        foreach (var gone in _seenSince.Keys.Where(id => !open.Contains(id)).ToList())
            _seenSince.Remove(gone);
        var overdue = new List<Auction>();
        foreach (var id in open)
        {
            if (_seenSince.TryAdd(id, time.GetTimestamp()) || _held.ContainsKey(id))
                continue;
            var seenFor = time.GetElapsedTime(_seenSince[id]);
            if (seenFor >= s_grace && await store.FindAsync(id, cancellationToken) is { State: AuctionState.Open, Auction: var auction } && seenFor >= s_grace + auction.Window)
                overdue.Add(auction);
        }

        return overdue;
    }

    // Not awaited: the consumer has the answer, and the auction ends by itself. What goes wrong is told in the log, and it is found overdue.
    private void Begin(Auction auction) => _ = Task.Run(async () =>
    {
        try
        {
            // No longer than the window, wherever the clock has been set to since it was opened, and from here on not by the clock.
            var wait = auction.Announcement.ClosesAt - time.GetUtcNow();
            await HoldAsync(auction, wait < auction.Window ? wait : auction.Window, _stopping.Token);
        }
        catch (Exception failure) when (!_stopping.IsCancellationRequested)
        {
            logger.LogError(failure, "The auction {AuctionId} could not be decided; it is looked at again.", auction.Announcement.Id);
        }
        catch (Exception)
        {
            // The node stops: somebody finds it overdue.
        }
    });

    private async Task HoldAsync(Auction auction, TimeSpan wait, CancellationToken cancellationToken)
    {
        var id = auction.Announcement.Id;
        if (!_held.TryAdd(id, 0))
            return;
        try
        {
            var since = time.GetTimestamp();
            // One that is overdue gives the policies the time that they would have had.
            var patience = wait > TimeSpan.Zero ? wait : auction.Window;
            using var closing = new CancellationTokenSource(patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(closing.Token, cancellationToken);
            var bids = await policies.MakeAsync(auction, either.Token);
            var left = wait - time.GetElapsedTime(since);
            if (left > TimeSpan.Zero)
                await Task.Delay(left, time, cancellationToken);
            var now = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
            if (await store.CloseAsync(id, bids, close, now, cancellationToken) is not { } task)
                return;
            if (task.State.IsFinal)
                waiters.Complete(task);
            else
                workers.Wake();
        }
        finally
        {
            _held.TryRemove(id, out _);
        }
    }
}
