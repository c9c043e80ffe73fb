using System.Buffers.Binary;

namespace Stoa.Wasm.Runtime;

/// <summary>Swaps the bytes of floating-point numbers, on machines that are not little-endian as linear memory is.</summary>
/// <remarks>The bits of a number that is none survive, as they pass through no arithmetic.</remarks>
internal static class ByteOrder
{
    public static float ReverseSingle(float value) =>
        BitConverter.UInt32BitsToSingle(BinaryPrimitives.ReverseEndianness(BitConverter.SingleToUInt32Bits(value)));

    public static double ReverseDouble(double value) =>
        BitConverter.UInt64BitsToDouble(BinaryPrimitives.ReverseEndianness(BitConverter.DoubleToUInt64Bits(value)));
}
