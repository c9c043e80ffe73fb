using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Stoa.Wasm.Runtime;

/// <summary>Relaxed vector instructions that are no others under another name (core specification 3.0, relaxed operations).</summary>
/// <remarks>As <see cref="VectorIntegers"/>. They do what the specification's deterministic profile says, so that every machine gives the same bits.</remarks>
internal static class RelaxedVectors
{
    /// <summary>a * b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Canonical(Vector128.FusedMultiplyAdd(a, b, c), Vector128.Create(0x7FC0_0000).AsSingle());

    /// <inheritdoc cref="MultiplyAdd(Vector128{float}, Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAdd(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Canonical(Vector128.FusedMultiplyAdd(a, b, c), Vector128.Create(0x7FF8_0000_0000_0000).AsDouble());

    /// <summary>-(a * b) + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyNegatedAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => MultiplyAdd(-a, b, c);

    /// <inheritdoc cref="MultiplyNegatedAdd(Vector128{float}, Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyNegatedAdd(Vector128<double> a, Vector128<double> b, Vector128<double> c) => MultiplyAdd(-a, b, c);

    /// <summary>Products of signed 8-bit neighbours, added without saturation.</summary>
    /// <remarks>The operands are given as 16-bit lanes that hold two numbers each, in whichever order.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> Dot(Vector128<short> a, Vector128<short> b) => (((a << 8) >> 8) * ((b << 8) >> 8)) + ((a >> 8) * (b >> 8));

    /// <summary>Neighbours of <see cref="Dot"/>, added to each other and to a third operand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> DotAdd(Vector128<short> a, Vector128<short> b, Vector128<int> c) => VectorIntegers.AddPairs(Dot(a, b).AsInt32()) + c;

    /// <summary>Which operand's NaN a fused operation passes on depends on the registers that the JIT chose; so it is always this one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> Canonical<T>(Vector128<T> value, Vector128<T> notANumber) =>
        Vector128.ConditionalSelect(Vector128.Equals(value, value), value, notANumber);
}
