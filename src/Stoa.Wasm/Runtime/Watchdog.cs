namespace Stoa.Wasm.Runtime;

/// <summary>One thread that lets deadlines pass. The thread pool cannot: guests that never end may occupy all of it.</summary>
internal sealed class Watchdog
{
    private const int StackBytes = 256 << 10;

    private readonly object _lock = new();
    private readonly List<Interruption> _heap = []; // a binary heap, the next deadline first
    private long _wakesAt = long.MaxValue;
    private bool _isStarted;

    private Watchdog()
    {
    }

    public static Watchdog Shared { get; } = new();

    public void Add(Interruption interruption, TimeSpan timeout)
    {
        var clock = TimeProvider.System;
        double ticks = Math.Clamp(timeout.TotalSeconds * clock.TimestampFrequency, 0, long.MaxValue / 4);
        interruption.DueTimestamp = clock.GetTimestamp() + (long)ticks;
        lock (_lock)
        {
            _heap.Add(interruption);
            interruption.HeapIndex = _heap.Count - 1;
            MoveUp(interruption.HeapIndex);
            if (!_isStarted)
                Start();
            else if (interruption.DueTimestamp < _wakesAt)
                Monitor.Pulse(_lock);
        }
    }

    public void Remove(Interruption interruption)
    {
        lock (_lock)
        {
            if (interruption.HeapIndex >= 0)
                RemoveAt(interruption.HeapIndex);
        }
    }

    private void Start()
    {
        _isStarted = true;
        var thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "wasm deadlines", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    private void Run()
    {
        while (true)
            NextDue().PassDeadline();
    }

    private Interruption NextDue()
    {
        var clock = TimeProvider.System;
        lock (_lock)
        {
            while (true)
            {
                if (_heap.Count == 0)
                {
                    _wakesAt = long.MaxValue;
                    Monitor.Wait(_lock);
                    continue;
                }

                var next = _heap[0];
                long left = next.DueTimestamp - clock.GetTimestamp();
                if (left <= 0)
                {
                    RemoveAt(0);
                    return next;
                }

                // Most guests end long before: when this deadline is gone, the thread sleeps on until then rather than be woken for each one.
                _wakesAt = next.DueTimestamp;
                double leftMs = Math.Ceiling(1000.0 * left / clock.TimestampFrequency);
                Monitor.Wait(_lock, (int)Math.Min(leftMs, int.MaxValue));
            }
        }
    }

    private void RemoveAt(int index)
    {
        var last = _heap[^1];
        _heap[index].HeapIndex = -1;
        _heap.RemoveAt(_heap.Count - 1);
        if (index == _heap.Count)
            return;
        Put(last, index);
        MoveUp(index);
        MoveDown(last.HeapIndex);
    }

    private void MoveUp(int index)
    {
        var item = _heap[index];
        while (index > 0 && _heap[(index - 1) / 2].DueTimestamp > item.DueTimestamp)
        {
            Put(_heap[(index - 1) / 2], index);
            index = (index - 1) / 2;
        }

        Put(item, index);
    }

    private void MoveDown(int index)
    {
        var item = _heap[index];
        while ((2 * index) + 1 < _heap.Count)
        {
            int child = (2 * index) + 1;
            if (child + 1 < _heap.Count && _heap[child + 1].DueTimestamp < _heap[child].DueTimestamp)
                child++;
            if (_heap[child].DueTimestamp >= item.DueTimestamp)
                break;
            Put(_heap[child], index);
            index = child;
        }

        Put(item, index);
    }

    private void Put(Interruption item, int index)
    {
        _heap[index] = item;
        item.HeapIndex = index;
    }
}
