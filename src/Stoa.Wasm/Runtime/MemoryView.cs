using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>What compiled code sees of a memory: a copy in the context of each instance that uses it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemoryView
{
    public byte* Base;
    public long SizeBytes;
}
