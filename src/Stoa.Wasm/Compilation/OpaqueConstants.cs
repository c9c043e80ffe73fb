using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Stoa.Wasm.Compilation;

/// <summary>Constants that compiled code reads from memory, so that the JIT does not know them. One block for the process, never freed.</summary>
/// <remarks>
/// Arithmetic makes a signalling NaN a quiet one (core specification 2.0, section 4.3.3), and so do x * 1, x / 1, x - 0 and x + -0, which
/// an optimising JIT replaces by x. It also keeps float constants as doubles, in which a signalling NaN has become quiet already.
/// It knows nothing of what is read from an address.
/// Of vectors it knows the same identities, and that a sum with a vector of NaNs is that vector; the lane of a constant one is a float constant to it.
/// </remarks>
internal static unsafe class OpaqueConstants
{
    private static readonly double* s_doubles = Allocate();

    /// <summary>Where a zero of sixteen bytes is. An integer that is combined with it by exclusive or stays as it is, and is no constant.</summary>
    public static nint Zero => (nint)(Singles + 4);

    /// <summary>The address of a number that arithmetic may leave as it is; 0 for all others.</summary>
    public static nint IdentityAddress(float value) => IsIdentity(value) ? (nint)(Singles + Index(value)) : 0;

    /// <inheritdoc cref="IdentityAddress(float)"/>
    public static nint IdentityAddress(double value) => IsIdentity(value) ? (nint)(s_doubles + Index(value)) : 0;

    /// <summary>Whether arithmetic with a vector, as one of floats or of doubles, leaves the other operand or this one as it is.</summary>
    public static bool IsNotArithmetic(UInt128 bits)
    {
        if (!BitConverter.IsLittleEndian)
            return true;
        var vector = Vector128.Create((ulong)bits, (ulong)(bits >> 64));
        return IsNotArithmetic(vector.AsSingle()) || IsNotArithmetic(vector.AsDouble());
    }

    private static bool IsNotArithmetic<T>(Vector128<T> vector)
        where T : INumber<T> =>
        Vector128.EqualsAll(vector, Vector128<T>.Zero) || Vector128.EqualsAll(vector, Vector128<T>.One) || !Vector128.EqualsAny(vector, vector);

    private static float* Singles => (float*)(s_doubles + 3);

    private static bool IsIdentity(double value) => value is 0 or 1;

    private static int Index(double value) => value == 1 ? 2 : double.IsNegative(value) ? 1 : 0;

    private static double* Allocate()
    {
        double* doubles = (double*)RuntimeHelpers.AllocateTypeAssociatedMemory(typeof(OpaqueConstants), (3 * sizeof(double)) + (4 * sizeof(float)) + 16);
        float* singles = (float*)(doubles + 3);
        ReadOnlySpan<float> values = [0f, -0f, 1f];
        for (int i = 0; i < values.Length; i++)
        {
            doubles[i] = values[i];
            singles[i] = values[i];
        }

        return doubles;
    }
}
