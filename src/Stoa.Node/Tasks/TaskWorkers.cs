using System.Collections.Concurrent;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Tasks.Live;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Works on tasks: claims what this node has room for, runs it, and stops it when somebody says so.</summary>
/// <remarks>
/// It sleeps until a task is queued in this process, one falls due or room becomes free; other nodes' submissions it
/// finds by asking now and then. A submission may also reserve room first and be claimed in its own transaction.
/// </remarks>
public sealed class TaskWorkers(
    ITaskStore tasks,
    ExecuteTask execute,
    GuestThreads threads,
    TaskWaiters waiters,
    TaskTelemetry telemetry,
    LiveTasks live,
    Cell cell,
    TasksOptions options,
    TimeProvider time,
    ILogger<TaskWorkers> logger) : IHostedService, IDisposable
{
    private const int MaxInputReadAhead = 64 << 10;
    private static readonly IReadOnlyDictionary<Id<AgentTask>, ReadOnlyMemory<byte>> s_noInputs = new Dictionary<Id<AgentTask>, ReadOnlyMemory<byte>>();

    private readonly WorkRoom _room = new(options.Workers, options.MaxMemoryBytes, time);
    private readonly WakeSignal _wake = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<LeaseRef, Attempt> _running = new();
    private readonly ConcurrentDictionary<Id<AgentTask>, byte> _beginning = new();
    private readonly WakeSignal _ended = new();
    private int _reserved;
    private volatile bool _isHandingBack;
    private Task _dispatching = Task.CompletedTask;

    private long _claimedTasks;
    private long _claims;
    private long _claimUnderWay;

    private ImmediateClaim Offer => new(cell.Self, cell.Region);

    /// <summary>The attempts that run here now.</summary>
    public IReadOnlyCollection<Attempt> Running => (IReadOnlyCollection<Attempt>)_running.Values;

    /// <summary>What of this node's capacity is in use.</summary>
    public NodeLoad Load
    {
        get
        {
            // A task whose program has ended is held until its end is written, but has given its thread and its memory to another one.
            var busy = _room.Busy;
            var tasks = _running.Values.Select(attempt => attempt.Task).ToList();
            return new NodeLoad(
                Math.Min(busy.Tasks, options.Workers),
                busy.MemoryBytes,
                tasks.Count,
                Interlocked.Read(ref _claimedTasks),
                NodeLoad.Count(tasks.Select(task => task.Agent)));
        }
    }

    /// <summary>Why no task is taken here; null when tasks are.</summary>
    public string? Fault => _dispatching.IsCompleted ? "no tasks are taken here." : null;

    /// <summary>Whether the lease is of an attempt that runs here now, or of one that is about to.</summary>
    public bool IsOwn(LeaseRef lease) => _beginning.ContainsKey(lease.TaskId) || _running.ContainsKey(lease);

    /// <summary>The number of the claim whose answer is awaited; null when there is none. What it has brought is not this node's own, as far as that knows.</summary>
    public long? ClaimUnderWay => Interlocked.Read(ref _claimUnderWay) is var number and > 0 ? number : null;

    /// <summary>The attempt under a lease; null when it does not run here now.</summary>
    public Attempt? Find(LeaseRef lease) => _running.GetValueOrDefault(lease);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        telemetry.Watch(() => _room.Busy.Tasks, () => _room.Busy.MemoryBytes);
        _dispatching = Task.Run(DispatchAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Says that something may be due: a task was queued, or moved forward.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Keeps room for a task that is about to be submitted, so that it can be claimed in the same transaction.</summary>
    /// <returns>What to hand to the submission, or null when there is no room.</returns>
    public Reservation? TryReserve(AgentTask task)
    {
        var memoryBytes = task.Limits.MemoryBytes;
        // Counted before it is seen whether the node stops, so that the stop sees it or is seen.
        Interlocked.Increment(ref _reserved);
        if (!_stopping.IsCancellationRequested && _room.TryTake(memoryBytes))
        {
            // Known as this node's own before anybody can see its lease.
            _beginning.TryAdd(task.Id, 0);
            return new Reservation(this, task.Id, memoryBytes);
        }

        Unreserve();
        return null;
    }

    /// <summary>Stops the attempt at a task, if it runs here.</summary>
    public void Stop(AgentTask task, StopReason reason)
    {
        if (_running.TryGetValue(new LeaseRef(task.Id, task.Token), out var attempt))
            attempt.Stop(reason);
    }

    /// <summary>Gives a task back to the queue that was claimed here and waits for a thread; one that has begun goes on.</summary>
    public async Task GiveBackAsync(Attempt attempt)
    {
        if (!attempt.TryTake())
            return;
        AgentTask? after = null;
        try
        {
            after = await execute.EndAsync(execute.GiveBack(attempt.Task));
        }
        catch (Exception failure)
        {
            LogLoss(failure, attempt);
        }

        _room.Give(1, attempt.Task.Limits.MemoryBytes);
        Forget(attempt, after);
        _wake.Set();
    }

    /// <summary>Takes no more, lets what runs end for a while, and hands the rest back to the queue.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _dispatching;
        if (IsIdle)
            return;
        logger.LogInformation("Waiting for {Count} running tasks to end.", _running.Count);
        if (await EndedWithinAsync(TimeSpan.FromMilliseconds(options.StopGraceMs), cancellationToken))
            return;
        logger.LogInformation("Handing {Count} tasks back to the queue.", _running.Count);
        _isHandingBack = true;
        foreach (var attempt in _running.Values)
            attempt.Stop(StopReason.NodeStopping);
        await EndedWithinAsync(Timeout.InfiniteTimeSpan, cancellationToken);
    }

    public void Dispose() => _stopping.Dispose();

    // What is reserved may still become a task that runs here, so that is looked at first.
    private bool IsIdle => Volatile.Read(ref _reserved) == 0 && _running.IsEmpty;

    /// <summary>Waits until nothing runs here. That is looked at anew after each end: a claim that was under way may have begun more meanwhile.</summary>
    private async Task<bool> EndedWithinAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (!IsIdle)
        {
            var left = timeout == Timeout.InfiniteTimeSpan ? timeout : timeout - time.GetElapsedTime(since);
            if (left < TimeSpan.Zero && left != Timeout.InfiniteTimeSpan)
                return false;
            try
            {
                await _ended.WaitAsync(left, time, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }

        return true;
    }

    private void Unreserve()
    {
        Interlocked.Decrement(ref _reserved);
        _ended.Set();
    }

    private async Task DispatchAsync()
    {
        var token = _stopping.Token;
        // While there was more than room for, what is due next need not be asked: it is claimed.
        var isMore = false;
        while (!token.IsCancellationRequested)
        {
            var pause = TimeSpan.FromMilliseconds(options.PollMs);
            try
            {
                if (isMore && _room.IsWorthAClaim)
                {
                    isMore = await ClaimAsync(token) is { IsMore: true };
                    continue;
                }

                if (_room.IsWorthAClaim && await tasks.NextDueAsync(cell.Region, token) is { } due)
                {
                    var ahead = due - time.GetUtcNow();
                    if (ahead <= TimeSpan.Zero && await ClaimAsync(token) is { IsAny: true } claim)
                    {
                        isMore = claim.IsMore;
                        continue;
                    }

                    if (ahead > TimeSpan.Zero && ahead < pause)
                        pause = ahead;
                }
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                logger.LogError(failure, "The queue cannot be read; trying again in {Pause}.", pause);
            }

            try
            {
                await _wake.WaitAsync(pause, time, token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Claims what there is room for, and says whether anything came of it and whether all slots were needed.</summary>
    private async Task<(bool IsAny, bool IsMore)> ClaimAsync(CancellationToken cancellationToken)
    {
        var (slots, memoryBytes) = _room.TakeAll();
        if (slots == 0)
            return (false, false);
        IReadOnlyList<AgentTask> claimed = [];
        Interlocked.Exchange(ref _claimUnderWay, ++_claims);
        try
        {
            claimed = await tasks.ClaimAsync(
                cell.Self, new ClaimRoom(slots, memoryBytes, options.MaxMemoryBytes, cell.Region), time.GetUtcNow(), cancellationToken);
            foreach (var task in claimed)
                _beginning.TryAdd(task.Id, 0);
        }
        finally
        {
            Interlocked.Exchange(ref _claimUnderWay, 0);
            _room.Claimed(claimed.Count, claimed.Sum(task => task.Limits.MemoryBytes));
        }

        var inputs = await ReadInputsAsync(claimed);
        // A bare null would be taken for an input without bytes, since arrays turn into memory by themselves.
        foreach (var task in claimed)
            Begin(task, inputs.TryGetValue(task.Id, out var input) ? input : (ReadOnlyMemory<byte>?)null);
        return (claimed.Count > 0, claimed.Count == slots);
    }

    /// <summary>Reads the short inputs of claimed tasks together. Whoever's is not among them reads it when it begins.</summary>
    private async Task<IReadOnlyDictionary<Id<AgentTask>, ReadOnlyMemory<byte>>> ReadInputsAsync(IReadOnlyList<AgentTask> claimed)
    {
        var ids = claimed.Where(task => task.Input is { IsInline: true, SizeBytes: <= MaxInputReadAhead }).Select(task => task.Id).ToList();
        try
        {
            return ids.Count == 0 ? s_noInputs : await tasks.ReadInputsAsync(ids, CancellationToken.None);
        }
        catch (Exception failure)
        {
            logger.LogWarning(failure, "The inputs of {Count} tasks cannot be read together; each is tried alone.", ids.Count);
            return s_noInputs;
        }
    }

    /// <summary>Starts working on a claimed task, whose room is taken already.</summary>
    private void Begin(AgentTask task, ReadOnlyMemory<byte>? inlineInput)
    {
        var attempt = new Attempt(task);
        _running[attempt.Lease] = attempt;
        Interlocked.Increment(ref _claimedTasks);
        _beginning.TryRemove(task.Id, out _);
        live.Began(attempt);
        if (_isHandingBack)
            attempt.Stop(StopReason.NodeStopping);
        threads.Start(() =>
        {
            // Not awaited: the attempt ends itself, and StopAsync waits for all of them.
            if (attempt.TryTake())
                _ = RunAsync(attempt, inlineInput);
        });
    }

    private async Task RunAsync(Attempt attempt, ReadOnlyMemory<byte>? inlineInput)
    {
        var start = time.GetTimestamp();
        using var span = telemetry.Begin(attempt.Task, time.GetUtcNow());
        AgentTask? after = null;
        AttemptEnd? end = null;
        try
        {
            try
            {
                end = await execute.RunAsync(attempt, inlineInput);
            }
            finally
            {
                // The slot is another's before the end is written: that needs no thread.
                WakeIf(_room.End(attempt.Task.Limits.MemoryBytes));
            }

            if (end is not null)
                after = await execute.EndAsync(end);
        }
        catch (Exception failure)
        {
            LogLoss(failure, attempt);
        }

        telemetry.End(span, after, time.GetElapsedTime(start));
        Forget(attempt, after, end?.InlineOutput);
        WakeIf(_room.Written() || after?.State is TaskState.Queued);
    }

    private void Forget(Attempt attempt, AgentTask? after, ReadOnlyMemory<byte>? output = null)
    {
        _running.TryRemove(attempt.Lease, out _);
        attempt.Dispose();
        if (after is { State.IsFinal: true })
            waiters.Complete(after, output);
        _ended.Set();
    }

    /// <summary>The task stays leased until nobody renews it, and is then taken over like that of a vanished node.</summary>
    private void LogLoss(Exception failure, Attempt attempt) =>
        logger.LogError(failure, "The attempt at {TaskId} could not be ended.", attempt.Task.Id);

    private void WakeIf(bool isWorthAClaim)
    {
        if (isWorthAClaim)
            _wake.Set();
    }

    /// <summary>Room that is kept for a submission. Give it a task that was claimed for this node, or dispose of it.</summary>
    public sealed class Reservation : IDisposable
    {
        private readonly TaskWorkers _workers;
        private readonly Id<AgentTask> _taskId;
        private readonly long _memoryBytes;
        private bool _used;

        internal Reservation(TaskWorkers workers, Id<AgentTask> taskId, long memoryBytes) =>
            (_workers, _taskId, _memoryBytes) = (workers, taskId, memoryBytes);

        /// <summary>The offer that goes into the submission.</summary>
        public ImmediateClaim Claim => _workers.Offer;

        /// <summary>Starts working on the task that the room was kept for.</summary>
        public void Begin(AgentTask claimed, ReadOnlyMemory<byte>? inlineInput)
        {
            _used = true;
            _workers.Begin(claimed, inlineInput);
            _workers.Unreserve();
        }

        public void Dispose()
        {
            if (!_used)
            {
                _workers._beginning.TryRemove(_taskId, out _);
                _workers._room.Give(1, _memoryBytes);
                _workers._wake.Set();
                _workers.Unreserve();
            }
        }
    }
}
