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

    private readonly Lock gate = new();
    private readonly Dictionary<Id<AgentTask>, Entry> entries = [];
    private readonly Queue<(Id<AgentTask> Id, long Since)> inOrder = new();
    private long inputBytes;

    /// <summary>Remembers those of new tasks that wait in the queue, as long as there is room.</summary>
    /// <param name="tasks">As they were submitted, each with the bytes of its input when they are inline.</param>
    public void AddQueued(IReadOnlyList<(AgentTask Task, ReadOnlyMemory<byte>? Input)> tasks)
    {
        var now = time.GetTimestamp();
        lock (gate)
        {
            while (inOrder.TryPeek(out var oldest) && (!entries.ContainsKey(oldest.Id) || time.GetElapsedTime(oldest.Since, now) > MaxAge))
                Forget(inOrder.Dequeue().Id);
            foreach (var (task, input) in tasks)
            {
                if (task is not { State: TaskState.Queued, IsBidding: false } || inOrder.Count == MaxCount
                    || inputBytes + (input?.Length ?? 0) > MaxInputBytes || !entries.TryAdd(task.Id, new Entry(task, input)))
                {
                    continue;
                }

                inputBytes += input?.Length ?? 0;
                inOrder.Enqueue((task.Id, now));
            }
        }
    }

    /// <summary>Tasks, each once; their inputs stay. Null for each that is not remembered.</summary>
    public AgentTask?[] TakeTasks(IReadOnlyList<Id<AgentTask>> ids)
    {
        var tasks = new AgentTask?[ids.Count];
        lock (gate)
        {
            for (var index = 0; index < tasks.Length; index++)
            {
                if (!entries.TryGetValue(ids[index], out var entry))
                    continue;
                if (entry.Input is null)
                    entries.Remove(ids[index]);
                tasks[index] = entry.Task;
            }
        }

        return tasks;
    }

    /// <summary>The bytes of an inline input, once; null when they are not remembered.</summary>
    public ReadOnlyMemory<byte>? TakeInput(Id<AgentTask> id)
    {
        lock (gate)
        {
            var input = entries.GetValueOrDefault(id)?.Input;
            Forget(id);
            return input;
        }
    }

    /// <summary>Forgets tasks that nobody will claim.</summary>
    public void Forget(IEnumerable<Id<AgentTask>> ids)
    {
        lock (gate)
        {
            foreach (var id in ids)
                Forget(id);
        }
    }

    private void Forget(Id<AgentTask> id)
    {
        if (entries.Remove(id, out var entry))
            inputBytes -= entry.Input?.Length ?? 0;
    }

    private sealed record Entry(AgentTask Task, ReadOnlyMemory<byte>? Input);
}
