using Stoa.Node.Tasks;

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
            var isMore = await TryAsync("add up usage", usage.FoldAsync, stoppingToken);
            await TryAsync("tell of budgets and balances", TellAsync, stoppingToken);
            if (!isMore)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    private async Task<bool> TellAsync(CancellationToken cancellationToken)
    {
        await alerts.TellAsync(cancellationToken);
        return false;
    }

    private async Task<bool> TryAsync(string step, Func<CancellationToken, Task<bool>> act, CancellationToken stoppingToken)
    {
        try
        {
            return await act(stoppingToken);
        }
        catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
        {
            _failures.Tell(step, failure);
            return false;
        }
    }
}
