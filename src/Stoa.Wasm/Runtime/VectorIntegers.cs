using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Stoa.Wasm.Runtime;

/// <summary>Vector instructions on integers that are more than one method of the framework (core specification 2.0, section 4.3.5).</summary>
/// <remarks>
/// Each is inlined where it is used. Where a processor has one instruction for what takes many portable ones it is used, and gives the
/// same bits. What is said of lanes holds on every machine: operands come with their lanes in the machine's byte order.
/// </remarks>
internal static class VectorIntegers
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> NotEqual<T>(Vector128<T> a, Vector128<T> b) => ~Vector128.Equals(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> BitSelect(Vector128<byte> a, Vector128<byte> b, Vector128<byte> mask) =>
        Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int AnyTrue(Vector128<byte> a) => a != Vector128<byte>.Zero ? 1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int AllTrue<T>(Vector128<T> a) => Vector128.EqualsAny(a, Vector128<T>.Zero) ? 0 : 1;

    /// <summary>The lanes of a vector that another one names; zero where it names none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Swizzle(Vector128<byte> a, Vector128<byte> lanes) => Ssse3.IsSupported
        ? Ssse3.Shuffle(a, Vector128.AddSaturate(lanes, Vector128.Create((byte)(128 - 16)))) // it gives zero from 128 on
        : Vector128.Shuffle(a, lanes);

    // The framework's own software version throws where a lane has no positive counterpart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Abs(Vector128<sbyte> a) =>
        Vector128.IsHardwareAccelerated ? Vector128.Abs(a) : Vector128.ConditionalSelect(Vector128.LessThan(a, default), -a, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> Abs(Vector128<short> a) =>
        Vector128.IsHardwareAccelerated ? Vector128.Abs(a) : Vector128.ConditionalSelect(Vector128.LessThan(a, default), -a, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Abs(Vector128<int> a) =>
        Vector128.IsHardwareAccelerated ? Vector128.Abs(a) : Vector128.ConditionalSelect(Vector128.LessThan(a, default), -a, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> Abs(Vector128<long> a) =>
        Vector128.IsHardwareAccelerated ? Vector128.Abs(a) : Vector128.ConditionalSelect(Vector128.LessThan(a, default), -a, a);

    /// <summary>Counts the bits of each lane: those of its halves, from a table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> PopCount(Vector128<byte> a)
    {
        var counts = Vector128.Create((byte)0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
        var low = a & Vector128.Create((byte)15);
        var high = (a >>> 4) & Vector128.Create((byte)15);
        return Vector128.ShuffleNative(counts, low) + Vector128.ShuffleNative(counts, high);
    }

    // Counts of shifts are taken modulo the bits of a lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ShiftLeft(Vector128<byte> a, int count) => Vector128.ShiftLeft(a, count & 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> ShiftLeft(Vector128<ushort> a, int count) => Vector128.ShiftLeft(a, count & 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> ShiftLeft(Vector128<uint> a, int count) => Vector128.ShiftLeft(a, count & 31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> ShiftLeft(Vector128<ulong> a, int count) => Vector128.ShiftLeft(a, count & 63);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> ShiftRight(Vector128<sbyte> a, int count) => Vector128.ShiftRightArithmetic(a, count & 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> ShiftRight(Vector128<short> a, int count) => Vector128.ShiftRightArithmetic(a, count & 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ShiftRight(Vector128<int> a, int count) => Vector128.ShiftRightArithmetic(a, count & 31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> ShiftRight(Vector128<long> a, int count) => Vector128.ShiftRightArithmetic(a, count & 63);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ShiftRight(Vector128<byte> a, int count) => Vector128.ShiftRightLogical(a, count & 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> ShiftRight(Vector128<ushort> a, int count) => Vector128.ShiftRightLogical(a, count & 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> ShiftRight(Vector128<uint> a, int count) => Vector128.ShiftRightLogical(a, count & 31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> ShiftRight(Vector128<ulong> a, int count) => Vector128.ShiftRightLogical(a, count & 63);

    /// <summary>(a + b + 1) / 2 without the overflow of the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Average(Vector128<byte> a, Vector128<byte> b) =>
        Sse2.IsSupported ? Sse2.Average(a, b) : (a | b) - ((a ^ b) >>> 1);

    /// <inheritdoc cref="Average(Vector128{byte}, Vector128{byte})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Average(Vector128<ushort> a, Vector128<ushort> b) =>
        Sse2.IsSupported ? Sse2.Average(a, b) : (a | b) - ((a ^ b) >>> 1);

    /// <summary>Signed lanes of both, each made the nearest unsigned number of half the width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> NarrowUnsigned(Vector128<short> a, Vector128<short> b)
    {
        if (Sse2.IsSupported)
            return Sse2.PackUnsignedSaturate(a, b);
        var most = Vector128.Create((short)byte.MaxValue);
        a = Vector128.Min(Vector128.Max(a, default), most);
        b = Vector128.Min(Vector128.Max(b, default), most);
        return Vector128.Narrow(a.AsUInt16(), b.AsUInt16());
    }

    /// <inheritdoc cref="NarrowUnsigned(Vector128{short}, Vector128{short})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> NarrowUnsigned(Vector128<int> a, Vector128<int> b)
    {
        if (Sse41.IsSupported)
            return Sse41.PackUnsignedSaturate(a, b);
        var most = Vector128.Create((int)ushort.MaxValue);
        a = Vector128.Min(Vector128.Max(a, default), most);
        b = Vector128.Min(Vector128.Max(b, default), most);
        return Vector128.Narrow(a.AsUInt32(), b.AsUInt32());
    }

    // Sums of neighbours: it does not matter which of the two lies in the upper half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> AddPairs(Vector128<short> a) => ((a << 8) >> 8) + (a >> 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> AddPairs(Vector128<ushort> a) => (a & Vector128.Create((ushort)0xFF)) + (a >>> 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> AddPairs(Vector128<int> a) => ((a << 16) >> 16) + (a >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> AddPairs(Vector128<uint> a) => (a & Vector128.Create(0xFFFFu)) + (a >>> 16);

    /// <summary>Products of 16-bit neighbours, added.</summary>
    /// <remarks>The operands are given as 32-bit lanes that hold two numbers each, in whichever order.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot(Vector128<int> a, Vector128<int> b) => Sse2.IsSupported
        ? Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16())
        : (((a << 16) >> 16) * ((b << 16) >> 16)) + ((a >> 16) * (b >> 16));

    /// <summary>Products of numbers between -1 and 1 in steps of 2^-15, rounded to the nearest, upwards from the middle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyFixedPoint(Vector128<short> a, Vector128<short> b)
    {
        if (Ssse3.IsSupported)
        {
            // (-1) * (-1) is the one product that does not fit, and the only one that comes out as -1.
            var product = Ssse3.MultiplyHighRoundScale(a, b);
            return product ^ Vector128.Equals(product, Vector128.Create(short.MinValue));
        }

        var half = Vector128.Create(1 << 14);
        var low = ((Vector128.WidenLower(a) * Vector128.WidenLower(b)) + half) >> 15;
        var high = ((Vector128.WidenUpper(a) * Vector128.WidenUpper(b)) + half) >> 15;
        var most = Vector128.Create((int)short.MaxValue);
        return Vector128.Narrow(Vector128.Min(low, most), Vector128.Min(high, most));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyLower(Vector128<sbyte> a, Vector128<sbyte> b) => Vector128.WidenLower(a) * Vector128.WidenLower(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyUpper(Vector128<sbyte> a, Vector128<sbyte> b) => Vector128.WidenUpper(a) * Vector128.WidenUpper(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> MultiplyLower(Vector128<byte> a, Vector128<byte> b) => Vector128.WidenLower(a) * Vector128.WidenLower(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> MultiplyUpper(Vector128<byte> a, Vector128<byte> b) => Vector128.WidenUpper(a) * Vector128.WidenUpper(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyLower(Vector128<short> a, Vector128<short> b) => Vector128.WidenLower(a) * Vector128.WidenLower(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyUpper(Vector128<short> a, Vector128<short> b) => Vector128.WidenUpper(a) * Vector128.WidenUpper(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> MultiplyLower(Vector128<ushort> a, Vector128<ushort> b) => Vector128.WidenLower(a) * Vector128.WidenLower(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> MultiplyUpper(Vector128<ushort> a, Vector128<ushort> b) => Vector128.WidenUpper(a) * Vector128.WidenUpper(b);

    // Older processors multiply every other 32-bit lane, and have no product of 64-bit lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> MultiplyLower(Vector128<int> a, Vector128<int> b) => Sse41.IsSupported
        ? Sse41.Multiply(Sse2.Shuffle(a, 0b01_01_00_00), Sse2.Shuffle(b, 0b01_01_00_00))
        : Vector128.WidenLower(a) * Vector128.WidenLower(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> MultiplyUpper(Vector128<int> a, Vector128<int> b) => Sse41.IsSupported
        ? Sse41.Multiply(Sse2.Shuffle(a, 0b11_11_10_10), Sse2.Shuffle(b, 0b11_11_10_10))
        : Vector128.WidenUpper(a) * Vector128.WidenUpper(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> MultiplyLower(Vector128<uint> a, Vector128<uint> b) => Sse2.IsSupported
        ? Sse2.Multiply(Sse2.Shuffle(a, 0b01_01_00_00), Sse2.Shuffle(b, 0b01_01_00_00))
        : Vector128.WidenLower(a) * Vector128.WidenLower(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> MultiplyUpper(Vector128<uint> a, Vector128<uint> b) => Sse2.IsSupported
        ? Sse2.Multiply(Sse2.Shuffle(a, 0b11_11_10_10), Sse2.Shuffle(b, 0b11_11_10_10))
        : Vector128.WidenUpper(a) * Vector128.WidenUpper(b);
}
