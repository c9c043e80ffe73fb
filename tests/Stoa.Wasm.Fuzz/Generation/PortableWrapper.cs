using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>A function that calls another one and takes and gives integers only. JavaScript numbers keep no payload of a NaN, and no vectors.</summary>
internal sealed record PortableWrapper(FunctionType Type, byte[] Body)
{
    public static PortableWrapper Of(FunctionType type, int function)
    {
        var code = new CodeWriter();
        WriteLocals(code, type);
        var parameters = new List<ValueKind>();
        foreach (var kind in type.Parameters)
            WriteParameter(code, kind, parameters);
        code.Op(Opcode.Call, function);
        for (int i = type.Results.Length - 1; i >= 0; i--)
            code.Op(Opcode.LocalSet, parameters.Count + i);
        var results = new List<ValueKind>();
        for (int i = 0; i < type.Results.Length; i++)
        {
            int local = parameters.Count + i;
            code.Op(Opcode.LocalGet, local);
            WriteAsIntegers(code, type.Results[i], results, () => code.Op(Opcode.LocalGet, local));
        }

        code.Op(Opcode.End);
        return new PortableWrapper(new FunctionType([.. parameters], [.. results]), code.ToArray());
    }

    /// <summary>Makes one or two integers of the value on top.</summary>
    /// <param name="code">Where to.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="results">Takes the kinds of the integers.</param>
    /// <param name="repeat">Writes what puts the value on top once more.</param>
    public static void WriteAsIntegers(CodeWriter code, ValueKind kind, List<ValueKind> results, Action repeat)
    {
        results.Add(kind is I64 or F64 or V128 ? I64 : I32);
        switch (kind)
        {
            case F32:
                code.Op(Opcode.I32ReinterpretF32);
                break;
            case F64:
                code.Op(Opcode.I64ReinterpretF64);
                break;
            case V128:
                code.Op(VectorOpcode.I64x2ExtractLane, 0);
                repeat();
                code.Op(VectorOpcode.I64x2ExtractLane, 1);
                results.Add(I64);
                break;
            case FuncRef or ExternRef:
                code.Op(Opcode.RefIsNull);
                break;
            default:
                break;
        }
    }

    private static void WriteLocals(CodeWriter code, FunctionType type)
    {
        code.Number((uint)type.Results.Length);
        foreach (var kind in type.Results)
        {
            code.Number(1);
            code.Byte((byte)kind);
        }
    }

    private static void WriteParameter(CodeWriter code, ValueKind kind, List<ValueKind> parameters)
    {
        if (kind is FuncRef or ExternRef)
        {
            code.Op(Opcode.RefNull);
            code.Byte((byte)kind);
            return;
        }

        code.Op(Opcode.LocalGet, parameters.Count);
        parameters.Add(kind is I64 or F64 or V128 ? I64 : I32);
        switch (kind)
        {
            case F32:
                code.Op(Opcode.F32ReinterpretI32);
                break;
            case F64:
                code.Op(Opcode.F64ReinterpretI64);
                break;
            case V128:
                code.Op(VectorOpcode.I64x2Splat);
                code.Op(Opcode.LocalGet, parameters.Count);
                code.Op(VectorOpcode.I64x2ReplaceLane, 1);
                parameters.Add(I64);
                break;
            default:
                break;
        }
    }
}
