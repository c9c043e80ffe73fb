using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Those who wait for the end of a task: told at once when it ends in this process, and asking now and then for the case that it ends elsewhere.</summary>
/// <remarks>When the node is asked to stop, all of them are let go with what is known by then: a held line must not hold up the stop.</remarks>
public sealed class TaskWaiters(ITaskStore tasks, TasksOptions options, TimeProvider time, IHostApplicationLifetime lifetime)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Id<AgentTask>, List<Waiter>> _waiters = [];

    /// <summary>Called with every task whose end this process learns of, and the output's bytes where these are at hand. What ends elsewhere is not among them.</summary>
    public event Action<AgentTask, ReadOnlyMemory<byte>?>? Ended;

    /// <summary>Tells those who wait that the task has ended.</summary>
    /// <param name="ended">In its final state.</param>
    /// <param name="output">Its output's bytes, when they are kept beside the task and at hand.</param>
    public void Complete(AgentTask ended, ReadOnlyMemory<byte>? output = null)
    {
        Ended?.Invoke(ended, output);
        lock (_lock)
        {
            foreach (var waiter in _waiters.GetValueOrDefault(ended.Id, []))
                waiter.Complete(ended);
        }
    }

    /// <summary>Begins to listen, until the waiter is disposed of. Do so before the task can end, or look at it once more afterwards.</summary>
    public Waiter Listen(Id<AgentTask> id)
    {
        var waiter = new Waiter(this, id);
        lock (_lock)
        {
            if (!_waiters.TryGetValue(id, out var others))
                _waiters[id] = others = [];
            others.Add(waiter);
        }

        return waiter;
    }

    private void Forget(Waiter waiter, Id<AgentTask> id)
    {
        lock (_lock)
        {
            if (_waiters.TryGetValue(id, out var others) && others.Remove(waiter) && others.Count == 0)
                _waiters.Remove(id);
        }
    }

    /// <summary>One who waits for one task.</summary>
    public sealed class Waiter : IDisposable
    {
        private readonly TaskWaiters _all;
        private readonly Id<AgentTask> _id;
        private readonly TaskCompletionSource<AgentTask> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Waiter(TaskWaiters all, Id<AgentTask> id) => (_all, _id) = (all, id);

        /// <summary>Waits until the task, which exists, has ended, the time is over or the node stops.</summary>
        /// <returns>The task as it was last seen.</returns>
        public Task<AgentTask> WaitAsync(AgentTask seen, TimeSpan timeout, CancellationToken cancellationToken) =>
            _all.WaitAsync(seen, _end.Task, timeout, cancellationToken);

        public void Dispose() => _all.Forget(this, _id);

        internal void Complete(AgentTask ended) => _end.TrySetResult(ended);
    }

    private async Task<AgentTask> WaitAsync(AgentTask seen, Task<AgentTask> end, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, lifetime.ApplicationStopping, cancellationToken);
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
                return await tasks.GetAsync(seen.Id, cancellationToken) ?? seen;
            }
        }

        return seen;
    }
}
