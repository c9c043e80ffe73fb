using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>How far down the stack of the present thread may be used by guests.</summary>
internal static unsafe partial class StackBounds
{
    /// <summary>Room left for the host's own code: functions it provides, exceptions, the JIT.</summary>
    private const int ReserveBytes = 256 << 10;

    [ThreadStatic]
    private static nint s_end;

    /// <summary>The lowest address that the stack pointer of a guest may have.</summary>
    public static nint GuestLimit
    {
        get
        {
            if (s_end == 0)
                s_end = FindEnd();
            if (s_end == -1)
            {
                // Nothing is known: promise only what the runtime promises from here on.
                return RuntimeHelpers.TryEnsureSufficientExecutionStack() ? Pointer - (32 << 10) : Pointer;
            }

            return s_end + ReserveBytes;
        }
    }

    /// <summary>Bytes between the stack pointer and the end of the stack; as little as is promised where the end is unknown.</summary>
    public static long Remaining => s_end is 0 or -1 ? Pointer - GuestLimit : Pointer - s_end;

    private static nint Pointer
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        get
        {
            byte here;
            return (nint)(&here);
        }
    }

    private static nint FindEnd()
    {
        if (OperatingSystem.IsWindows())
        {
            GetCurrentThreadStackLimits(out var low, out _);
            return low;
        }

        if (OperatingSystem.IsMacOS() || OperatingSystem.IsIOS())
        {
            var self = ThreadSelf();
            return StackAddressOfDarwin(self) - (nint)StackSizeOfDarwin(self);
        }

        if (!OperatingSystem.IsLinux())
            return -1;

        // pthread_attr_t has at most 64 bytes on the architectures that .NET runs on.
        var attributes = stackalloc long[16];
        if (AttributesOfThread(ThreadSelf(), attributes) != 0)
            return -1;
        bool known = StackOfAttributes(attributes, out var lowest, out _) == 0;
        _ = DestroyAttributes(attributes);
        return known ? lowest : -1;
    }

    [LibraryImport("libc", EntryPoint = "pthread_self")]
    private static partial nint ThreadSelf();

    [LibraryImport("libc", EntryPoint = "pthread_getattr_np")]
    private static partial int AttributesOfThread(nint thread, long* attributes);

    [LibraryImport("libc", EntryPoint = "pthread_attr_getstack")]
    private static partial int StackOfAttributes(long* attributes, out nint lowest, out nuint size);

    [LibraryImport("libc", EntryPoint = "pthread_attr_destroy")]
    private static partial int DestroyAttributes(long* attributes);

    [LibraryImport("libc", EntryPoint = "pthread_get_stackaddr_np")]
    private static partial nint StackAddressOfDarwin(nint thread);

    [LibraryImport("libc", EntryPoint = "pthread_get_stacksize_np")]
    private static partial nuint StackSizeOfDarwin(nint thread);

    [LibraryImport("kernel32")]
    private static partial void GetCurrentThreadStackLimits(out nint low, out nint high);
}
