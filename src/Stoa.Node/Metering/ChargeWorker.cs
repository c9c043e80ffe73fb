using Stoa.Market.Metering;
using Stoa.Node.Background;

namespace Stoa.Node.Metering;

/// <summary>Has users pay for storage at the beginning of each hour, and ends downloads that nobody else ends, for as long as the node runs.</summary>
/// <remarks>All nodes of a cell look; what one has done is done.</remarks>
public sealed class ChargeWorker(SqlStorageFees storage, TransferFees transfers, MeteringOptions options, TimeProvider time, ILogger<ChargeWorker> logger) : BackgroundService
{
    private readonly FailureLog _failures = new(logger, time);
    private DateTimeOffset? _asked;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _failures.TryAsync("have storage paid", LookAsync, stoppingToken);
            await _failures.TryAsync("ask again who has not paid", token => storage.AskAgainAsync(time.GetUtcNow(), token), stoppingToken);
            await _failures.TryAsync("end downloads", transfers.CareAsync, stoppingToken);
            await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    /// <summary>Has everybody pay for the hour that it is, unless that was done.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        while (time.GetUtcNow() is var now && UsageSpan.Hour.StartOf(now) is var hour && hour != _asked)
        {
            if (await storage.ChargeAsync(now, cancellationToken))
                _asked = hour;
        }
    }
}
