using System.Collections.Concurrent;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Background;
using Stoa.Node.Events;
using Stoa.Node.Membership;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>Carries runs of workflows: takes those that nobody carries, tells them of what has happened to what they have begun, and writes what they come to.</summary>
/// <remarks>
/// A run is carried by one node, for as long as that is among the nodes of the cell; every write is guarded by the lease and by how much had happened before, so that one who was taken for dead
/// writes nothing any more. The ends of tasks that this node works on are told at once; of others the event stream tells, whose signal comes from the database. A look every few seconds
/// finds what was missed all the same.
/// </remarks>
internal sealed class RunCarrier(
    SqlRunStore store,
    WorkflowDocuments documents,
    SubmitTask submit,
    StepModels models,
    ITaskStore tasks,
    TaskWorkers workers,
    TaskWaiters waiters,
    EventSignal told,
    Database database,
    SystemAccounts accounts,
    Cell cell,
    WorkflowsOptions options,
    IdSource ids,
    TimeProvider time,
    ILogger<RunCarrier> logger) : BackgroundService
{
    private const int MaxGroup = 100;
    private const int ClaimedAtOnce = 100;
    private const int ReadAtOnce = 1_000;
    private const int StoppedAtOnce = 16;
    private const int ForgottenAtOnce = 20;

    private static readonly TimeSpan s_cleaning = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_sweep = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_putOff = TimeSpan.FromSeconds(1);
    private static readonly string[] s_told = [EventTypes.TaskSucceeded, EventTypes.TaskFailed, EventTypes.TaskCancelled, EventTypes.WorkflowSignalled];

    private readonly ConcurrentDictionary<Id<DurableRun>, CarriedRun> _runs = new();
    private readonly ConcurrentDictionary<Id<AgentTask>, (CarriedRun Run, StepKey Key)> _tasks = new();
    private readonly ConcurrentDictionary<(Id<DurableRun> Run, StepKey Key), CancellationTokenSource> _asking = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly RunTimers _timers = new(time);
    private readonly WakeSignal _look = new();
    private readonly WakeSignal _signals = new();
    private readonly string _token = HolderLease.NewToken(cell.Self, ids);
    private readonly FailureLog _failures = new(logger, time);
    private GroupCommit<RunCommit, RunCommitted>? _commits;
    private volatile bool _isAnyMissing;
    private long? _sweptAt;
    private long? _cleanedAt;

    public TimeProvider Time => time;

    public CancellationToken Stopping => _stopping.Token;

    public int MaxOpenTasks => options.MaxOpenTasks;

    public long MaxLogBytes => options.MaxLogBytes;

    /// <summary>The token of the lease under which this node carries one more run; null when it has no room for it.</summary>
    public string? TokenForOneMore => _runs.Count < options.MaxRuns && !_stopping.IsCancellationRequested ? _token : null;

    /// <summary>Now, as it is written down.</summary>
    public DateTimeOffset Now() => time.GetUtcNow().ToMilliseconds();

    /// <summary>Carries a run that was begun here.</summary>
    public void Adopt(DurableRun run, ReplayedRun replayed) => Carry(new CarriedRun(this, run, replayed, []))?.Tell(new Told.GoOn());

    /// <summary>Says that something has come to runs from outside.</summary>
    public void Wake() => _signals.Set();

    /// <summary>Says that there is a run that nobody carries.</summary>
    public void LookForRuns() => _look.Set();

    public StepBatch NewBatch(DurableRun run) => new(submit, run.OwnerId, run.TraceParent);

    public Task<IReadOnlyList<EndedTask>> ReadEndedAsync(IReadOnlyCollection<Id<AgentTask>> ended) => store.ReadEndedAsync(ended, Stopping);

    public async Task<ReadOnlyMemory<byte>?> ReadOutputAsync(Id<AgentTask> task) => await tasks.ReadOutputAsync(task, Stopping) is { } bytes ? bytes : (ReadOnlyMemory<byte>?)null;

    /// <summary>Writes what a run has come to, together with others.</summary>
    public async Task<RunCommitted> CommitAsync(CarriedRun run, RunCommit commit)
    {
        var rooms = new Dictionary<Id<AgentTask>, TaskWorkers.Reservation>();
        var hasRoom = true;
        var offered = new List<OpenedStep>(commit.Opened.Count);
        foreach (var opened in commit.Opened)
        {
            offered.Add(opened);
            if (opened.Task is not { } task)
                continue;
            // Known before anybody can work on them: one may have ended before the commit is answered.
            _tasks[task.Task.Id] = (run, opened.Step.Key);
            if (!hasRoom || task.Task is { IsBidding: true } or { IsDueAtOnce: false } || !cell.MayRun(task.Task.Regions))
                continue;
            if (workers.TryReserve(task.Task) is not { } room)
            {
                hasRoom = false;
                continue;
            }

            rooms.Add(task.Task.Id, room);
            offered[^1] = opened with { Task = task with { Claim = room.Claim } };
        }

        try
        {
            var written = await _commits!.WriteAsync(commit with { Opened = offered }, CancellationToken.None);
            foreach (var claimed in written.Claimed)
                rooms[claimed.Id].Begin(claimed, offered.First(opened => opened.Task?.Task.Id == claimed.Id).Task!.InlineInput);
            return written;
        }
        finally
        {
            foreach (var room in rooms.Values)
                room.Dispose();
        }
    }

    /// <summary>What was begun is written: what it needs beside that is done.</summary>
    public void Opened(CarriedRun run, DurableRun stored, IReadOnlyList<OpenedStep> begun)
    {
        var isAnyTask = false;
        foreach (var opened in begun)
        {
            isAnyTask |= opened.Task is not null;
            if (opened.Step.DueAt is { } at)
                _timers.Add(run, opened.Step.Key, at);
            if (opened.Request is { } request)
                _ = AskAsync(run, stored, opened.Step.Key, request);
        }

        if (isAnyTask)
            workers.Wake();
    }

    /// <summary>A task is not a step's any more, or was not made.</summary>
    public void Forget(Id<AgentTask> task) => _tasks.TryRemove(task, out _);

    /// <summary>Has a run go on with what was put off, after a while.</summary>
    public void GoOnLater(CarriedRun run) => _timers.Add(run, null, time.GetUtcNow() + s_putOff);

    /// <summary>Stops what a run does not want any more; its end is told like any other.</summary>
    public void Stop(CarriedRun run, DurableRun stored, IReadOnlyList<OpenStep> steps)
    {
        if (steps.Count > 0)
            _ = StopAsync(run, stored, steps);
    }

    /// <summary>A run is over.</summary>
    public void End(CarriedRun run) => _runs.TryRemove(KeyValuePair.Create(run.Id, run));

    /// <summary>Another node carries a run.</summary>
    public void Lose(CarriedRun run)
    {
        Remove(run);
        _isAnyMissing = true;
        if (!_stopping.IsCancellationRequested)
            logger.LogWarning("The run {Run} was taken over, or written by somebody else.", run.Id);
    }

    /// <summary>A run cannot be carried on as it is here: it is made anew of what is written.</summary>
    public void Drop(CarriedRun run, Exception failure)
    {
        Remove(run);
        _isAnyMissing = true;
        if (!_stopping.IsCancellationRequested)
            _failures.TellOf("carry the run", run.Id, failure);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        waiters.Ended -= TaskEnded;
        await _stopping.CancelAsync();
        await base.StopAsync(cancellationToken);
        try
        {
            // Whoever takes them over need not wait until this node is seen to be gone.
            await store.ReleaseAsync(_token, cancellationToken);
        }
        catch (Exception failure)
        {
            // Without its storage it is seen to be gone all the same.
            logger.LogWarning(failure, "Runs could not be given up for others.");
        }
    }

    public override void Dispose()
    {
        _stopping.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _commits = new(group => store.CommitAsync(group, _token, CancellationToken.None), MaxGroup);
        waiters.Ended += TaskEnded;
        await Task.WhenAll(
            _timers.RunAsync(run => _runs.TryGetValue(run.Id, out var carried) && carried == run, stoppingToken),
            EachAsync("look for runs", LookAsync, stoppingToken),
            EachAsync("read what comes to runs", ReadSignalsAsync, stoppingToken),
            database is PostgresDatabase ? FollowAsync(stoppingToken) : Task.CompletedTask);
    }

    private async Task EachAsync(string step, Func<CancellationToken, Task> act, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            if (!await _failures.TryAsync(step, act, stoppingToken))
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var isSweep = _sweptAt is not { } swept || time.GetElapsedTime(swept) >= s_sweep;
        if (_isAnyMissing || isSweep)
        {
            _isAnyMissing = false;
            foreach (var missing in (await store.ListHeldAsync(_token, cancellationToken)).Where(id => !_runs.ContainsKey(id)))
                await LoadAsync(missing, cancellationToken);
        }

        if (isSweep)
        {
            TellEnded(await ReadSomeAsync(await store.ListEndedAsync(_token, ReadAtOnce, cancellationToken), cancellationToken));
            _signals.Set();
            _sweptAt = time.GetTimestamp();
        }

        if (_cleanedAt is not { } cleaned || time.GetElapsedTime(cleaned) >= s_cleaning)
        {
            while (await store.ForgetAsync(time.GetUtcNow() - TimeSpan.FromDays(options.KeepDays), ForgottenAtOnce, cancellationToken) == ForgottenAtOnce)
                await Task.Yield();
            _cleanedAt = time.GetTimestamp();
        }

        var claimed = 0;
        if (_runs.Count < options.MaxRuns && await store.IsAnyFreeAsync(cell.Self, _token, cancellationToken))
        {
            var free = await store.ClaimAsync(cell.Self, _token, Math.Min(ClaimedAtOnce, options.MaxRuns - _runs.Count), cancellationToken);
            claimed = free.Count;
            foreach (var id in free)
                await LoadAsync(id, cancellationToken);
        }

        if (claimed < ClaimedAtOnce)
            await _look.WaitAsync(TimeSpan.FromMilliseconds(options.PollMs), time, cancellationToken);
    }

    /// <summary>Makes a run anew of what is written, and goes on with it.</summary>
    private async Task LoadAsync(Id<DurableRun> id, CancellationToken cancellationToken)
    {
        try
        {
            if (await store.LoadAsync(id, cancellationToken) is not { Run.EndedAt: null } stored)
                return;
            var replayed = ReplayedRun.Begin(documents.Read(stored.Run.Digest, stored.Document), System.Text.Json.JsonElement.Parse(stored.Input), stored.Run.CreatedAt);
            foreach (var entry in stored.Log)
                replayed.Apply(entry);
            if (Carry(new CarriedRun(this, stored.Run, replayed, stored.Open)) is not { } run)
                return;
            foreach (var step in stored.Open)
            {
                if (step.TaskId is { } task)
                    _tasks[task] = (run, step.Key);
                if (step.DueAt is { } at)
                    _timers.Add(run, step.Key, at);
                // Whoever asked is gone. It may have been answered, and is then paid for; it is not asked again under this number.
                if (step.Key.Kind is StepKind.Model)
                    run.Tell(new Told.ModelEnded(step.Key, new WorkOutcome.Failed("interrupted", "The node that asked has stopped, and what came of it is not known. If it was answered, it was paid for."), step.Amount));
            }

            foreach (var chunk in stored.Open.Select(step => step.TaskId).OfType<Id<AgentTask>>().Chunk(ReadAtOnce))
                TellEnded(await ReadSomeAsync(chunk, cancellationToken));
            foreach (var signal in stored.Signals)
                run.Tell(new Told.Signalled(signal));
            run.Tell(new Told.GoOn());
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            if (_runs.TryGetValue(id, out var run))
                Remove(run);
            _isAnyMissing = true;
            _failures.TellOf("load the run", id, failure);
        }
    }

    private async Task ReadSignalsAsync(CancellationToken cancellationToken)
    {
        await _signals.WaitAsync(s_sweep, time, cancellationToken);
        foreach (var signal in await store.ReadSignalsAsync(_token, ReadAtOnce, cancellationToken))
        {
            if (_runs.TryGetValue(signal.RunId, out var run))
                run.Tell(new Told.Signalled(signal));
        }
    }

    /// <summary>Follows what other nodes of the cell tell.</summary>
    private async Task FollowAsync(CancellationToken stoppingToken)
    {
        var after = told.Newest;
        await EachAsync("follow the event stream for runs", async cancellationToken =>
        {
            var newest = told.Newest;
            var page = await store.ReadToldAsync(s_told, after, ReadAtOnce, cancellationToken);
            var ended = page.Where(one => one.Type != EventTypes.WorkflowSignalled && Id<AgentTask>.TryParse(one.Subject, out var id) && _tasks.ContainsKey(id))
                .Select(one => Id<AgentTask>.Parse(one.Subject)).ToList();
            TellEnded(await ReadSomeAsync(ended, cancellationToken));
            if (page.Any(one => one.Type == EventTypes.WorkflowSignalled))
                _signals.Set();
            after = page.Count == ReadAtOnce ? page[^1].Sequence : Math.Max(page.Count > 0 ? page[^1].Sequence : after, newest);
            if (page.Count < ReadAtOnce)
                await told.WaitBeyondAsync(after, cancellationToken);
        }, stoppingToken);
    }

    private async Task<IReadOnlyList<EndedTask>> ReadSomeAsync(IReadOnlyCollection<Id<AgentTask>> some, CancellationToken cancellationToken) =>
        some.Count == 0 ? [] : await store.ReadEndedAsync(some, cancellationToken);

    private void TellEnded(IReadOnlyList<EndedTask> ended)
    {
        foreach (var one in ended)
            TaskEnded(one.Task, one.Output);
    }

    private void TaskEnded(AgentTask task, ReadOnlyMemory<byte>? output)
    {
        if (_tasks.TryGetValue(task.Id, out var step))
            step.Run.Tell(new Told.TaskEnded(step.Key, task, output));
    }

    /// <summary>Takes a run in; null when it is here already.</summary>
    private CarriedRun? Carry(CarriedRun run) => _runs.TryAdd(run.Id, run) ? run : null;

    private void Remove(CarriedRun run)
    {
        if (!_runs.TryRemove(KeyValuePair.Create(run.Id, run)))
            return;
        foreach (var task in _tasks.Where(task => task.Value.Run == run))
            _tasks.TryRemove(task);
        foreach (var asking in _asking.Where(asking => asking.Key.Run == run.Id))
            asking.Value.Cancel();
    }

    private async Task AskAsync(CarriedRun run, DurableRun stored, StepKey key, ModelStep request)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        _asking[(run.Id, key)] = stop;
        try
        {
            var (outcome, price) = await models.AskAsync(stored.OwnerId, stored.Allowance, request, stop.Token);
            // Who takes the run over says that it was broken off: whether it was answered is not known here either.
            if (!_stopping.IsCancellationRequested || outcome is WorkOutcome.Done)
                run.Tell(new Told.ModelEnded(key, outcome, price));
        }
        catch (Exception failure)
        {
            if (!_stopping.IsCancellationRequested)
                logger.LogError(failure, "The run {Run} could not ask a model.", run.Id);
            run.Tell(new Told.ModelEnded(key, new WorkOutcome.Failed("interrupted", "The request could not be made, or its answer was lost."), Money.Zero));
        }
        finally
        {
            _asking.TryRemove(KeyValuePair.Create((run.Id, key), stop));
        }
    }

    private async Task StopAsync(CarriedRun run, DurableRun stored, IReadOnlyList<OpenStep> steps)
    {
        try
        {
            foreach (var step in steps.Where(step => step.Key.Kind is StepKind.Model))
            {
                if (_asking.TryGetValue((run.Id, step.Key), out var asking))
                    await asking.CancelAsync();
            }

            await Parallel.ForEachAsync(
                steps.Select(step => step.TaskId).OfType<Id<AgentTask>>(),
                new ParallelOptions { MaxDegreeOfParallelism = StoppedAtOnce, CancellationToken = Stopping },
                async (id, cancellationToken) =>
                {
                    // One that has ended by now is told of by its end.
                    if (!(await tasks.CancelAsync(id, stored.OwnerId, ids.Next<Transfer>(), accounts.Clearing, time.GetUtcNow(), cancellationToken)).TryGet(out var task, out _))
                        return;
                    if (task.State.IsFinal)
                        waiters.Complete(task);
                    else
                        workers.Stop(task, StopReason.Cancelled);
                });
        }
        catch (Exception failure)
        {
            Drop(run, failure);
        }
    }
}
