using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>The calls of Unix systems on ranges of addresses. A call that fails gives -1.</summary>
internal static partial class MappedMemory
{
    public const int NoAccess = 0;
    public const int ReadWrite = 1 | 2;
    public const int ReadExecute = 1 | 4;

    // Flags of mmap on Linux; Darwin and FreeBSD number all but the first otherwise.
    public const int Private = 0x02;
    public const int Fixed = 0x10;
    public const int Anonymous = 0x20;
    public const int NoReserve = 0x4000;

    /// <summary>Pages of nobody else, for which the system promises no memory yet.</summary>
    public const int Reserved = Private | Anonymous | NoReserve;

    [LibraryImport("libc", EntryPoint = "mmap")]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    public static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    public static partial int Advise(nint address, nuint length, int advice);
}
