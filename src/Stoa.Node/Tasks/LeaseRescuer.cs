using System.Collections.Concurrent;
using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Takes over tasks that nobody works on any more, each by itself: one that cannot be read or ended holds up none of the others.</summary>
public sealed class LeaseRescuer(ITaskStore tasks, ExecuteTask execute, TaskWorkers workers, TaskWaiters waiters, TimeProvider time, ILogger<LeaseRescuer> logger)
{
    private const int Together = 64;
    private const int MaxRemembered = 10_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<LeaseRef, Task<bool>> _underWay = new();
    private readonly ConcurrentDictionary<LeaseRef, Failed> _failed = new();

    /// <summary>Takes over what runs for nodes that are not alive.</summary>
    public async Task RescueAbandonedAsync(CancellationToken cancellationToken) =>
        await RescueAsync(await tasks.ListAbandonedAsync(cancellationToken), cancellationToken);

    /// <summary>Takes over tasks by their leases. One whose end is not written soon goes on by itself, and one that failed is left alone for a while.</summary>
    public async Task RescueAsync(IReadOnlyList<LeaseRef> lost, CancellationToken cancellationToken)
    {
        // Some together, so that they share commits.
        foreach (var some in lost.Where(IsToBeTried).Chunk(Together))
        {
            var rescues = Task.WhenAll(some.Select(Begin));
            try
            {
                await rescues.WaitAsync(s_patience, time, cancellationToken);
            }
            catch (TimeoutException)
            {
                // They wait for the database, or for a lock of one that has only fallen silent.
                continue;
            }

            if ((await rescues).Count(isRescued => isRescued) is > 0 and var count)
                logger.LogInformation("Took over {Count} tasks that nobody worked on any more.", count);
        }
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

    /// <summary>Waits until nothing is being taken over.</summary>
    public Task WhenIdleAsync() => Task.WhenAll(_underWay.Values);

    private bool IsToBeTried(LeaseRef lease) =>
        !_underWay.ContainsKey(lease) && (!_failed.TryGetValue(lease, out var failed) || time.GetElapsedTime(failed.At) >= failed.Pause);

    private Task<bool> Begin(LeaseRef lease)
    {
        var isRescued = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_underWay.TryAdd(lease, isRescued.Task))
            return Task.FromResult(false);
        _ = EndAsync();
        return isRescued.Task;

        async Task EndAsync()
        {
            var outcome = await TryAsync(lease);
            _underWay.TryRemove(lease, out _);
            isRescued.SetResult(outcome);
        }
    }

    private async Task<bool> TryAsync(LeaseRef lease)
    {
        try
        {
            var isRescued = await RescueAsync(lease);
            _failed.TryRemove(lease, out _);
            return isRescued;
        }
        catch (Exception failure)
        {
            if (_failed.Count >= MaxRemembered)
                _failed.Clear();
            var pause = _failed.TryGetValue(lease, out var before) ? TimeSpan.FromTicks(Math.Min(2 * before.Pause.Ticks, s_longestPause.Ticks)) : s_firstPause;
            _failed[lease] = new Failed(time.GetTimestamp(), pause);
            logger.LogError(failure, "The task {TaskId}, on which nobody works any more, cannot be taken over; trying again in {Pause}.", lease.TaskId, pause);
            return false;
        }
    }

    private async Task<bool> RescueAsync(LeaseRef lease)
    {
        // A stray may have been begun since it was seen.
        if (workers.IsOwn(lease)
            || await tasks.GetAsync(lease.TaskId, CancellationToken.None) is not { State: TaskState.Running } task
            || task.Token != lease.Token
            || await execute.RescueAsync(task) is not { } after)
        {
            return false;
        }

        if (after.State.IsFinal)
            waiters.Complete(after);
        workers.Wake();
        return true;
    }

    private readonly record struct Failed(long At, TimeSpan Pause);
}
