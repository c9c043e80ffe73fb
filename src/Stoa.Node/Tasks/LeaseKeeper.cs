using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Renews the leases of running tasks, and stops work whose lease is lost or whose consumer has asked for it.</summary>
public sealed class LeaseKeeper(
    ITaskStore tasks, TaskWorkers workers, LeaseHolder self, TasksOptions options, TimeProvider time, ILogger<LeaseKeeper> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.RenewMs), time);
        // It goes on while the host stops, for as long as tasks are let end: only then does the host's last service stop it.
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RenewAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Leases cannot be renewed; trying again.");
            }
        }
    }

    internal async Task RenewAsync(CancellationToken cancellationToken)
    {
        var attempts = workers.Running.ToDictionary(attempt => attempt.Lease);
        if (attempts.Count == 0)
            return;
        var renewal = await tasks.RenewAsync(
            self, [.. attempts.Keys], time.GetUtcNow(), TimeSpan.FromMilliseconds(options.LeaseMs), cancellationToken);
        foreach (var lost in renewal.Lost)
        {
            // One that ended just now is not running any more either: stopping it does nothing.
            attempts[lost].Stop(StopReason.LeaseLost);
        }

        foreach (var unwanted in renewal.CancelRequested)
            attempts[unwanted].Stop(StopReason.Cancelled);
    }
}
