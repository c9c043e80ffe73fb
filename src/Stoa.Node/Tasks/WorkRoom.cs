namespace Stoa.Node.Tasks;

/// <summary>What a node has to give: threads for programs, memory up to the sum of their limits, and places for ends that wait to be written.</summary>
/// <remarks>
/// A task has a slot and its memory from its claim until its program has ended; then only its end is left, which costs next to nothing, and
/// another one may have the slot. Where programs are short, threads would spend their time waiting for claims, so some tasks
/// more than there are threads may be claimed: as many as have ended in the last tenth of a second, less a few. They have begun before
/// another node could have had them; where programs are long that number is zero.
/// </remarks>
/// <param name="slots">How many programs run at once.</param>
/// <param name="memoryBytes">What the memory limits of claimed tasks may sum to.</param>
/// <param name="time">The clock.</param>
internal sealed class WorkRoom(int slots, long memoryBytes, TimeProvider time)
{
    /// <summary>The most tasks that are claimed beyond the threads that there are.</summary>
    public const int MaxAhead = 256;

    /// <summary>Ends that may wait to be written. Each holds an output of up to 64 KiB.</summary>
    public const int MaxUnwritten = 512;

    private const int WindowsPerSecond = 10;

    private readonly Lock _gate = new();
    private int _busySlots;
    private long _busyMemoryBytes;
    private int _unwritten;
    private (int Slots, long MemoryBytes) _claiming;
    private long _window;
    private int _endedInWindow;
    private int _endedBefore;

    /// <summary>Tasks that run, or wait for a thread, and the memory that they were promised: never more than there is. What a claim under way has
    /// taken is nobody's yet.</summary>
    public (int Tasks, long MemoryBytes) Busy
    {
        get
        {
            lock (_gate)
                return (_busySlots - _claiming.Slots, _busyMemoryBytes - _claiming.MemoryBytes);
        }
    }

    /// <summary>Whether a claim is worth its cost: a thread has nothing to do, or half of what may be claimed is free.</summary>
    public bool IsWorthAClaim
    {
        get
        {
            lock (_gate)
                return Free() > 0;
        }
    }

    /// <summary>Takes a slot and some memory, if a thread is idle and the memory is free.</summary>
    public bool TryTake(long bytes)
    {
        lock (_gate)
        {
            if (_busySlots >= slots || _unwritten >= MaxUnwritten || memoryBytes - _busyMemoryBytes < bytes)
                return false;
            _busySlots++;
            _busyMemoryBytes += bytes;
            return true;
        }
    }

    /// <summary>Takes all that is free, to claim tasks for it; <see cref="Claimed"/> gives back what they do not need. One claim at a time.</summary>
    /// <returns>Nothing at all when no claim is worth it.</returns>
    public (int Slots, long MemoryBytes) TakeAll()
    {
        lock (_gate)
        {
            var free = (Slots: Free(), MemoryBytes: memoryBytes - _busyMemoryBytes);
            if (free.Slots == 0)
                return (0, 0);
            _busySlots += free.Slots;
            _busyMemoryBytes = memoryBytes;
            return _claiming = free;
        }
    }

    /// <summary>Ends the claim that <see cref="TakeAll"/> was for: what its tasks do not need is free again.</summary>
    /// <param name="count">How many were claimed.</param>
    /// <param name="bytes">What their limits sum to.</param>
    public void Claimed(int count, long bytes)
    {
        lock (_gate)
        {
            _busySlots -= _claiming.Slots - count;
            _busyMemoryBytes -= _claiming.MemoryBytes - bytes;
            _claiming = default;
        }
    }

    /// <summary>Gives slots and memory back that were not needed.</summary>
    public void Give(int count, long bytes)
    {
        lock (_gate)
        {
            _busySlots -= count;
            _busyMemoryBytes -= bytes;
        }
    }

    /// <summary>A program has ended: its slot and memory are free, and its end is to be written.</summary>
    /// <returns>Whether a claim is worth it now.</returns>
    public bool End(long bytes)
    {
        lock (_gate)
        {
            _busySlots--;
            _busyMemoryBytes -= bytes;
            _unwritten++;
            MoveWindow();
            _endedInWindow++;
            return Free() > 0;
        }
    }

    /// <summary>An end is written.</summary>
    /// <returns>Whether claims had to wait for that.</returns>
    public bool Written()
    {
        lock (_gate)
            return _unwritten-- == MaxUnwritten;
    }

    private int Free()
    {
        if (_unwritten >= MaxUnwritten)
            return 0;
        MoveWindow();
        var most = slots + Math.Clamp(Math.Max(_endedInWindow, _endedBefore) - (2 * slots), 0, MaxAhead);
        var free = most - _busySlots;
        return free > 0 && (_busySlots < slots || 2 * free >= most) ? free : 0;
    }

    private void MoveWindow()
    {
        var now = time.GetTimestamp() / (time.TimestampFrequency / WindowsPerSecond);
        if (now == _window)
            return;
        _endedBefore = now == _window + 1 ? _endedInWindow : 0;
        _endedInWindow = 0;
        _window = now;
    }
}
