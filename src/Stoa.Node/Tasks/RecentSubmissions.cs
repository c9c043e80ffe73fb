using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Tasks and inputs that were submitted here a moment ago, so that the claim and the attempt that follow need not read them again.</summary>
/// <remarks>
/// Only a memory: the database decides what is queued, and a task that was never claimed before is as it was submitted. Bounded in number, bytes and
/// age; what does not fit is read from the database. Safe for use by many threads.
/// </remarks>
/// <param name="time">The clock.</param>
public sealed class RecentSubmissions(TimeProvider time)
{
    /// <summary>The most tasks.</summary>
    public const int MaxCount = 20_000;

    /// <summary>The most bytes of inputs: 32 MiB.</summary>
    public const long MaxInputBytes = 32 << 20;

    /// <summary>After this time others may have claimed what is still here: a minute.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<Id<AgentTask>, Entry> _entries = [];
    private Entry? _oldest;
    private Entry? _newest;
    private long _inputBytes;

    /// <summary>Remembers those of new tasks that wait in the queue of all, as long as there is room.</summary>
    /// <remarks>What is due later, or runs in certain regions, may be claimed long after or elsewhere.</remarks>
    /// <param name="tasks">As they were submitted, each with the bytes of its input when they are inline.</param>
    public void AddQueued(IReadOnlyList<(AgentTask Task, ReadOnlyMemory<byte>? Input)> tasks)
    {
        var now = time.GetTimestamp();
        lock (_gate)
        {
            while (_oldest is not null && time.GetElapsedTime(_oldest.Since, now) > MaxAge)
                Remove(_oldest);
            foreach (var (task, input) in tasks)
            {
                if (task is not { State: TaskState.Queued queued, IsBidding: false, Regions.Count: 0 } || queued.DueAt > task.CreatedAt
                    || _entries.Count == MaxCount || _inputBytes + (input?.Length ?? 0) > MaxInputBytes)
                {
                    continue;
                }

                var entry = new Entry(task, input, now) { Before = _newest };
                if (!_entries.TryAdd(task.Id, entry))
                    continue;
                _inputBytes += input?.Length ?? 0;
                if (_newest is null)
                    _oldest = entry;
                else
                    _newest.After = entry;
                _newest = entry;
            }
        }
    }

    /// <summary>Tasks, each once; their inputs stay. Null for each that is not remembered.</summary>
    public AgentTask?[] TakeTasks(IReadOnlyList<Id<AgentTask>> ids)
    {
        var tasks = new AgentTask?[ids.Count];
        lock (_gate)
        {
            for (var index = 0; index < tasks.Length; index++)
            {
                if (!_entries.TryGetValue(ids[index], out var entry))
                    continue;
                if (entry.Input is null)
                    Remove(entry);
                tasks[index] = entry.Task;
            }
        }

        return tasks;
    }

    /// <summary>The bytes of an inline input, once; null when they are not remembered.</summary>
    public ReadOnlyMemory<byte>? TakeInput(Id<AgentTask> id)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(id, out var entry))
                return null;
            Remove(entry);
            return entry.Input;
        }
    }

    /// <summary>Forgets tasks that nobody will claim.</summary>
    public void Forget(IEnumerable<Id<AgentTask>> ids)
    {
        lock (_gate)
        {
            foreach (var id in ids)
            {
                if (_entries.TryGetValue(id, out var entry))
                    Remove(entry);
            }
        }
    }

    private void Remove(Entry entry)
    {
        _entries.Remove(entry.Task.Id);
        _inputBytes -= entry.Input?.Length ?? 0;
        if (entry.Before is null)
            _oldest = entry.After;
        else
            entry.Before.After = entry.After;
        if (entry.After is null)
            _newest = entry.Before;
        else
            entry.After.Before = entry.Before;
    }

    // A list in the order of age, threaded through the entries: each can be taken out wherever it is.
    private sealed class Entry(AgentTask task, ReadOnlyMemory<byte>? input, long since)
    {
        public AgentTask Task => task;

        public ReadOnlyMemory<byte>? Input => input;

        public long Since => since;

        public Entry? Before { get; set; }

        public Entry? After { get; set; }
    }
}
