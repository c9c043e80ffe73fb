using Stoa.Node.Background;

namespace Stoa.Node.Metering;

/// <summary>Adds usage up and tells of budgets, for as long as the node runs.</summary>
public sealed class MeteringWorker(SqlUsageStore usage, SqlAlerts alerts, MeteringOptions options, TimeProvider time, ILogger<MeteringWorker> logger) : BackgroundService
{
    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // What is added up and what is told fail each by itself.
            var isMore = false;
            await _failures.TryAsync("add up usage", async token => isMore = await usage.FoldAsync(token), stoppingToken);
            await _failures.TryAsync("tell of budgets and balances", alerts.TellAsync, stoppingToken);
            if (!isMore)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }
}
