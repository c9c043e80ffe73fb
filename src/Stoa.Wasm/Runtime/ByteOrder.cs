using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.Intrinsics;

namespace Stoa.Wasm.Runtime;

/// <summary>Swaps the bytes of floating-point numbers and of the lanes of vectors, on machines that are not little-endian as linear memory is.</summary>
/// <remarks>The bits of a number that is none survive, as they pass through no arithmetic.</remarks>
internal static class ByteOrder
{
    public static float ReverseSingle(float value) =>
        BitConverter.UInt32BitsToSingle(BinaryPrimitives.ReverseEndianness(BitConverter.SingleToUInt32Bits(value)));

    public static double ReverseDouble(double value) =>
        BitConverter.UInt64BitsToDouble(BinaryPrimitives.ReverseEndianness(BitConverter.DoubleToUInt64Bits(value)));

    /// <summary>The method that swaps the bytes of each lane of a vector type; null for lanes of one byte, and for what is no vector.</summary>
    public static MethodInfo? LaneReversal(Type type)
    {
        if (!type.IsGenericType)
            return null;
        string? name = System.Runtime.InteropServices.Marshal.SizeOf(type.GetGenericArguments()[0]) switch
        {
            2 => nameof(ReverseLanes16),
            4 => nameof(ReverseLanes32),
            8 => nameof(ReverseLanes64),
            _ => null,
        };
        return name is null ? null : typeof(ByteOrder).GetMethod(name);
    }

    public static Vector128<byte> ReverseLanes16(Vector128<byte> value) =>
        Vector128.Shuffle(value, Vector128.Create((byte)1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));

    public static Vector128<byte> ReverseLanes32(Vector128<byte> value) =>
        Vector128.Shuffle(value, Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));

    public static Vector128<byte> ReverseLanes64(Vector128<byte> value) =>
        Vector128.Shuffle(value, Vector128.Create((byte)7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
}
