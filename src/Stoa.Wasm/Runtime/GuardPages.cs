using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>Turns an access of compiled code to a page that nobody may touch into an exception, where the system allows it.</summary>
/// <remarks>
/// <para>
/// Linear memories lie in slots of one arena of reserved addresses. A slot is longer than a guest's address and offset can reach, so
/// an access out of bounds meets a page without rights, and the processor does the check.
/// </para>
/// <para>
/// CoreCLR throws <see cref="NullReferenceException"/> when managed code faults near address 0, and ends the process when it faults
/// elsewhere. So a few bytes of machine code stand before the runtime's own handler of the signal: they tell it that an address
/// in the arena was 0, and change nothing else. Only compiled code may fault so: whatever else touches a memory checks bounds before.
/// </para>
/// </remarks>
internal static unsafe partial class GuardPages
{
    /// <summary>A slot holds every address of 32 bits, and behind them what an offset below this adds.</summary>
    public const long OffsetReach = 2L << 30;

    private const int InvalidAddress = 11; // SIGSEGV
    private const int CodeBytes = 4096;

    /// <summary>Room for about 10,000 memories. Where the system grants less, fewer, but not so few that a node would run out of them.</summary>
    private static readonly long[] s_arenaBytes = [64L << 40, 16L << 40, 4L << 40];

    private static readonly Lazy<SlotArena?> s_arena = new(Create);

    /// <summary>Where memories lie; null when this system has no guard pages, so that compiled code has to check bounds itself.</summary>
    public static SlotArena? Arena => s_arena.Value;

    private static SlotArena? Create()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 || Environment.SystemPageSize != 4096)
            return null;
        foreach (long bytes in s_arenaBytes)
        {
            nint start = MappedMemory.Map(0, (nuint)bytes, MappedMemory.NoAccess, MappedMemory.Reserved, -1, 0);
            if (start == -1)
                continue;
            if (Install(start, bytes) && Works(start))
                return new SlotArena(start, bytes);
            _ = MappedMemory.Unmap(start, (nuint)bytes);
            return null;
        }

        return null;
    }

    /// <summary>Puts the machine code in front of the handler that the runtime has installed.</summary>
    private static bool Install(nint arena, long arenaBytes)
    {
        SignalAction action;
        if (GetOrSetAction(InvalidAddress, null, &action) != 0 || action.Handler is 0 or 1)
            return false;
        nint code = MappedMemory.Map(0, CodeBytes, MappedMemory.ReadWrite, MappedMemory.Reserved, -1, 0);
        if (code == -1)
            return false;
        WriteHandler(new Span<byte>((void*)code, CodeBytes), arena, arenaBytes, action.Handler);
        if (MappedMemory.Protect(code, CodeBytes, MappedMemory.ReadExecute) != 0)
            return false;
        action.Handler = code;
        return GetOrSetAction(InvalidAddress, &action, null) == 0;
    }

    /// <summary>handler(signal, info, context): if info->address is in the arena, it becomes 0; then the handler before.</summary>
    private static void WriteHandler(Span<byte> code, nint arena, long arenaBytes, nint next)
    {
        int at = 0;
        Put(code, ref at, [0x48, 0x8B, 0x46, 0x10]); // mov rax, [rsi + 16]
        Put(code, ref at, [0x48, 0xB9], arena); // mov rcx, arena
        Put(code, ref at, [0x48, 0x29, 0xC8]); // sub rax, rcx
        Put(code, ref at, [0x48, 0xB9], (nint)arenaBytes); // mov rcx, arenaBytes
        Put(code, ref at, [0x48, 0x39, 0xC8]); // cmp rax, rcx
        Put(code, ref at, [0x73, 0x08]); // jae over the next instruction
        Put(code, ref at, [0x48, 0xC7, 0x46, 0x10, 0, 0, 0, 0]); // mov qword [rsi + 16], 0
        Put(code, ref at, [0x48, 0xB8], next); // mov rax, next
        Put(code, ref at, [0xFF, 0xE0]); // jmp rax
    }

    private static void Put(Span<byte> code, ref int at, ReadOnlySpan<byte> bytes, nint? number = null)
    {
        bytes.CopyTo(code[at..]);
        at += bytes.Length;
        if (number is not { } value)
            return;
        MemoryMarshal.Write(code[at..], in value);
        at += sizeof(nint);
    }

    /// <summary>Faults once on purpose.</summary>
    private static bool Works(nint guarded)
    {
        try
        {
            return Touch(guarded) == 0 && false;
        }
        catch (NullReferenceException)
        {
            return true;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static int Touch(nint address) => *(int*)address;

    /// <summary><c>struct sigaction</c> of Linux on x64, the same in glibc and musl.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SignalAction
    {
        public nint Handler;
        public fixed ulong Mask[16];
        public int Flags;
        public nint Restorer;
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int GetOrSetAction(int signal, SignalAction* action, SignalAction* old);
}
