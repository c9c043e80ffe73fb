using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Stoa.Wasm.Runtime;

/// <summary>Numeric instructions that are more than one instruction of the JIT's language (core specification 2.0, section 4.3).</summary>
internal static class Numerics
{
    public static int DivS(int a, int b)
    {
        if (b == -1 && a == int.MinValue)
            Throw(TrapCode.IntegerOverflow);
        return a / b;
    }

    public static long DivS(long a, long b)
    {
        if (b == -1 && a == long.MinValue)
            Throw(TrapCode.IntegerOverflow);
        return a / b;
    }

    public static int RemS(int a, int b) => b == -1 ? 0 : a % b;

    public static long RemS(long a, long b) => b == -1 ? 0 : a % b;

    // A sum of operands of which one is not a number is a quiet one; else the framework's order (-0 before +0) is the right one.
    public static float Min(float a, float b) => float.IsNaN(a) || float.IsNaN(b) ? a + b : MathF.Min(a, b);

    public static float Max(float a, float b) => float.IsNaN(a) || float.IsNaN(b) ? a + b : MathF.Max(a, b);

    public static double Min(double a, double b) => double.IsNaN(a) || double.IsNaN(b) ? a + b : Math.Min(a, b);

    public static double Max(double a, double b) => double.IsNaN(a) || double.IsNaN(b) ? a + b : Math.Max(a, b);

    public static int TruncI32S(float x)
    {
        if (!(x >= -2147483648f && x < 2147483648f))
            ThrowConversion(float.IsNaN(x));
        return (int)x;
    }

    public static int TruncI32U(float x)
    {
        if (!(x > -1f && x < 4294967296f))
            ThrowConversion(float.IsNaN(x));
        return (int)(long)x;
    }

    public static int TruncI32S(double x)
    {
        if (!(x > -2147483649d && x < 2147483648d))
            ThrowConversion(double.IsNaN(x));
        return (int)x;
    }

    public static int TruncI32U(double x)
    {
        if (!(x > -1d && x < 4294967296d))
            ThrowConversion(double.IsNaN(x));
        return (int)(long)x;
    }

    public static long TruncI64S(float x)
    {
        if (!(x >= -9223372036854775808f && x < 9223372036854775808f))
            ThrowConversion(float.IsNaN(x));
        return (long)x;
    }

    public static long TruncI64U(float x)
    {
        if (!(x > -1f && x < 18446744073709551616f))
            ThrowConversion(float.IsNaN(x));
        return (long)(ulong)x;
    }

    public static long TruncI64S(double x)
    {
        if (!(x >= -9223372036854775808d && x < 9223372036854775808d))
            ThrowConversion(double.IsNaN(x));
        return (long)x;
    }

    public static long TruncI64U(double x)
    {
        if (!(x > -1d && x < 18446744073709551616d))
            ThrowConversion(double.IsNaN(x));
        return (long)(ulong)x;
    }

    // The framework's own conversions saturate, and turn what is not a number into zero, on every processor.
    public static int SaturateI32S(float x) => (int)x;

    public static int SaturateI32U(float x) => (int)(uint)x;

    public static int SaturateI32S(double x) => (int)x;

    public static int SaturateI32U(double x) => (int)(uint)x;

    public static long SaturateI64S(float x) => (long)x;

    public static long SaturateI64U(float x) => (long)(ulong)x;

    public static long SaturateI64S(double x) => (long)x;

    public static long SaturateI64U(double x) => (long)(ulong)x;

    public static float ConvertF32U(int x) => (uint)x;

    /// <summary>Rounds once: halves what does not fit a signed number, with its lost bit kept as a sticky one.</summary>
    public static float ConvertF32U(long x) => x >= 0 ? x : 2f * (float)((long)((ulong)x >> 1) | (x & 1));

    public static double ConvertF64U(int x) => (uint)x;

    public static double ConvertF64U(long x) => x >= 0 ? x : 2d * (double)((long)((ulong)x >> 1) | (x & 1));

    /// <summary>A conversion that the JIT cannot put together with one before it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Demote(double x) => (float)x;

    public static int Select(int a, int b, int condition) => condition != 0 ? a : b;

    public static long Select(long a, long b, int condition) => condition != 0 ? a : b;

    public static float Select(float a, float b, int condition) => condition != 0 ? a : b;

    public static double Select(double a, double b, int condition) => condition != 0 ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Select(Vector128<byte> a, Vector128<byte> b, int condition) => condition != 0 ? a : b;

    public static nint Select(nint a, nint b, int condition) => condition != 0 ? a : b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Throw(TrapCode code) => throw new TrapException(code);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowConversion(bool isNaN) =>
        throw new TrapException(isNaN ? TrapCode.InvalidConversionToInteger : TrapCode.IntegerOverflow);
}
