namespace Stoa.Node.Metering;

/// <summary>Adds usage up and tells of budgets, for as long as the node runs.</summary>
public sealed class MeteringWorker(SqlUsageStore usage, SqlAlerts alerts, MeteringOptions options, TimeProvider time, ILogger<MeteringWorker> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var isMore = false;
            try
            {
                isMore = await TurnAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Usage cannot be added up; trying again.");
            }

            if (!isMore)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    /// <summary>One turn of the loop; whether there is more to add up at once.</summary>
    internal async Task<bool> TurnAsync(CancellationToken cancellationToken)
    {
        var isMore = await usage.FoldAsync(cancellationToken);
        await alerts.TellAsync(cancellationToken);
        return isMore;
    }
}
