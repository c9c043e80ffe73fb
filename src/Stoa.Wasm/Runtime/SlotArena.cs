namespace Stoa.Wasm.Runtime;

/// <summary>A range of reserved addresses, cut into slots for one linear memory each.</summary>
/// <remarks>
/// A slot that comes back gives its memory to the system but keeps its rights, so that the next memory of the same size needs no call for them.
/// A small one keeps its memory too, and is overwritten with zeros: that takes less time than a call and faults of pages.
/// One whose memory the system does not take is never handed out again: the next guest would see what the last one wrote.
/// </remarks>
internal sealed class SlotArena(nint start, long bytes)
{
    /// <summary>Reach of an address and an offset, and a page for an access that begins at the very end.</summary>
    public const long SlotBytes = (4L << 30) + GuardPages.OffsetReach + (64 << 10);

    /// <summary>Rights on more than this are taken back: the system may count them as promised memory.</summary>
    private const long KeptBytes = 1 << 20;

    /// <summary>Two pages of WebAssembly. Overwriting takes a few microseconds; giving back and faulting in again, with two processors, 25.</summary>
    private const long OverwrittenBytes = 128 << 10;

    private const int DontNeed = 4;
    private const int MapFixedPrivate = MappedMemory.Private | MappedMemory.Fixed | MappedMemory.NoReserve;

    private readonly Lock _lock = new();
    private readonly Stack<Slot> _free = new();
    private readonly long _slots = bytes / SlotBytes;
    private long _used = 1;

    /// <summary>A slot that nobody gets: a memory that is gone lies there, and every access to it faults.</summary>
    public nint Nowhere => start;

    /// <summary>A slot whose bytes are zero, as far as they can be touched.</summary>
    /// <exception cref="InsufficientMemoryException">All slots are in use.</exception>
    public Slot Rent()
    {
        lock (_lock)
        {
            if (_free.TryPop(out var slot))
                return slot;
            if (_used == _slots)
                throw new InsufficientMemoryException($"{_slots} memories are alive, and the addresses do not reach for more. Dispose of instances that are no longer needed.");
            return new Slot(start + (nint)(SlotBytes * _used++), 0);
        }
    }

    /// <summary>Takes a slot back. Nothing may touch it any more.</summary>
    public void Return(Slot slot)
    {
        if (slot.AccessibleBytes > 0 && !TryEmpty(ref slot))
            return;
        if (slot.AccessibleBytes > KeptBytes)
            TryMakeAccessible(ref slot, 0);
        lock (_lock)
            _free.Push(slot);
    }

    /// <summary>Makes just the first bytes of a slot accessible.</summary>
    /// <returns>False when the system has no more memory.</returns>
    public static bool TryMakeAccessible(ref Slot slot, long bytes)
    {
        long before = slot.AccessibleBytes;
        bool isDone = bytes.CompareTo(before) switch
        {
            > 0 => MappedMemory.Protect(slot.Start + (nint)before, (nuint)(bytes - before), MappedMemory.ReadWrite) == 0,
            < 0 => MappedMemory.Protect(slot.Start + (nint)bytes, (nuint)(before - bytes), MappedMemory.NoAccess) == 0,
            _ => true,
        };
        if (isDone)
            slot.AccessibleBytes = bytes;
        return isDone;
    }

    /// <summary>Puts a private copy of a file in place of the first bytes, which are accessible already.</summary>
    /// <returns>False when the system does not do that; then they are zero.</returns>
    public static bool TryMap(ref Slot slot, MemoryFile file, long bytes)
    {
        bool isReferenced = false;
        try
        {
            file.Handle.DangerousAddRef(ref isReferenced);
            int descriptor = (int)file.Handle.DangerousGetHandle();
            slot.HasFile = true;
            if (MappedMemory.Map(slot.Start, (nuint)bytes, MappedMemory.ReadWrite, MapFixedPrivate, descriptor, 0) != -1)
                return true;
            long accessible = slot.AccessibleBytes;
            if (TryReplace(ref slot) && TryMakeAccessible(ref slot, accessible))
                return false;
            throw new InsufficientMemoryException("The system has no more room for mappings of memory.");
        }
        finally
        {
            if (isReferenced)
                file.Handle.DangerousRelease();
        }
    }

    /// <summary>Makes all bytes of a slot zero.</summary>
    /// <returns>False when the system does not do that; then the slot cannot be used again.</returns>
    private static unsafe bool TryEmpty(ref Slot slot)
    {
        if (slot.HasFile)
            return TryReplace(ref slot);
        if (slot.AccessibleBytes > OverwrittenBytes)
            return MappedMemory.Advise(slot.Start, (nuint)slot.AccessibleBytes, DontNeed) == 0 || TryReplace(ref slot);
        new Span<byte>((void*)slot.Start, (int)slot.AccessibleBytes).Clear();
        return true;
    }

    /// <summary>Gives a slot new pages of its own, without rights on them.</summary>
    /// <returns>False when the system does not do that; then the slot cannot be used again.</returns>
    private static bool TryReplace(ref Slot slot)
    {
        if (MappedMemory.Map(slot.Start, (nuint)slot.AccessibleBytes, MappedMemory.NoAccess, MapFixedPrivate | MappedMemory.Anonymous, -1, 0) == -1)
            return false;
        slot = new Slot(slot.Start, 0);
        return true;
    }

    /// <summary>Where a memory lies.</summary>
    /// <param name="Start">Its first address.</param>
    /// <param name="AccessibleBytes">How many bytes from there can be read and written.</param>
    /// <param name="HasFile">Whether some of them are a copy of a file.</param>
    internal record struct Slot(nint Start, long AccessibleBytes, bool HasFile = false);
}
