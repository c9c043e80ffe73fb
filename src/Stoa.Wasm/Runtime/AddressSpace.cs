using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>A range of addresses, reserved at once and made readable and writable from its start on, bit by bit.</summary>
/// <remarks>
/// Reserving costs no memory, so the base of a linear memory never has to move. Where there are <see cref="GuardPages"/> it is a slot of
/// their arena. Where the system has neither <c>mmap</c> nor <c>VirtualAlloc</c>, the whole range is allocated, zeroed, at once.
/// </remarks>
internal sealed unsafe partial class AddressSpace : IDisposable
{
    private readonly nuint _reservedBytes;
    private SlotArena.Slot _slot;
    private nint _base;

    /// <summary>Reserves a range; nothing in it can be touched yet.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses.</exception>
    public AddressSpace(long bytes)
    {
        _reservedBytes = (nuint)Math.Max(bytes, 1);
        if (GuardPages.Arena is { } arena)
        {
            _slot = arena.Rent();
            _base = _slot.Start;
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            _base = VirtualAlloc(0, _reservedBytes, MemReserve, PageNoAccess);
        }
        else if (IsUnix)
        {
            int flags = OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() ? MappedMemory.Reserved : DarwinReserved;
            _base = MappedMemory.Map(0, _reservedBytes, MappedMemory.NoAccess, flags, -1, 0);
            if (_base == -1)
                _base = 0;
        }
        else
        {
            _base = (nint)NativeMemory.AllocZeroed(_reservedBytes);
        }

        if (_base == 0)
            throw new InsufficientMemoryException($"The system does not give {_reservedBytes} bytes of addresses.");
    }

    ~AddressSpace() => Release();

    /// <summary>The first address; 0 once disposed.</summary>
    public nint Base => _base;

    private static bool IsUnix =>
        OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() || OperatingSystem.IsMacOS()
        || OperatingSystem.IsIOS() || OperatingSystem.IsFreeBSD();

    /// <summary>Makes a range usable that follows what is usable already; its bytes are zero.</summary>
    /// <returns>False when the system has no more memory.</returns>
    public bool TryCommit(long offset, long bytes)
    {
        if (_slot.Start != 0)
            return SlotArena.TryMakeAccessible(ref _slot, offset + bytes);
        if (bytes == 0)
            return true;
        nint start = _base + (nint)offset;
        if (OperatingSystem.IsWindows())
            return VirtualAlloc(start, (nuint)bytes, MemCommit, PageReadWrite) != 0;
        return !IsUnix || MappedMemory.Protect(start, (nuint)bytes, MappedMemory.ReadWrite) == 0;
    }

    /// <summary>Puts a private copy of a file in place of the first bytes, which are usable already.</summary>
    /// <returns>False when the system cannot do that; then they are zero.</returns>
    public bool TryMap(MemoryFile file, long bytes) => _slot.Start != 0 && SlotArena.TryMap(ref _slot, file, bytes);

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        nint start = Interlocked.Exchange(ref _base, 0);
        if (start == 0)
            return;
        if (_slot.Start != 0)
            GuardPages.Arena!.Return(_slot);
        else if (OperatingSystem.IsWindows())
            _ = VirtualFree(start, 0, MemRelease);
        else if (IsUnix)
            _ = MappedMemory.Unmap(start, _reservedBytes);
        else
            NativeMemory.Free((void*)start);
    }

    private const int DarwinReserved = 0x0002 | 0x1000 | 0x0040; // MappedMemory.Reserved, numbered otherwise; FreeBSD agrees
    private const uint MemCommit = 0x1000;
    private const uint MemReserve = 0x2000;
    private const uint MemRelease = 0x8000;
    private const uint PageNoAccess = 0x01;
    private const uint PageReadWrite = 0x04;

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint size, uint type);
}
