using System.Collections.Concurrent;
using Stoa.Market.Webhooks;
using Stoa.Node.Background;
using Stoa.Node.Events;
using Stoa.Node.Membership;

namespace Stoa.Node.Webhooks;

/// <summary>Takes up events and sends them, for as long as the node runs.</summary>
public sealed class WebhookWorker(
    SqlWebhookQueue queue, WebhookSender sender, EventSignal events, WebhooksOptions options, TimeProvider time, ILogger<WebhookWorker> logger)
    : BackgroundService
{
    private const int SentAtOnce = 4;
    private static readonly TimeSpan s_cleaning = TimeSpan.FromHours(1);

    // Events that come close together share a transaction.
    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<Task, byte> _lanes = new();
    private readonly WakeSignal _wake = new();
    private readonly ClockWatch _clock = new(time);
    private readonly FailureLog _failures = new(logger, time);
    private DateTimeOffset _cleanAt = DateTimeOffset.MinValue;
    private bool _mayBePutOff;

    /// <summary>Has the node look at once.</summary>
    public void Wake() => _wake.Set();

    public override void Dispose()
    {
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var (position, isIdle) = await TurnAsync(stoppingToken);
            if (isIdle)
                await WaitAsync(position, stoppingToken);
        }

        // What is being sent is stopped by the same token, and sent again by whoever takes the lease next.
        await Task.WhenAll(_lanes.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>One turn of the loop. Its parts are tried by themselves: whoever cannot take up events still sends what is due, and the other way round.</summary>
    /// <returns>Up to which event all is taken up, null for not known; and whether there is nothing to do now.</returns>
    internal async Task<(long? Position, bool IsIdle)> TurnAsync(CancellationToken cancellationToken)
    {
        var fannedOut = (FannedOut?)null;
        var begun = 0;
        _mayBePutOff |= _clock.WasSetBack();
        await _failures.TryAsync("bring deliveries of webhooks forward", BringForwardAsync, cancellationToken);
        await _failures.TryAsync("make deliveries to webhooks of events", async token => fannedOut = await queue.FanOutAsync(token), cancellationToken);
        await _failures.TryAsync("begin deliveries to webhooks", async token => begun = await BeginDueAsync(token), cancellationToken);
        await _failures.TryAsync("forget old deliveries to webhooks", CleanAsync, cancellationToken);
        return (fannedOut?.Position, begun == 0 && fannedOut is not { HasMore: true });

        async Task BringForwardAsync(CancellationToken token)
        {
            if (_mayBePutOff)
                await queue.BringForwardAsync(token);
            _mayBePutOff = false;
        }
    }

    /// <summary>Until something is due, an event comes after the position, or it is time to look anyway.</summary>
    private async Task WaitAsync(long? position, CancellationToken cancellationToken)
    {
        var poll = TimeSpan.FromMilliseconds(options.PollMs);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var woken = _wake.WaitAsync(poll, time, waiting.Token);
        // With no webhook there is nobody to be told of an event.
        var happened = position is { } seen ? events.WaitBeyondAsync(seen, waiting.Token) : woken;
        await Task.WhenAny(woken, happened);
        if (!woken.IsCompleted)
            await Task.WhenAny(woken, Task.Delay(s_gathering, time, waiting.Token));
        await waiting.CancelAsync();
        await Task.WhenAll(woken, happened).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<int> BeginDueAsync(CancellationToken cancellationToken)
    {
        var free = options.Lanes - _lanes.Count;
        // A look costs less than a transaction.
        if (free <= 0 || !(await queue.NextDueAsync(cancellationToken) <= time.GetUtcNow()))
            return 0;
        var leases = await queue.ClaimAsync(free, cancellationToken);
        foreach (var lease in leases)
        {
            var lane = Task.Run(() => ServeAsync(lease, cancellationToken), CancellationToken.None);
            _lanes.TryAdd(lane, 0);
            _ = lane.ContinueWith(
                ended =>
                {
                    _lanes.TryRemove(ended, out _);
                    _wake.Set();
                },
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
        }

        return leases.Count;
    }

    private async Task ServeAsync(WebhookLease lease, CancellationToken cancellationToken)
    {
        try
        {
            var attempts = new ConcurrentBag<(WebhookDelivery, DeliveryAttempt)>();
            await Parallel.ForEachAsync(
                lease.Deliveries,
                new ParallelOptions { MaxDegreeOfParallelism = SentAtOnce, CancellationToken = cancellationToken },
                async (delivery, token) => attempts.Add((delivery, await sender.SendAsync(lease.Webhook, delivery, token))));
            await queue.FinishAsync(lease, [.. attempts], cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogError(failure, "What came of deliveries to {Webhook} cannot be written; they are sent again.", lease.Webhook.Id);
        }
        finally
        {
            queue.Drop(lease);
        }
    }

    private async Task CleanAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _cleanAt)
            return;
        await queue.ForgetAsync(now - TimeSpan.FromDays(options.KeepDays), cancellationToken);
        _cleanAt = now + s_cleaning;
    }
}
