using System.Collections.Concurrent;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Holds auctions: has the policies bid, waits for the end of the window, and decides.</summary>
/// <remarks>
/// The node that took the submission does so; nothing of it is in its memory that could not be done again. What a node leaves undecided another takes
/// over, or the same one after a restart, as soon as that start of it is off the list of nodes. So no clock is asked who may decide, and a node
/// that is killed soon after each of its starts decides all the same. Who has decided is settled by the auction's row.
/// </remarks>
public sealed class AuctionRunner(
    SqlAuctionStore store,
    PolicyBids policies,
    CloseAuction close,
    OpenedAuctions opened,
    TaskWorkers workers,
    TaskWaiters waiters,
    LeaseHolder self,
    AuctionsOptions options,
    TimeProvider time,
    ILogger<AuctionRunner> logger) : BackgroundService
{
    // Ids alone: most are of auctions that this node is holding.
    private const int LookedAt = 5_000;

    private readonly ConcurrentDictionary<Id<Auction>, byte> _held = new();
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
                foreach (var left in await store.ListLeftAsync(self, LookedAt, stoppingToken))
                {
                    if (!_held.ContainsKey(left) && await store.FindAsync(left, stoppingToken) is { Auction: var auction })
                        Begin(auction);
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Auctions cannot be looked at; trying again.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Not awaited: the consumer has the answer, and the auction ends by itself. What goes wrong is told in the log, and the next look finds it.
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
            // The node stops: somebody takes it over.
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
            // One whose window is over gives the policies the time that they would have had.
            var patience = wait > TimeSpan.Zero ? wait : auction.Window;
            using var closing = new CancellationTokenSource(patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(closing.Token, cancellationToken);
            var bids = await policies.MakeAsync(auction, either.Token);
            var left = wait - time.GetElapsedTime(since);
            if (left > TimeSpan.Zero)
                await Task.Delay(left, time, cancellationToken);
            var now = time.GetUtcNow().ToMilliseconds();
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
