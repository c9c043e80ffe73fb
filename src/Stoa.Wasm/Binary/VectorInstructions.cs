using static Stoa.Wasm.Binary.VectorOpcode;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Binary;

/// <summary>What the vector instructions take and give, and what follows their opcodes.</summary>
internal static class VectorInstructions
{
    /// <summary>Bytes of the immediate of a constant, and of a shuffle.</summary>
    public const int ImmediateBytes = 16;

    /// <summary>How many opcodes there may be: one more than the largest.</summary>
    public const int Opcodes = (int)I32x4RelaxedDotI8x16I7x16AddS + 1;

    private static readonly VectorShape[] s_shapes = BuildShapes();

    /// <summary>The shape of an instruction; one that is not known where there is no such instruction.</summary>
    public static VectorShape Of(uint code) => code < (uint)s_shapes.Length ? s_shapes[code] : default;

    /// <inheritdoc cref="Of(uint)"/>
    public static VectorShape Of(VectorOpcode opcode) => s_shapes[(int)opcode];

    /// <summary>Whether an instruction does arithmetic for which the bits of a constant matter: see OpaqueConstants.</summary>
    public static bool IsFloatArithmetic(VectorOpcode opcode) =>
        opcode is (>= F32x4Add and <= F32x4Max) or (>= F64x2Add and <= F64x2Max)
            or (>= F32x4RelaxedMadd and <= F64x2RelaxedNmadd) or (>= F32x4RelaxedMin and <= F64x2RelaxedMax);

    /// <summary>Whether an instruction is one of those whose results the specification leaves open within bounds.</summary>
    public static bool IsRelaxed(VectorOpcode opcode) => opcode >= I8x16RelaxedSwizzle;

    /// <summary>Passes over what follows an opcode.</summary>
    public static void SkipImmediates(VectorShape shape, ref WasmReader reader)
    {
        if (shape.AccessBytes > 0)
            MemoryOperand.Read(ref reader);

        if (shape.Lanes > 0)
            reader.ReadByte();
        if (shape.HasLongImmediate)
            reader.ReadBytes(ImmediateBytes);
    }

    private static VectorShape[] BuildShapes()
    {
        var shapes = new VectorShape[Opcodes];
        foreach (var opcode in Enum.GetValues<VectorOpcode>())
            shapes[(int)opcode] = new VectorShape(Result: V128, First: V128, Second: V128);
        foreach (var opcode in (ReadOnlySpan<VectorOpcode>)[V128Not, F32x4DemoteF64x2Zero, F64x2PromoteLowF32x4, I8x16Abs, I8x16Neg, I8x16Popcnt])
            Unary(opcode, opcode);
        Unary(F32x4Ceil, F32x4Nearest);
        Unary(F64x2Ceil, F64x2Floor);
        Unary(F64x2Trunc, F64x2Trunc);
        Unary(I16x8ExtaddPairwiseI8x16S, I16x8Neg);
        Unary(I16x8ExtendLowI8x16S, I16x8ExtendHighI8x16U);
        Unary(F64x2Nearest, F64x2Nearest);
        Unary(I32x4Abs, I32x4Neg);
        Unary(I32x4ExtendLowI16x8S, I32x4ExtendHighI16x8U);
        Unary(I64x2Abs, I64x2Neg);
        Unary(I64x2ExtendLowI32x4S, I64x2ExtendHighI32x4U);
        Unary(F32x4Abs, F32x4Sqrt);
        Unary(F64x2Abs, F64x2Sqrt);
        Unary(I32x4TruncSatF32x4S, F64x2ConvertLowI32x4U);
        Unary(I32x4RelaxedTruncF32x4S, I32x4RelaxedTruncF64x2UZero);
        foreach (var opcode in (ReadOnlySpan<VectorOpcode>)[V128AnyTrue, I8x16AllTrue, I8x16Bitmask, I16x8AllTrue, I16x8Bitmask, I32x4AllTrue, I32x4Bitmask, I64x2AllTrue, I64x2Bitmask])
            shapes[(int)opcode] = new VectorShape(Result: I32, First: V128);
        foreach (var shift in (ReadOnlySpan<VectorOpcode>)[I8x16Shl, I16x8Shl, I32x4Shl, I64x2Shl])
        {
            for (var opcode = shift; opcode <= shift + 2; opcode++)
                shapes[(int)opcode] = new VectorShape(Result: V128, First: V128, Second: I32);
        }

        Ternary(V128Bitselect, V128Bitselect);
        Ternary(F32x4RelaxedMadd, I64x2RelaxedLaneselect);
        Ternary(I32x4RelaxedDotI8x16I7x16AddS, I32x4RelaxedDotI8x16I7x16AddS);
        shapes[(int)V128Const] = new VectorShape(Result: V128, HasLongImmediate: true);
        shapes[(int)I8x16Shuffle] = new VectorShape(Result: V128, First: V128, Second: V128, HasLongImmediate: true);
        AddLanes();
        AddAccesses();
        return shapes;

        void Unary(VectorOpcode first, VectorOpcode last)
        {
            for (int opcode = (int)first; opcode <= (int)last; opcode++)
            {
                if (shapes[opcode].IsKnown)
                    shapes[opcode] = new VectorShape(Result: V128, First: V128);
            }
        }

        void Ternary(VectorOpcode first, VectorOpcode last)
        {
            for (int opcode = (int)first; opcode <= (int)last; opcode++)
                shapes[opcode] = new VectorShape(Result: V128, First: V128, Second: V128, Third: V128);
        }

        void AddLanes()
        {
            ReadOnlySpan<ValueKind> scalars = [I32, I32, I32, I64, F32, F64];
            ReadOnlySpan<byte> lanes = [16, 8, 4, 2, 4, 2];
            int opcode = (int)I8x16ExtractLaneS;
            for (int i = 0; i < lanes.Length; i++)
            {
                shapes[(int)I8x16Splat + i] = new VectorShape(Result: V128, First: scalars[i]);
                for (int signs = lanes[i] > 4 ? 2 : 1; signs > 0; signs--)
                    shapes[opcode++] = new VectorShape(Result: scalars[i], First: V128, Lanes: lanes[i]);
                shapes[opcode++] = new VectorShape(Result: V128, First: V128, Second: scalars[i], Lanes: lanes[i]);
            }
        }

        void AddAccesses()
        {
            Load(V128Load, 16);
            for (var opcode = V128Load8x8S; opcode <= V128Load32x2U; opcode++)
                Load(opcode, 8);
            for (int i = 0; i < 4; i++)
            {
                byte bytes = (byte)(1 << i);
                Load((VectorOpcode)((int)V128Load8Splat + i), bytes);
                shapes[(int)V128Load8Lane + i] = new VectorShape(Result: V128, First: I32, Second: V128, AccessBytes: bytes, Lanes: (byte)(16 / bytes));
                shapes[(int)V128Store8Lane + i] = new VectorShape(Result: 0, First: I32, Second: V128, AccessBytes: bytes, Lanes: (byte)(16 / bytes));
            }

            Load(V128Load32Zero, 4);
            Load(V128Load64Zero, 8);
            shapes[(int)V128Store] = new VectorShape(Result: 0, First: I32, Second: V128, AccessBytes: 16);
        }

        void Load(VectorOpcode opcode, byte bytes) =>
            shapes[(int)opcode] = new VectorShape(Result: V128, First: I32, AccessBytes: bytes);
    }
}

/// <summary>The operands and the result of a vector instruction, no kind (0) where there is none, and its immediates.</summary>
/// <param name="Result">What it gives.</param>
/// <param name="First">What it takes.</param>
/// <param name="Second">What it takes on top of that.</param>
/// <param name="Third">What it takes on top of both.</param>
/// <param name="AccessBytes">How much memory it touches, which is its natural alignment too; 0 for none.</param>
/// <param name="Lanes">How many lanes the lane index, its last immediate, may choose from; 0 without such an immediate.</param>
/// <param name="HasLongImmediate">Whether sixteen bytes follow.</param>
internal readonly record struct VectorShape(
    ValueKind Result,
    ValueKind First = 0,
    ValueKind Second = 0,
    ValueKind Third = 0,
    byte AccessBytes = 0,
    byte Lanes = 0,
    bool HasLongImmediate = false)
{
    public bool IsKnown => (Result | First) != 0;

    /// <summary>How many operands it takes.</summary>
    public int Operands => First == 0 ? 0 : Second == 0 ? 1 : Third == 0 ? 2 : 3;
}
