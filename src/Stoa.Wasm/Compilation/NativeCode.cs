using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Stoa.Wasm.Compilation;

/// <summary>Has the JIT compile dynamic methods, for calls by address.</summary>
internal static class NativeCode
{
    /// <summary>Compiles a method now. The address is good for as long as the method object is referenced.</summary>
    public static nint Compile(DynamicMethod method)
    {
        var handle = GetMethodDescriptor(method);
        RuntimeHelpers.PrepareMethod(handle);
        return handle.GetFunctionPointer();
    }

    // A dynamic method is public API, its handle is not; a delegate would cost a shuffle thunk and an object on every call.
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "GetMethodDescriptor")]
    private static extern RuntimeMethodHandle GetMethodDescriptor(DynamicMethod method);
}
