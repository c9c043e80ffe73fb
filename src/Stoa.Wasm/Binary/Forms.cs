using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Stoa.Wasm.Binary;

/// <summary>Forms that several sections share, and refusals.</summary>
internal static class Forms
{
    [DoesNotReturn]
    public static void Invalid(string reason, int offset) =>
        throw new InvalidModuleException(InvalidModuleKind.Invalid, offset, reason);

    [DoesNotReturn]
    public static void Exceeded(string reason, int offset) =>
        throw new InvalidModuleException(InvalidModuleKind.LimitExceeded, offset, reason);

    public static ValueKind ReadValueKind(ref WasmReader reader)
    {
        int at = reader.Position;
        byte code = reader.ReadByte();
        if (!IsValueKind(code))
            WasmReader.Malformed("malformed value type", at);
        return (ValueKind)code;
    }

    public static bool IsValueKind(byte code) => code is (>= 0x7B and <= 0x7F) or 0x70 or 0x6F;

    public static ValueKind ReadReferenceKind(ref WasmReader reader)
    {
        int at = reader.Position;
        byte code = reader.ReadByte();
        if (code is not (0x70 or 0x6F))
            WasmReader.Malformed("malformed reference type", at);
        return (ValueKind)code;
    }

    /// <summary>Reads the sixteen bytes of a vector, as two numbers of the machine that lie in memory as the bytes do.</summary>
    public static UInt128 ReadVector(ref WasmReader reader)
    {
        var bytes = reader.ReadBytes(VectorInstructions.ImmediateBytes);
        return new UInt128(MemoryMarshal.Read<ulong>(bytes[8..]), MemoryMarshal.Read<ulong>(bytes));
    }
}
