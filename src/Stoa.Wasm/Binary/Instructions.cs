using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Binary;

/// <summary>What the instructions without special rules take and give.</summary>
internal static class Instructions
{
    /// <summary>The operands and the result of an instruction; no kind (0) where there is none.</summary>
    internal readonly record struct Shape(ValueKind First, ValueKind Second, ValueKind Result, byte NaturalAlignment)
    {
        public bool IsPlain => First != 0;
    }

    private static readonly Shape[] s_shapes = BuildShapes();

    /// <summary>Indexed by opcode. Loads and stores have their memory operand besides.</summary>
    public static ReadOnlySpan<Shape> Shapes => s_shapes;

    public static bool IsMemoryAccess(Opcode opcode) => opcode is >= Opcode.I32Load and <= Opcode.I64Store32;

    public static bool IsKnown(Opcode opcode) =>
        Enum.IsDefined(opcode);

    private static Shape[] BuildShapes()
    {
        var shapes = new Shape[256];
        Load(Opcode.I32Load, I32, 2);
        Load(Opcode.I64Load, I64, 3);
        Load(Opcode.F32Load, F32, 2);
        Load(Opcode.F64Load, F64, 3);
        Load(Opcode.I32Load8S, I32, 0, 0, 1, 1);
        Load(Opcode.I64Load8S, I64, 0, 0, 1, 1, 2, 2);
        Store(Opcode.I32Store, I32, 2);
        Store(Opcode.I64Store, I64, 3);
        Store(Opcode.F32Store, F32, 2);
        Store(Opcode.F64Store, F64, 3);
        Store(Opcode.I32Store8, I32, 0, 1);
        Store(Opcode.I64Store8, I64, 0, 1, 2);

        Unary(Opcode.I32Eqz, Opcode.I32Eqz, I32, I32);
        Binary(Opcode.I32Eq, Opcode.I32GeU, I32, I32);
        Unary(Opcode.I64Eqz, Opcode.I64Eqz, I64, I32);
        Binary(Opcode.I64Eq, Opcode.I64GeU, I64, I32);
        Binary(Opcode.F32Eq, Opcode.F32Ge, F32, I32);
        Binary(Opcode.F64Eq, Opcode.F64Ge, F64, I32);
        Unary(Opcode.I32Clz, Opcode.I32Popcnt, I32, I32);
        Binary(Opcode.I32Add, Opcode.I32Rotr, I32, I32);
        Unary(Opcode.I64Clz, Opcode.I64Popcnt, I64, I64);
        Binary(Opcode.I64Add, Opcode.I64Rotr, I64, I64);
        Unary(Opcode.F32Abs, Opcode.F32Sqrt, F32, F32);
        Binary(Opcode.F32Add, Opcode.F32Copysign, F32, F32);
        Unary(Opcode.F64Abs, Opcode.F64Sqrt, F64, F64);
        Binary(Opcode.F64Add, Opcode.F64Copysign, F64, F64);
        Unary(Opcode.I32WrapI64, Opcode.I32WrapI64, I64, I32);
        Unary(Opcode.I32TruncF32S, Opcode.I32TruncF32U, F32, I32);
        Unary(Opcode.I32TruncF64S, Opcode.I32TruncF64U, F64, I32);
        Unary(Opcode.I64ExtendI32S, Opcode.I64ExtendI32U, I32, I64);
        Unary(Opcode.I64TruncF32S, Opcode.I64TruncF32U, F32, I64);
        Unary(Opcode.I64TruncF64S, Opcode.I64TruncF64U, F64, I64);
        Unary(Opcode.F32ConvertI32S, Opcode.F32ConvertI32U, I32, F32);
        Unary(Opcode.F32ConvertI64S, Opcode.F32ConvertI64U, I64, F32);
        Unary(Opcode.F32DemoteF64, Opcode.F32DemoteF64, F64, F32);
        Unary(Opcode.F64ConvertI32S, Opcode.F64ConvertI32U, I32, F64);
        Unary(Opcode.F64ConvertI64S, Opcode.F64ConvertI64U, I64, F64);
        Unary(Opcode.F64PromoteF32, Opcode.F64PromoteF32, F32, F64);
        Unary(Opcode.I32ReinterpretF32, Opcode.I32ReinterpretF32, F32, I32);
        Unary(Opcode.I64ReinterpretF64, Opcode.I64ReinterpretF64, F64, I64);
        Unary(Opcode.F32ReinterpretI32, Opcode.F32ReinterpretI32, I32, F32);
        Unary(Opcode.F64ReinterpretI64, Opcode.F64ReinterpretI64, I64, F64);
        Unary(Opcode.I32Extend8S, Opcode.I32Extend16S, I32, I32);
        Unary(Opcode.I64Extend8S, Opcode.I64Extend32S, I64, I64);
        return shapes;

        void Unary(Opcode first, Opcode last, ValueKind operand, ValueKind result)
        {
            for (int opcode = (int)first; opcode <= (int)last; opcode++)
                shapes[opcode] = new Shape(operand, 0, result, 0);
        }

        void Binary(Opcode first, Opcode last, ValueKind operand, ValueKind result)
        {
            for (int opcode = (int)first; opcode <= (int)last; opcode++)
                shapes[opcode] = new Shape(operand, operand, result, 0);
        }

        void Load(Opcode first, ValueKind result, params ReadOnlySpan<byte> alignments)
        {
            for (int i = 0; i < alignments.Length; i++)
                shapes[(int)first + i] = new Shape(I32, 0, result, alignments[i]);
        }

        void Store(Opcode first, ValueKind value, params ReadOnlySpan<byte> alignments)
        {
            for (int i = 0; i < alignments.Length; i++)
                shapes[(int)first + i] = new Shape(I32, value, 0, alignments[i]);
        }
    }

    /// <summary>Source and result of the saturating conversions, by <see cref="ExtendedOpcode"/>.</summary>
    public static (ValueKind Source, ValueKind Result) SaturatingConversion(ExtendedOpcode opcode) =>
        (((uint)opcode & 2) == 0 ? F32 : F64, ((uint)opcode & 4) == 0 ? I32 : I64);
}
