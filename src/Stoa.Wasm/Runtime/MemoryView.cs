using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>A memory as compiled code sees it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemoryView
{
    /// <summary>Where it begins.</summary>
    public byte* Base;

    /// <summary>All bits of its size in bytes turned over: what must be added to the size to reach the largest number.</summary>
    /// <remarks>So the sum of this and the end of an access overflows just when the access does not lie inside the memory.</remarks>
    public nuint SizeComplement;
}
