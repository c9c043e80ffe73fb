namespace Stoa.Node.Tasks;

/// <summary>What a node has to give: worker slots, and memory up to the sum of the running tasks' limits.</summary>
/// <param name="slots">How many tasks run at once.</param>
/// <param name="memoryBytes">What their memory limits may sum to.</param>
internal sealed class WorkRoom(int slots, long memoryBytes)
{
    private readonly Lock gate = new();
    private int busySlots;
    private long busyMemoryBytes;

    /// <summary>Tasks that run.</summary>
    public int Busy
    {
        get
        {
            lock (gate)
                return busySlots;
        }
    }

    /// <summary>Memory that they were promised.</summary>
    public long BusyMemoryBytes
    {
        get
        {
            lock (gate)
                return busyMemoryBytes;
        }
    }

    /// <summary>Takes a slot and some memory, if both are free.</summary>
    public bool TryTake(long bytes)
    {
        lock (gate)
        {
            if (busySlots == slots || memoryBytes - busyMemoryBytes < bytes)
                return false;
            busySlots++;
            busyMemoryBytes += bytes;
            return true;
        }
    }

    /// <summary>Takes all that is free, to claim tasks for it; what they do not need is given back.</summary>
    /// <returns>Nothing at all when no slot is free.</returns>
    public (int Slots, long MemoryBytes) TakeAll()
    {
        lock (gate)
        {
            if (busySlots == slots)
                return (0, 0);
            var free = (slots - busySlots, memoryBytes - busyMemoryBytes);
            (busySlots, busyMemoryBytes) = (slots, memoryBytes);
            return free;
        }
    }

    /// <summary>Gives slots and memory back.</summary>
    public void Give(int count, long bytes)
    {
        lock (gate)
        {
            busySlots -= count;
            busyMemoryBytes -= bytes;
        }
    }
}
