namespace Stoa.Simulation;

/// <summary>What happens later: the earliest first, and of one moment what has the lowest sequence number.</summary>
/// <remarks>A heap of four branches. What is compared is apart from what it is about, so that little is moved.</remarks>
internal sealed class Agenda<T>
{
    private const int Branches = 4;

    private Due[] _heap = new Due[64];
    private T[] _items = new T[64];
    private int[] _free = new int[64];
    private int _freeCount;

    /// <summary>How much there is.</summary>
    public int Count { get; private set; }

    /// <summary>What comes next; only while there is something.</summary>
    public ref readonly T First => ref _items[_heap[0].Slot];

    /// <summary>When it comes, and its sequence number.</summary>
    public (long At, long Sequence) FirstDue => (_heap[0].At, _heap[0].Sequence);

    public void Add(long at, long sequence, T item)
    {
        if (Count == _heap.Length)
            Grow();
        var slot = _freeCount > 0 ? _free[--_freeCount] : Count;
        _items[slot] = item;
        Rise(Count++, new Due(at, sequence, slot));
    }

    /// <summary>Takes what comes next.</summary>
    public T Take()
    {
        var slot = _heap[0].Slot;
        var item = _items[slot];
        Free(slot);
        if (--Count > 0)
            Sink(0, _heap[Count]);
        return item;
    }

    /// <summary>Removes all that is not to come any more.</summary>
    public void RemoveAll(Predicate<T> isVoid)
    {
        var left = 0;
        for (var index = 0; index < Count; index++)
        {
            var due = _heap[index];
            if (isVoid(_items[due.Slot]))
                Free(due.Slot);
            else
                _heap[left++] = due;
        }

        Count = left;
        for (var index = (Count - 2) / Branches; index >= 0 && Count > 1; index--)
            Sink(index, _heap[index]);
    }

    private void Rise(int index, Due due)
    {
        while (index > 0)
        {
            var parent = (index - 1) / Branches;
            if (!due.IsBefore(_heap[parent]))
                break;
            _heap[index] = _heap[parent];
            index = parent;
        }

        _heap[index] = due;
    }

    private void Sink(int index, Due due)
    {
        while (true)
        {
            var least = (index * Branches) + 1;
            if (least >= Count)
                break;
            var end = Math.Min(least + Branches, Count);
            for (var child = least + 1; child < end; child++)
            {
                if (_heap[child].IsBefore(_heap[least]))
                    least = child;
            }

            if (!_heap[least].IsBefore(due))
                break;
            _heap[index] = _heap[least];
            index = least;
        }

        _heap[index] = due;
    }

    private void Free(int slot)
    {
        _items[slot] = default!;
        _free[_freeCount++] = slot;
    }

    private void Grow()
    {
        Array.Resize(ref _heap, _heap.Length * 2);
        Array.Resize(ref _items, _items.Length * 2);
        Array.Resize(ref _free, _free.Length * 2);
    }

    private readonly record struct Due(long At, long Sequence, int Slot)
    {
        public bool IsBefore(in Due other) => At < other.At || (At == other.At && Sequence < other.Sequence);
    }
}
