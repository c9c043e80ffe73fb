using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Stoa.Wasm.Binary;

/// <summary>Forms that several sections share: types, constant expressions; and refusals.</summary>
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

    /// <summary>Reads a constant expression that has to yield a value of a type (core specification 3.3.10).</summary>
    public static ConstantExpression ReadConstant(ref WasmReader reader, ModuleDefinition module, ValueKind expected)
    {
        int start = reader.Position;
        ConstantExpression? value = null;
        for (int instructions = 0; ; instructions++)
        {
            int at = reader.Position;
            byte opcode = reader.ReadByte();
            if (opcode == (byte)Opcode.End)
            {
                if (instructions != 1 || value is not { } constant || constant.Type != expected)
                    Invalid("type mismatch", start);
                return value.Value;
            }

            value = ReadConstantInstruction(ref reader, module, (Opcode)opcode, at);
        }
    }

    private static ConstantExpression ReadConstantInstruction(
        ref WasmReader reader, ModuleDefinition module, Opcode opcode, int at)
    {
        switch (opcode)
        {
            case Opcode.I32Const:
                return new(ConstantKind.Number, ValueKind.I32, (uint)reader.ReadS32());
            case Opcode.I64Const:
                return new(ConstantKind.Number, ValueKind.I64, (ulong)reader.ReadS64());
            case Opcode.F32Const:
                return new(ConstantKind.Number, ValueKind.F32, reader.ReadF32Bits());
            case Opcode.F64Const:
                return new(ConstantKind.Number, ValueKind.F64, reader.ReadF64Bits());
            case Opcode.RefNull:
                return new(ConstantKind.Number, ReadReferenceKind(ref reader), 0);
            case Opcode.RefFunc:
                uint function = reader.ReadU32();
                if (function >= (uint)module.FunctionTypes.Count)
                    Invalid("unknown function", at);
                module.ReferencedFunctions.Add((int)function);
                return new(ConstantKind.Function, ValueKind.FuncRef, function);
            case Opcode.GlobalGet:
                uint global = reader.ReadU32();
                if (global >= (uint)module.ImportedGlobals)
                    Invalid("unknown global", at);
                if (module.Globals[(int)global].IsMutable)
                    Invalid("constant expression required", at);
                return new(ConstantKind.Global, module.Globals[(int)global].Content, global);
            case Opcode.PrefixVector:
                uint vector = reader.ReadU32();
                if (!VectorInstructions.Of(vector).IsKnown)
                    WasmReader.Malformed("illegal opcode", at);
                if (vector != (uint)VectorOpcode.V128Const)
                    Invalid("constant expression required", at);
                return new(ConstantKind.Number, ValueKind.V128, ReadVector(ref reader));
            default:
                if (!Instructions.IsKnown(opcode))
                    WasmReader.Malformed("illegal opcode", at);
                Invalid("constant expression required", at);
                return default;
        }
    }
}
