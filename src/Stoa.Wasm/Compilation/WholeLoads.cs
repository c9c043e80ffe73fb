using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Stoa.Wasm.Compilation;

/// <summary>Loads that the JIT never shortens, whatever becomes of the value: intrinsics that stand for one instruction each.</summary>
internal static unsafe class WholeLoads
{
    private static readonly MethodInfo? s_single = Find(Sse.IsSupported, nameof(LoadSingle));
    private static readonly MethodInfo? s_double = Find(Sse2.IsSupported, nameof(LoadDouble));
    private static readonly MethodInfo? s_vector = Find(Sse3.IsSupported, nameof(LoadVector));

    /// <summary>The method that loads a value of a kind from an address; null when there is none on this machine.</summary>
    public static MethodInfo? Of(ValueKind kind) => kind switch
    {
        ValueKind.F32 => s_single,
        ValueKind.F64 => s_double,
        ValueKind.V128 => s_vector,
        _ => null,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LoadSingle(nint address) => Sse.LoadScalarVector128((float*)address).ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double LoadDouble(nint address) => Sse2.LoadScalarVector128((double*)address).ToScalar();

    // LoadVector128 becomes a plain load, which is shortened; this one does not.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LoadVector(nint address) => Sse3.LoadDquVector128((byte*)address);

    private static MethodInfo? Find(bool isSupported, string name) => isSupported ? Thunks.Find(typeof(WholeLoads), name) : null;
}
