using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>A function with the context that it belongs to: what a funcref points at.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FunctionRecord
{
    /// <summary>Where to jump; 0 while the function is not compiled.</summary>
    public nint Code;

    /// <summary>The last argument of every call.</summary>
    public InstanceContext* Context;

    /// <summary>Equal for equal signatures, in the whole process.</summary>
    public int SignatureId;

    /// <summary>Number of the function in its module, or of the host function in its owner.</summary>
    public int Index;
}
