using System.Collections.Concurrent;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Those who wait for the end of a task: told at once when it ends in this process, and asking now and then for the case that it ends elsewhere.</summary>
public sealed class TaskWaiters(ITaskStore tasks, TasksOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<Id<AgentTask>, TaskCompletionSource<AgentTask>> ends = new();

    /// <summary>Tells those who wait that the task has ended.</summary>
    public void Complete(AgentTask ended)
    {
        if (ends.TryRemove(ended.Id, out var end))
            end.TrySetResult(ended);
    }

    /// <summary>Takes back a <see cref="Listen"/> that nobody waits for.</summary>
    public void Forget(Id<AgentTask> id) => ends.TryRemove(id, out _);

    /// <summary>Begins to listen. Do so before the task can end, or look at it once more afterwards.</summary>
    public Task<AgentTask> Listen(Id<AgentTask> id) =>
        ends.GetOrAdd(id, static _ => new TaskCompletionSource<AgentTask>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Waits until a task that exists has ended, or the time is over.</summary>
    /// <returns>The task as it was last seen.</returns>
    public async Task<AgentTask> WaitAsync(AgentTask seen, Task<AgentTask> end, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        var poll = TimeSpan.FromMilliseconds(options.PollMs);
        while (!seen.State.IsFinal)
        {
            try
            {
                return await end.WaitAsync(poll, time, either.Token);
            }
            catch (TimeoutException)
            {
                seen = await tasks.GetAsync(seen.Id, cancellationToken) ?? seen;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                seen = await tasks.GetAsync(seen.Id, cancellationToken) ?? seen;
                break;
            }
        }

        // Nobody may ever complete what ends elsewhere. Others who wait for the same task still see its end when they next look.
        ends.TryRemove(seen.Id, out _);
        return seen;
    }
}
