using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Stoa.Wasm.Runtime;

/// <summary>A file without a name that lies in memory: many linear memories can begin as private copies of it, and share what they do not change.</summary>
/// <remarks>Only where linear memories lie in a <see cref="SlotArena"/>.</remarks>
internal sealed partial class MemoryFile : IDisposable
{
    private const uint CloseOnExec = 1;

    private MemoryFile(SafeFileHandle handle)
    {
        Handle = handle;
    }

    public SafeFileHandle Handle { get; }

    /// <summary>Makes an empty file; null where the system has no such files or gives no more of them.</summary>
    public static MemoryFile? TryCreate()
    {
        if (GuardPages.Arena is null)
            return null;
        try
        {
            int descriptor = Create("wasm snapshot", CloseOnExec);
            return descriptor < 0 ? null : new MemoryFile(new SafeFileHandle(descriptor, ownsHandle: true));
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    public void Write(ReadOnlySpan<byte> content, long offset) => RandomAccess.Write(Handle, content, offset);

    public void Dispose() => Handle.Dispose();

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Create(string name, uint flags);
}
