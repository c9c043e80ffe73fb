using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Takes over the tasks of nodes that vanished: those of this node's earlier starts at once, others when their lease has expired.</summary>
public sealed class LeaseRescuer(
    ITaskStore tasks,
    ExecuteTask execute,
    TaskWorkers workers,
    TaskWaiters waiters,
    LeaseHolder self,
    TasksOptions options,
    TimeProvider time,
    ILogger<LeaseRescuer> logger) : BackgroundService
{
    private const int BatchSize = 500;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.LeaseMs / 2.0), time);
        do
        {
            try
            {
                await RescueAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Abandoned tasks cannot be taken over; trying again.");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>One round; how many were taken over.</summary>
    internal async Task<int> RescueAsync(CancellationToken cancellationToken)
    {
        var rescued = 0;
        while (true)
        {
            // A process that was frozen wakes with its own leases expired; what it still works on it keeps.
            var abandoned = (await tasks.ListAbandonedAsync(self, time.GetUtcNow(), BatchSize, cancellationToken))
                .Where(task => !workers.IsRunning(new LeaseRef(task.Id, task.Token)))
                .ToList();
            if (abandoned.Count == 0)
                break;
            // Together, so that they share commits.
            var ends = await Task.WhenAll(abandoned.Select(execute.RescueAsync));
            foreach (var ended in ends.OfType<AgentTask>().Where(task => task.State.IsFinal))
                waiters.Complete(ended);
            rescued += ends.Count(task => task is not null);
            if (ends.All(task => task is null))
                break;
        }

        if (rescued > 0)
        {
            logger.LogInformation("Took over {Count} tasks of nodes that vanished.", rescued);
            workers.Wake();
        }

        return rescued;
    }
}
