using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Takes over tasks that nobody works on any more.</summary>
public sealed class LeaseRescuer(ITaskStore tasks, ExecuteTask execute, TaskWorkers workers, TaskWaiters waiters, TimeProvider time, ILogger<LeaseRescuer> logger)
{
    private const int BatchSize = 500;

    /// <summary>Takes over what runs for nodes that are not alive.</summary>
    /// <returns>How many tasks.</returns>
    public async Task<int> RescueAbandonedAsync(CancellationToken cancellationToken)
    {
        var rescued = 0;
        int taken;
        do
        {
            taken = await RescueAsync(await tasks.ListAbandonedAsync(BatchSize, cancellationToken));
            rescued += taken;
        }
        while (taken > 0);
        return rescued;
    }

    /// <summary>Takes over tasks that are leased to this node and not worked on.</summary>
    public async Task RescueStraysAsync(IReadOnlyList<LeaseRef> strays, CancellationToken cancellationToken)
    {
        var stray = new List<AgentTask>();
        foreach (var lease in strays)
        {
            if (await tasks.GetAsync(lease.TaskId, cancellationToken) is { State: TaskState.Running } task && task.Token == lease.Token)
                stray.Add(task);
        }

        await RescueAsync(stray);
    }

    /// <summary>Has retries that are put off for longer than any policy puts them off wait no longer.</summary>
    public async Task BringForwardAsync(CancellationToken cancellationToken)
    {
        var brought = await tasks.BringForwardAsync(time.GetUtcNow(), cancellationToken);
        if (brought == 0)
            return;
        logger.LogInformation("Brought {Count} retries forward that a clock had put off.", brought);
        workers.Wake();
    }

    private async Task<int> RescueAsync(IReadOnlyList<AgentTask> abandoned)
    {
        if (abandoned.Count == 0)
            return 0;
        // Together, so that they share commits.
        var ends = await Task.WhenAll(abandoned.Select(execute.RescueAsync));
        foreach (var ended in ends.OfType<AgentTask>().Where(task => task.State.IsFinal))
            waiters.Complete(ended);
        var rescued = ends.Count(task => task is not null);
        if (rescued > 0)
        {
            logger.LogInformation("Took over {Count} tasks that nobody worked on any more.", rescued);
            workers.Wake();
        }

        return rescued;
    }
}
