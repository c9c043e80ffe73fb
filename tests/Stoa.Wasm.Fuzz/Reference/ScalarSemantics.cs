// Long because it holds one switch: every numeric instruction.
using System.Numerics;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.Binary.Opcode;

namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>Numeric instructions, each as the specification says it (core specification 2.0, section 4.3).</summary>
internal static class ScalarSemantics
{
    /// <summary>The result for operands that <see cref="TrapOf"/> lets pass.</summary>
    public static Cell Compute(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        I32Eqz => Cell.Of(a.I32 == 0),
        >= I32Eq and <= I32GeU => Cell.Of(CompareI32(opcode, a, b)),
        I64Eqz => Cell.Of(a.I64 == 0),
        >= I64Eq and <= I64GeU => Cell.Of(CompareI64(opcode, a, b)),
        >= F32Eq and <= F32Ge => Cell.Of(CompareFloats(opcode - F32Eq, a.F32, b.F32)),
        >= F64Eq and <= F64Ge => Cell.Of(CompareFloats(opcode - F64Eq, a.F64, b.F64)),
        >= I32Clz and <= I32Rotr => ComputeI32(opcode, a, b),
        >= I64Clz and <= I64Rotr => ComputeI64(opcode, a, b),
        >= F32Abs and <= F32Copysign => ComputeF32(opcode, a, b),
        >= F64Abs and <= F64Copysign => ComputeF64(opcode, a, b),
        _ => Convert(opcode, a),
    };

    /// <summary>Why an instruction traps with its operands; null: it does not.</summary>
    public static TrapCode? TrapOf(Opcode opcode, Cell a, Cell b)
    {
        switch (opcode)
        {
            case >= I32DivS and <= I32RemU:
                return b.U32 == 0 ? TrapCode.IntegerDivideByZero
                    : opcode == I32DivS && a.I32 == int.MinValue && b.I32 == -1 ? TrapCode.IntegerOverflow : null;
            case >= I64DivS and <= I64RemU:
                return b.Low == 0 ? TrapCode.IntegerDivideByZero
                    : opcode == I64DivS && a.I64 == long.MinValue && b.I64 == -1 ? TrapCode.IntegerOverflow : null;
            case (>= I32TruncF32S and <= I32TruncF64U) or (>= I64TruncF32S and <= I64TruncF64U):
                bool isLong = opcode >= I64TruncF32S;
                int kind = opcode - (isLong ? I64TruncF32S : I32TruncF32S);
                return TrapOfTruncation(kind < 2 ? a.F32 : a.F64, isLong ? 64 : 32, isSigned: kind % 2 == 0);
            default:
                return null;
        }
    }

    private static TrapCode? TrapOfTruncation(double x, int bits, bool isSigned)
    {
        if (double.IsNaN(x))
            return TrapCode.InvalidConversionToInteger;
        // Powers of two, which doubles are exact about.
        double bound = isSigned ? Math.ScaleB(1, bits - 1) : Math.ScaleB(1, bits);
        x = Math.Truncate(x);
        return x < (isSigned ? -bound : 0) || x >= bound ? TrapCode.IntegerOverflow : null;
    }

    private static bool CompareI32(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        I32Eq => a.I32 == b.I32,
        I32Ne => a.I32 != b.I32,
        I32LtS => a.I32 < b.I32,
        I32LtU => a.U32 < b.U32,
        I32GtS => a.I32 > b.I32,
        I32GtU => a.U32 > b.U32,
        I32LeS => a.I32 <= b.I32,
        I32LeU => a.U32 <= b.U32,
        I32GeS => a.I32 >= b.I32,
        _ => a.U32 >= b.U32,
    };

    private static bool CompareI64(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        I64Eq => a.I64 == b.I64,
        I64Ne => a.I64 != b.I64,
        I64LtS => a.I64 < b.I64,
        I64LtU => a.Low < b.Low,
        I64GtS => a.I64 > b.I64,
        I64GtU => a.Low > b.Low,
        I64LeS => a.I64 <= b.I64,
        I64LeU => a.Low <= b.Low,
        I64GeS => a.I64 >= b.I64,
        _ => a.Low >= b.Low,
    };

    /// <summary>Equal, not equal, less, greater, at most, at least.</summary>
    internal static bool CompareFloats(int relation, double a, double b) => relation switch
    {
        0 => a == b,
        1 => a != b,
        2 => a < b,
        3 => a > b,
        4 => a <= b,
        _ => a >= b,
    };

    private static Cell ComputeI32(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        I32Clz => Cell.Of(BitOperations.LeadingZeroCount(a.U32)),
        I32Ctz => Cell.Of(BitOperations.TrailingZeroCount(a.U32)),
        I32Popcnt => Cell.Of(BitOperations.PopCount(a.U32)),
        I32Add => Cell.Of(unchecked(a.I32 + b.I32)),
        I32Sub => Cell.Of(unchecked(a.I32 - b.I32)),
        I32Mul => Cell.Of(unchecked(a.I32 * b.I32)),
        I32DivS => Cell.Of(a.I32 / b.I32),
        I32DivU => Cell.Of(a.U32 / b.U32),
        I32RemS => Cell.Of((int)RemainderSigned(a.I32, b.I32)),
        I32RemU => Cell.Of(a.U32 % b.U32),
        I32And => Cell.Of(a.U32 & b.U32),
        I32Or => Cell.Of(a.U32 | b.U32),
        I32Xor => Cell.Of(a.U32 ^ b.U32),
        I32Shl => Cell.Of(a.U32 << (b.I32 & 31)),
        I32ShrS => Cell.Of(a.I32 >> (b.I32 & 31)),
        I32ShrU => Cell.Of(a.U32 >> (b.I32 & 31)),
        I32Rotl => Cell.Of(BitOperations.RotateLeft(a.U32, b.I32 & 31)),
        _ => Cell.Of(BitOperations.RotateRight(a.U32, b.I32 & 31)),
    };

    private static Cell ComputeI64(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        I64Clz => Cell.Of((long)BitOperations.LeadingZeroCount(a.Low)),
        I64Ctz => Cell.Of((long)BitOperations.TrailingZeroCount(a.Low)),
        I64Popcnt => Cell.Of((long)BitOperations.PopCount(a.Low)),
        I64Add => new(unchecked(a.Low + b.Low)),
        I64Sub => new(unchecked(a.Low - b.Low)),
        I64Mul => new(unchecked(a.Low * b.Low)),
        I64DivS => Cell.Of(a.I64 / b.I64),
        I64DivU => new(a.Low / b.Low),
        I64RemS => Cell.Of(RemainderSigned(a.I64, b.I64)),
        I64RemU => new(a.Low % b.Low),
        I64And => new(a.Low & b.Low),
        I64Or => new(a.Low | b.Low),
        I64Xor => new(a.Low ^ b.Low),
        I64Shl => new(a.Low << (b.I32 & 63)),
        I64ShrS => Cell.Of(a.I64 >> (b.I32 & 63)),
        I64ShrU => new(a.Low >> (b.I32 & 63)),
        I64Rotl => new(BitOperations.RotateLeft(a.Low, b.I32 & 63)),
        _ => new(BitOperations.RotateRight(a.Low, b.I32 & 63)),
    };

    private static long RemainderSigned(long a, long b) => b == -1 ? 0 : a % b;

    private static Cell ComputeF32(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        F32Abs => new(a.Low & 0x7FFF_FFFF),
        F32Neg => new(a.Low ^ 0x8000_0000),
        F32Copysign => new((a.Low & 0x7FFF_FFFF) | (b.Low & 0x8000_0000)),
        _ => Cell.Of(Single(opcode - F32Abs, a.F32, b.F32)),
    };

    private static Cell ComputeF64(Opcode opcode, Cell a, Cell b) => opcode switch
    {
        F64Abs => new(a.Low & 0x7FFF_FFFF_FFFF_FFFF),
        F64Neg => new(a.Low ^ 0x8000_0000_0000_0000),
        F64Copysign => new((a.Low & 0x7FFF_FFFF_FFFF_FFFF) | (b.Low & 0x8000_0000_0000_0000)),
        _ => Cell.Of(Double(opcode - F64Abs, a.F64, b.F64)),
    };

    /// <summary>The operations on floats in the order of their opcodes, from abs (0) on.</summary>
    internal static float Single(int operation, float a, float b) => operation switch
    {
        _ when operation is >= 2 and <= 6 && float.IsNaN(a) => a + a,
        2 => MathF.Ceiling(a),
        3 => MathF.Floor(a),
        4 => MathF.Truncate(a),
        5 => MathF.Round(a, MidpointRounding.ToEven),
        6 => MathF.Sqrt(a),
        7 => a + b,
        8 => a - b,
        9 => a * b,
        10 => a / b,
        _ when float.IsNaN(a) || float.IsNaN(b) => a + b,
        11 => a < b || (a == b && float.IsNegative(a)) ? a : b,
        _ => a > b || (a == b && !float.IsNegative(a)) ? a : b,
    };

    /// <inheritdoc cref="Single"/>
    internal static double Double(int operation, double a, double b) => operation switch
    {
        _ when operation is >= 2 and <= 6 && double.IsNaN(a) => a + a,
        2 => Math.Ceiling(a),
        3 => Math.Floor(a),
        4 => Math.Truncate(a),
        5 => Math.Round(a, MidpointRounding.ToEven),
        6 => Math.Sqrt(a),
        7 => a + b,
        8 => a - b,
        9 => a * b,
        10 => a / b,
        _ when double.IsNaN(a) || double.IsNaN(b) => a + b,
        11 => a < b || (a == b && double.IsNegative(a)) ? a : b,
        _ => a > b || (a == b && !double.IsNegative(a)) ? a : b,
    };

    private static Cell Convert(Opcode opcode, Cell a) => opcode switch
    {
        I32WrapI64 => Cell.Of(unchecked((int)a.I64)),
        I32TruncF32S or I32TruncF32U => Cell.Of((uint)ToInteger(Math.Truncate((double)a.F32))),
        I32TruncF64S or I32TruncF64U => Cell.Of((uint)ToInteger(Math.Truncate(a.F64))),
        I64ExtendI32S => Cell.Of((long)a.I32),
        I64ExtendI32U => Cell.Of((long)a.U32),
        I64TruncF32S or I64TruncF32U => new(ToInteger(Math.Truncate((double)a.F32))),
        I64TruncF64S or I64TruncF64U => new(ToInteger(Math.Truncate(a.F64))),
        F32ConvertI32S => Cell.Of((float)a.I32),
        F32ConvertI32U => Cell.Of((float)RoundToSingle(a.U32)),
        F32ConvertI64S => Cell.Of(a.I64 < 0 ? -RoundToSingle(unchecked((ulong)-a.I64)) : RoundToSingle(a.Low)),
        F32ConvertI64U => Cell.Of(RoundToSingle(a.Low)),
        F32DemoteF64 => Cell.Of((float)a.F64),
        F64ConvertI32S => Cell.Of((double)a.I32),
        F64ConvertI32U => Cell.Of((double)a.U32),
        F64ConvertI64S => Cell.Of(a.I64 < 0 ? -RoundToDouble(unchecked((ulong)-a.I64)) : RoundToDouble(a.Low)),
        F64ConvertI64U => Cell.Of(RoundToDouble(a.Low)),
        F64PromoteF32 => Cell.Of((double)a.F32),
        I32ReinterpretF32 or I64ReinterpretF64 or F32ReinterpretI32 or F64ReinterpretI64 => a,
        I32Extend8S => Cell.Of((int)(sbyte)a.Low),
        I32Extend16S => Cell.Of((int)(short)a.Low),
        I64Extend8S => Cell.Of((long)(sbyte)a.Low),
        I64Extend16S => Cell.Of((long)(short)a.Low),
        I64Extend32S => Cell.Of((long)(int)a.Low),
        _ => throw new NotSupportedException($"The reference interpreter does not know {opcode}."),
    };

    public static Cell Saturate(ExtendedOpcode opcode, Cell a)
    {
        double x = ((uint)opcode & 2) == 0 ? a.F32 : a.F64;
        bool isSigned = ((uint)opcode & 1) == 0;
        bool isLong = ((uint)opcode & 4) != 0;
        ulong bits = SaturateTo(x, isLong ? 64 : 32, isSigned);
        return new Cell(bits);
    }

    /// <summary>The nearest number of so many bits towards zero; 0 for what is not a number.</summary>
    internal static ulong SaturateTo(double x, int bits, bool isSigned)
    {
        ulong mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        if (double.IsNaN(x))
            return 0;
        x = Math.Truncate(x);
        double bound = Math.ScaleB(1, isSigned ? bits - 1 : bits);
        if (isSigned)
        {
            if (x < -bound)
                return 1UL << (bits - 1);
            return x >= bound ? mask >> 1 : ToInteger(x) & mask;
        }

        if (x < 0)
            return 0;
        return x >= bound ? mask : ToInteger(x);
    }

    /// <summary>The number of a whole double between -2^63 and 2^64, in two's complement, from its exponent and fraction.</summary>
    private static ulong ToInteger(double x)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(x);
        int exponent = (int)((bits >> 52) & 0x7FF) - 1075;
        if (exponent < -52)
            return 0;
        ulong fraction = (bits & 0xF_FFFF_FFFF_FFFF) | 0x10_0000_0000_0000;
        ulong magnitude = exponent >= 0 ? fraction << exponent : fraction >> -exponent;
        return x < 0 ? unchecked(0 - magnitude) : magnitude;
    }

    /// <summary>Rounds once, to the nearest, ties to the even one.</summary>
    internal static float RoundToSingle(ulong value) => (float)Round(value, 24);

    internal static double RoundToDouble(ulong value) => Round(value, 53);

    private static double Round(ulong value, int digits)
    {
        int excess = 64 - BitOperations.LeadingZeroCount(value) - digits;
        if (excess <= 0)
            return (long)value;
        ulong kept = value >> excess;
        ulong lost = value & ((1UL << excess) - 1);
        ulong half = 1UL << (excess - 1);
        if (lost > half || (lost == half && (kept & 1) == 1))
            kept++;
        return Math.ScaleB((double)(long)kept, excess);
    }
}
