using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks.Live;

/// <summary>Who at other nodes of the cell watches what. Each of them says so again and again; one that has not for a while watches no more.</summary>
/// <remarks>Times are of this process's own clock, so a node whose clock jumps harms nobody. Embedded there are no others, and all of this is empty.</remarks>
public sealed class RemoteWatchers(TimeProvider time)
{
    /// <summary>How often a node says what is watched at it.</summary>
    public static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);

    /// <summary>How long a watch lasts that is not renewed.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(7);

    private const int MaxWatches = 20_000;
    private const int MaxWaiting = 1_000;

    private readonly Lock _gate = new();
    private readonly WatchTable<Id<AgentTask>> _logs = new();
    private readonly WatchTable<Id<AgentTask>> _tasks = new();
    private readonly WatchTable<Id<User>> _owners = new();
    private readonly ConcurrentQueue<Attempt> _begun = new();
    private readonly ConcurrentDictionary<Id<AgentTask>, CellMessage.Progress> _progress = new();
    private int _count;

    /// <summary>Whether nobody elsewhere watches anything.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Says that an attempt begins here.</summary>
    public void Began(Attempt attempt)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        if (!IsEmpty && ListFollowers(attempt.Task.Id).Count > 0)
            _begun.Enqueue(attempt);
    }

    /// <summary>Whether anybody elsewhere wants to know how far a task is.</summary>
    public bool Wants(AgentTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return !IsEmpty && ListProgressNodes(task.Id, task.OwnerId).Count > 0;
    }

    /// <summary>Tells those elsewhere how far a task is. What was not sent yet of the same task is overtaken.</summary>
    public void Tell(CellMessage.Progress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        if (_progress.Count < MaxWaiting)
            _progress[progress.TaskId] = progress;
    }

    /// <summary>Hears that something is watched at a node.</summary>
    internal void Hear(string node, CellMessage message)
    {
        lock (_gate)
        {
            var mayAdd = _count < MaxWatches;
            var now = time.GetTimestamp();
            switch (message)
            {
                case CellMessage.WatchLog log:
                    // Asked anew stays so until it was heeded.
                    var isAgain = log.IsAgain || _logs.Find(log.TaskId, node)?.Log?.IsAgain == true;
                    _logs.Set(log.TaskId, node, new WatchTable.Watch(now, log with { IsAgain = isAgain }), mayAdd);
                    break;
                case CellMessage.WatchTask task:
                    _tasks.Set(task.TaskId, node, new WatchTable.Watch(now, null), mayAdd);
                    break;
                case CellMessage.WatchOwner owner:
                    _owners.Set(owner.OwnerId, node, new WatchTable.Watch(now, null), mayAdd);
                    break;
            }

            Count();
        }
    }

    /// <summary>Forgets what was not renewed.</summary>
    internal void Prune()
    {
        lock (_gate)
        {
            bool IsOver(WatchTable.Watch watch) => time.GetElapsedTime(watch.HeardAt) > Lifetime;
            _logs.RemoveWhere(IsOver);
            _tasks.RemoveWhere(IsOver);
            _owners.RemoveWhere(IsOver);
            Count();
        }
    }

    /// <summary>Attempts that have begun here, and are followed elsewhere, since this was last asked.</summary>
    internal IEnumerable<Attempt> TakeBegun()
    {
        while (_begun.TryDequeue(out var attempt))
            yield return attempt;
    }

    /// <summary>What is to be told of progress since this was last asked.</summary>
    internal IEnumerable<CellMessage.Progress> TakeProgress()
    {
        foreach (var (id, _) in _progress)
        {
            if (_progress.TryRemove(id, out var progress))
                yield return progress;
        }
    }

    /// <summary>The nodes at which a task's log is followed.</summary>
    internal IReadOnlyList<string> ListFollowers(Id<AgentTask> id)
    {
        lock (_gate)
            return _logs.ListNodes(id);
    }

    /// <summary>The nodes at which somebody wants to know how far a task is.</summary>
    internal IReadOnlyList<string> ListProgressNodes(Id<AgentTask> id, Id<User> owner)
    {
        lock (_gate)
            return [.. _tasks.ListNodes(id).Union(_owners.ListNodes(owner), StringComparer.Ordinal)];
    }

    /// <summary>What a node said last about a log; null when it follows it no more. That it asks anew is told once.</summary>
    internal CellMessage.WatchLog? TakeFollower(Id<AgentTask> id, string node)
    {
        lock (_gate)
        {
            if (_logs.Find(id, node) is not { Log: { } log } watch)
                return null;
            if (log.IsAgain)
                _logs.Set(id, node, watch with { Log = log with { IsAgain = false } }, mayAdd: false);
            return log;
        }
    }

    private void Count() => Volatile.Write(ref _count, _logs.Count + _tasks.Count + _owners.Count);
}
