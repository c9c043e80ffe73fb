using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>The part of an instance that compiled code works on: the last argument of every compiled function.</summary>
/// <remarks>Behind it, in the same block, lie the parts whose number depends on the module (<see cref="ContextLayout"/>).</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct InstanceContext
{
    /// <summary>Units of fuel left; negative once it ran out.</summary>
    public long Fuel;

    /// <summary>Compiled code stops when its fuel is below this: 0, or the largest number to interrupt it from another thread.</summary>
    public long FuelFloor;

    /// <summary>Compiled code traps when the stack pointer is below this.</summary>
    public nint StackLimit;

    /// <summary>Calls that may still be nested.</summary>
    public int DepthRemaining;

    /// <summary>The function that the lazy stub is to compile, set before each call that may reach it.</summary>
    public int PendingFunction;

    /// <summary>A weak handle to the <see cref="ContextOwner"/>.</summary>
    public nint Owner;

    /// <summary>Where memory 0 begins. This and the next field are its <see cref="MemoryView"/>.</summary>
    public byte* MemoryBase;

    /// <summary>All bits of memory 0's size in bytes turned over: what must be added to the size to reach the largest number.</summary>
    /// <remarks>So the sum of this and the end of an access overflows just when the access does not lie inside the memory.</remarks>
    public nuint MemorySizeComplement;

    /// <summary>Where a function leaves its results after the first: 16 bytes each.</summary>
    public byte* Results;

    /// <summary>In the context of a host function: which one of its owner's.</summary>
    public int HostIndex;

    /// <summary>The size of memory 0.</summary>
    public readonly ulong MemorySizeBytes => ~MemorySizeComplement;
}
