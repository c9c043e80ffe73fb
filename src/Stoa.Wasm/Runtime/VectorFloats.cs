using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Stoa.Wasm.Runtime;

/// <summary>Vector instructions on floating-point numbers that are more than one method of the framework (core specification 2.0, section 4.3.5).</summary>
/// <remarks>As <see cref="VectorIntegers"/>.</remarks>
internal static class VectorFloats
{
    /// <summary>2^52 and half of it: adding that to an integer of at most 51 bits leaves it in the lowest bits, whatever its sign.</summary>
    private const double SignedShift = 6755399441055744;

    // The signs change, and nothing else does: whatever is not a number keeps its bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Abs(Vector128<uint> bits) => bits & Vector128.Create(0x7FFF_FFFFu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Abs(Vector128<ulong> bits) => bits & Vector128.Create(0x7FFF_FFFF_FFFF_FFFFul);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Negate(Vector128<uint> bits) => bits ^ Vector128.Create(0x8000_0000u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Negate(Vector128<ulong> bits) => bits ^ Vector128.Create(0x8000_0000_0000_0000ul);

    /// <summary>The lesser of two, -0 before +0; the sum, which is a quiet one, where either is not a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Min<T>(Vector128<T> a, Vector128<T> b)
    {
        // They differ where zeros have different signs, and then the sign bit of either counts.
        var lesser = Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b) | Vector128.ConditionalSelect(Vector128.LessThan(b, a), b, a);
        return Vector128.ConditionalSelect(Vector128.Equals(a, a) & Vector128.Equals(b, b), lesser, a + b);
    }

    /// <summary>The greater of two, +0 after -0; the sum, which is a quiet one, where either is not a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Max<T>(Vector128<T> a, Vector128<T> b)
    {
        var greater = Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b) & Vector128.ConditionalSelect(Vector128.GreaterThan(b, a), b, a);
        return Vector128.ConditionalSelect(Vector128.Equals(a, a) & Vector128.Equals(b, b), greater, a + b);
    }

    /// <summary>The second if it is less, else the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> PseudoMin<T>(Vector128<T> a, Vector128<T> b) => Vector128.ConditionalSelect(Vector128.LessThan(b, a), b, a);

    /// <summary>The second if it is greater, else the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> PseudoMax<T>(Vector128<T> a, Vector128<T> b) => Vector128.ConditionalSelect(Vector128.LessThan(a, b), b, a);

    /// <summary>Two doubles as floats in the lower lanes, zeros in the upper ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Demote(Vector128<double> a) => Vector128.Narrow(a, default);

    /// <summary>The nearest integers, zero for what is not a number, in the lower lanes; zeros in the upper ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> TruncateSigned(Vector128<double> a) => Truncate(a, int.MinValue, int.MaxValue).AsInt32();

    /// <inheritdoc cref="TruncateSigned"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> TruncateUnsigned(Vector128<double> a) => Truncate(a, uint.MinValue, uint.MaxValue);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Truncate(Vector128<double> a, double least, double most)
    {
        a &= Vector128.Equals(a, a);
        a = PseudoMin(PseudoMax(a, Vector128.Create(least)), Vector128.Create(most));
        var shifted = Vector128.Truncate(a) + Vector128.Create(SignedShift);
        return Vector128.Narrow(shifted.AsUInt64(), default);
    }

    /// <summary>The nearest unsigned integers, zero for what is not a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> TruncateUnsigned(Vector128<float> a)
    {
        if (Avx512F.VL.IsSupported || !Sse2.IsSupported)
            return Vector128.ConvertToUInt32(a);

        // There are only conversions to signed numbers: the upper half of the range is moved down before, and back after.
        var half = Vector128.Create(2147483648f);
        var isUpper = Vector128.GreaterThanOrEqual(a, half);
        a &= Vector128.GreaterThan(a, default);
        var signed = Vector128.ConvertToInt32(a - (half & isUpper));
        return signed.AsUInt32() ^ (isUpper.AsUInt32() & Vector128.Create(0x8000_0000u));
    }

    /// <summary>The lower two lanes as doubles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> ConvertLower(Vector128<int> a) =>
        Sse2.IsSupported ? Sse2.ConvertToVector128Double(a) : Vector128.ConvertToDouble(Vector128.WidenLower(a));

    /// <inheritdoc cref="ConvertLower(Vector128{int})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> ConvertLower(Vector128<uint> a)
    {
        // The bits of a double of 2^52 and more are those of the integer above 2^52.
        var shift = Vector128.Create(4503599627370496d);
        return (Vector128.WidenLower(a) | shift.AsUInt64()).AsDouble() - shift;
    }
}
