using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks.Live;

/// <summary>The tasks whose logs are followed from this node, and the newest attempt of each that can be seen from here.</summary>
/// <remarks>A task that nobody follows costs an attempt one look at a number.</remarks>
public sealed class LiveTasks(RemoteWatchers remote)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Id<AgentTask>, WatchedTask> _watched = [];
    private int _count;

    /// <summary>Told when a task is followed that was not: other nodes of the cell may have to hear of it.</summary>
    public event Action? Watched;

    /// <summary>Says that an attempt begins here.</summary>
    public void Began(Attempt attempt)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        if (Volatile.Read(ref _count) > 0)
            Find(attempt.Task.Id)?.Show(AttemptLog.Of(attempt));
        remote.Began(attempt);
    }

    /// <summary>Follows the log of a task, until the watch is disposed of.</summary>
    public Watch Follow(Id<AgentTask> id)
    {
        WatchedTask? task;
        bool isNew;
        lock (_gate)
        {
            isNew = !_watched.TryGetValue(id, out task);
            if (isNew)
                _watched[id] = task = new WatchedTask(id);
            task!.Watchers++;
            Volatile.Write(ref _count, _watched.Count);
        }

        if (isNew)
            Watched?.Invoke();
        return new Watch(this, task);
    }

    /// <summary>What this node has to ask others for.</summary>
    /// <param name="isAgain">Whether what they sent lately may be lost.</param>
    /// <returns>Each with what tells it from another: one who leaves and comes back has to be heard anew.</returns>
    internal IReadOnlyList<(object Key, CellMessage Message)> ListMissing(bool isAgain)
    {
        lock (_gate)
        {
            return [.. _watched.Values
                .Select(task => (Key: (object)task, Message: (CellMessage?)task.Ask(isAgain)))
                .Where(asked => asked.Message is not null)
                .Select(asked => (asked.Key, asked.Message!))];
        }
    }

    internal void Take(CellMessage.LogBytes piece) => Find(piece.TaskId)?.MirrorOf(piece.Token, piece.Attempt)?.Take(piece);

    internal void Take(CellMessage.LogEnd end) => Find(end.TaskId)?.FindMirror(end.Token)?.Log.Complete();

    private WatchedTask? Find(Id<AgentTask> id)
    {
        lock (_gate)
            return _watched.GetValueOrDefault(id);
    }

    private void Leave(WatchedTask task)
    {
        lock (_gate)
        {
            if (--task.Watchers == 0)
                _watched.Remove(task.Id);
            Volatile.Write(ref _count, _watched.Count);
        }
    }

    /// <summary>One who follows a task.</summary>
    public sealed class Watch : IDisposable
    {
        private readonly LiveTasks _all;
        private readonly WatchedTask _task;
        private bool _isOver;

        internal Watch(LiveTasks all, WatchedTask task) => (_all, _task) = (all, task);

        public Id<AgentTask> TaskId => _task.Id;

        /// <summary>The first attempt that is known here of those later than that of a token; null when there is none.</summary>
        public AttemptLog? FirstAfter(long token) => _task.FirstAfter(token);

        /// <summary>Says that an attempt runs here which began before the watch.</summary>
        public void Show(Attempt attempt) => _task.Show(AttemptLog.Of(attempt));

        /// <summary>Ends once an attempt later than that of a token is known here.</summary>
        public Task WaitNewerAsync(long token, CancellationToken cancellationToken) => _task.WaitNewerAsync(token, cancellationToken);

        public void Dispose()
        {
            if (!_isOver)
                _all.Leave(_task);
            _isOver = true;
        }
    }

    /// <summary>A task that is followed from here.</summary>
    internal sealed class WatchedTask(Id<AgentTask> id)
    {
        private const int MaxKnown = 4;

        private readonly Lock _gate = new();
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        // Newest last: an attempt that was short is still there for those who come to it after the next has begun.
        private readonly List<AttemptLog> _known = [];

        public Id<AgentTask> Id => id;

        public int Watchers { get; set; }

        public AttemptLog? FirstAfter(long token)
        {
            lock (_gate)
                return _known.Find(log => log.Token > token);
        }

        public void Show(AttemptLog log)
        {
            lock (_gate)
            {
                if (log.Token > NewestToken)
                    Add(log);
            }
        }

        /// <summary>The mirror of an attempt; null when a later one is known, or it runs here.</summary>
        public AttemptLog? MirrorOf(long token, int attempt)
        {
            lock (_gate)
            {
                if (token > NewestToken)
                    Add(new AttemptLog(token, attempt, new LiveLog(), isMirror: true));
                return FindMirror(token);
            }
        }

        public AttemptLog? FindMirror(long token)
        {
            lock (_gate)
                return _known.Find(log => log.Token == token && log.IsMirror);
        }

        /// <summary>What other nodes are asked for; null while the attempt runs here.</summary>
        public CellMessage.WatchLog? Ask(bool isAgain)
        {
            lock (_gate)
            {
                return _known.LastOrDefault() switch
                {
                    null => new CellMessage.WatchLog(id, 0, 0, IsAgain: true),
                    { IsMirror: false, Log.IsComplete: false } => null,
                    var known => new CellMessage.WatchLog(id, known.Token, known.Log.Written, isAgain),
                };
            }
        }

        public async Task WaitNewerAsync(long token, CancellationToken cancellationToken)
        {
            while (true)
            {
                Task changed;
                lock (_gate)
                {
                    if (NewestToken > token)
                        return;
                    changed = _changed.Task;
                }

                await changed.WaitAsync(cancellationToken);
            }
        }

        private long NewestToken => _known.Count == 0 ? 0 : _known[^1].Token;

        /// <summary>To be called with the lock taken.</summary>
        private void Add(AttemptLog log)
        {
            if (_known.Count == MaxKnown)
                _known.RemoveAt(0);
            _known.Add(log);
            var changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            changed.SetResult();
        }
    }
}
