// Long because it holds one switch: every vector instruction that does not touch memory.
using Stoa.Wasm.Binary;
using static Stoa.Wasm.Binary.VectorOpcode;

namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>Vector instructions, lane by lane (core specification 2.0, section 4.3.5).</summary>
internal static class VectorSemantics
{
    public static Cell Compute(VectorOpcode opcode, Cell a, Cell b, Cell c, int lane) => opcode switch
    {
        I8x16Swizzle => Each(8, (i) => b.Lane(8, i) < 16 ? a.Lane(8, (int)b.Lane(8, i)) : 0),
        >= I8x16Splat and <= F64x2Splat => Each(LaneBits(opcode - I8x16Splat), _ => a.Low),
        >= I8x16ExtractLaneS and <= F64x2ReplaceLane => AccessLane(opcode, a, b, lane),
        (>= I8x16Eq and <= I32x4GeU) or (>= I64x2Eq and <= I64x2GeS) => CompareIntegers(opcode, a, b),
        >= F32x4Eq and <= F32x4Ge => Lanes(32, a, b, (x, y) => Mask(ScalarSemantics.CompareFloats(opcode - F32x4Eq, Single(x), Single(y)))),
        >= F64x2Eq and <= F64x2Ge => Lanes(64, a, b, (x, y) => Mask(ScalarSemantics.CompareFloats(opcode - F64x2Eq, Double(x), Double(y)))),
        V128Not => new Cell(~a.Low, ~a.High),
        V128And => new Cell(a.Low & b.Low, a.High & b.High),
        V128Andnot => new Cell(a.Low & ~b.Low, a.High & ~b.High),
        V128Or => new Cell(a.Low | b.Low, a.High | b.High),
        V128Xor => new Cell(a.Low ^ b.Low, a.High ^ b.High),
        V128Bitselect => new Cell((a.Low & c.Low) | (b.Low & ~c.Low), (a.High & c.High) | (b.High & ~c.High)),
        V128AnyTrue => Cell.Of((a.Low | a.High) != 0),
        F32x4DemoteF64x2Zero => new Cell(Bits((float)Double(a.Low)) | (Bits((float)Double(a.High)) << 32)),
        F64x2PromoteLowF32x4 => new Cell(Bits((double)Single(a.Lane(32, 0))), Bits((double)Single(a.Lane(32, 1)))),
        F32x4Abs => Lanes(32, a, x => x & 0x7FFF_FFFF),
        F32x4Neg => Lanes(32, a, x => x ^ 0x8000_0000),
        F64x2Abs => Lanes(64, a, x => x & 0x7FFF_FFFF_FFFF_FFFF),
        F64x2Neg => Lanes(64, a, x => x ^ 0x8000_0000_0000_0000),
        F32x4Ceil or F32x4Floor or F32x4Trunc or F32x4Nearest => Singles(opcode - F32x4Ceil + 2, a, a),
        F32x4Sqrt => Singles(6, a, a),
        >= F32x4Add and <= F32x4Max => Singles(opcode - F32x4Add + 7, a, b),
        F64x2Ceil => Doubles(2, a, a),
        F64x2Floor => Doubles(3, a, a),
        F64x2Trunc => Doubles(4, a, a),
        F64x2Nearest => Doubles(5, a, a),
        F64x2Sqrt => Doubles(6, a, a),
        >= F64x2Add and <= F64x2Max => Doubles(opcode - F64x2Add + 7, a, b),
        F32x4Pmin => Lanes(32, a, b, (x, y) => Single(y) < Single(x) ? y : x),
        F32x4Pmax => Lanes(32, a, b, (x, y) => Single(x) < Single(y) ? y : x),
        F64x2Pmin => Lanes(64, a, b, (x, y) => Double(y) < Double(x) ? y : x),
        F64x2Pmax => Lanes(64, a, b, (x, y) => Double(x) < Double(y) ? y : x),
        I32x4TruncSatF32x4S => Lanes(32, a, x => ScalarSemantics.SaturateTo(Single(x), 32, true)),
        I32x4TruncSatF32x4U => Lanes(32, a, x => ScalarSemantics.SaturateTo(Single(x), 32, false)),
        F32x4ConvertI32x4S => Lanes(32, a, x => Bits((float)(int)x)),
        F32x4ConvertI32x4U => Lanes(32, a, x => Bits(ScalarSemantics.RoundToSingle(x))),
        I32x4TruncSatF64x2SZero => LowHalf(32, i => ScalarSemantics.SaturateTo(Double(a.Lane(64, i)), 32, true)),
        I32x4TruncSatF64x2UZero => LowHalf(32, i => ScalarSemantics.SaturateTo(Double(a.Lane(64, i)), 32, false)),
        F64x2ConvertLowI32x4S => Each(64, i => Bits((double)(int)a.Lane(32, i))),
        F64x2ConvertLowI32x4U => Each(64, i => Bits((double)(uint)a.Lane(32, i))),
        _ => Integers(opcode, a, b),
    };

    public static Cell Shuffle(Cell a, Cell b, Cell lanes) =>
        Each(8, i => lanes.Lane(8, i) < 16 ? a.Lane(8, (int)lanes.Lane(8, i)) : b.Lane(8, (int)lanes.Lane(8, i) - 16));

    /// <summary>Eight bytes as numbers that are made twice as wide.</summary>
    public static Cell Widen(VectorOpcode load, ulong bytes)
    {
        int kind = load - V128Load8x8S;
        int bits = 8 << (kind / 2);
        var narrow = new Cell(bytes);
        return Each(2 * bits, i => Number(narrow.Lane(bits, i), bits, kind % 2 == 0));
    }

    private static int LaneBits(int shape) => shape switch { 0 => 8, 1 => 16, 2 or 4 => 32, _ => 64 };

    private static Cell AccessLane(VectorOpcode opcode, Cell a, Cell b, int lane) => opcode switch
    {
        I8x16ExtractLaneS => Cell.Of((int)(sbyte)a.Lane(8, lane)),
        I8x16ExtractLaneU => new Cell(a.Lane(8, lane)),
        I8x16ReplaceLane => a.WithLane(8, lane, b.Low),
        I16x8ExtractLaneS => Cell.Of((int)(short)a.Lane(16, lane)),
        I16x8ExtractLaneU => new Cell(a.Lane(16, lane)),
        I16x8ReplaceLane => a.WithLane(16, lane, b.Low),
        I32x4ExtractLane or F32x4ExtractLane => new Cell(a.Lane(32, lane)),
        I32x4ReplaceLane or F32x4ReplaceLane => a.WithLane(32, lane, b.Low),
        I64x2ExtractLane or F64x2ExtractLane => new Cell(a.Lane(64, lane)),
        _ => a.WithLane(64, lane, b.Low),
    };

    private static Cell CompareIntegers(VectorOpcode opcode, Cell a, Cell b)
    {
        if (opcode >= I64x2Eq)
        {
            // Equal, not equal, and the four orders of signed numbers only.
            ReadOnlySpan<int> relations = [0, 1, 2, 4, 6, 8];
            int relation = relations[opcode - I64x2Eq];
            return Lanes(64, a, b, (x, y) => Mask(Relate(relation, x, y, 64)));
        }

        int bits = opcode < I16x8Eq ? 8 : opcode < I32x4Eq ? 16 : 32;
        int code = (opcode - I8x16Eq) % 10;
        return Lanes(bits, a, b, (x, y) => Mask(Relate(code, x, y, bits)));
    }

    private static bool Relate(int relation, ulong x, ulong y, int bits) => relation switch
    {
        0 => x == y,
        1 => x != y,
        2 => Signed(x, bits) < Signed(y, bits),
        3 => x < y,
        4 => Signed(x, bits) > Signed(y, bits),
        5 => x > y,
        6 => Signed(x, bits) <= Signed(y, bits),
        7 => x <= y,
        8 => Signed(x, bits) >= Signed(y, bits),
        _ => x >= y,
    };

    private static Cell Integers(VectorOpcode opcode, Cell a, Cell b) => opcode switch
    {
        I8x16Popcnt => Lanes(8, a, x => (ulong)System.Numerics.BitOperations.PopCount(x)),
        I8x16NarrowI16x8S => Narrow(a, b, 8, true),
        I8x16NarrowI16x8U => Narrow(a, b, 8, false),
        I16x8NarrowI32x4S => Narrow(a, b, 16, true),
        I16x8NarrowI32x4U => Narrow(a, b, 16, false),
        I16x8ExtaddPairwiseI8x16S => AddPairs(a, 8, true),
        I16x8ExtaddPairwiseI8x16U => AddPairs(a, 8, false),
        I32x4ExtaddPairwiseI16x8S => AddPairs(a, 16, true),
        I32x4ExtaddPairwiseI16x8U => AddPairs(a, 16, false),
        I16x8Q15mulrSatS => Lanes(16, a, b, (x, y) => Saturate(((Signed(x, 16) * Signed(y, 16)) + 0x4000) >> 15, 16, true)),
        I32x4DotI16x8S => Each(32, i => unchecked((ulong)(Product(a, b, 2 * i) + Product(a, b, (2 * i) + 1)))),
        I16x8ExtendLowI8x16S or I16x8ExtendHighI8x16S or I16x8ExtendLowI8x16U or I16x8ExtendHighI8x16U => Extend(opcode - I16x8ExtendLowI8x16S, 8, a),
        I32x4ExtendLowI16x8S or I32x4ExtendHighI16x8S or I32x4ExtendLowI16x8U or I32x4ExtendHighI16x8U => Extend(opcode - I32x4ExtendLowI16x8S, 16, a),
        I64x2ExtendLowI32x4S or I64x2ExtendHighI32x4S or I64x2ExtendLowI32x4U or I64x2ExtendHighI32x4U => Extend(opcode - I64x2ExtendLowI32x4S, 32, a),
        I16x8ExtmulLowI8x16S or I16x8ExtmulHighI8x16S or I16x8ExtmulLowI8x16U or I16x8ExtmulHighI8x16U => Multiply(opcode - I16x8ExtmulLowI8x16S, 8, a, b),
        I32x4ExtmulLowI16x8S or I32x4ExtmulHighI16x8S or I32x4ExtmulLowI16x8U or I32x4ExtmulHighI16x8U => Multiply(opcode - I32x4ExtmulLowI16x8S, 16, a, b),
        I64x2ExtmulLowI32x4S or I64x2ExtmulHighI32x4S or I64x2ExtmulLowI32x4U or I64x2ExtmulHighI32x4U => Multiply(opcode - I64x2ExtmulLowI32x4S, 32, a, b),
        >= I8x16Abs and <= I8x16AvgrU => OfShape(opcode - I8x16Abs, 8, a, b),
        >= I16x8Abs and <= I16x8AvgrU => OfShape(opcode - I16x8Abs, 16, a, b),
        >= I32x4Abs and <= I32x4MaxU => OfShape(opcode - I32x4Abs, 32, a, b),
        >= I64x2Abs and <= I64x2Mul => OfShape(opcode - I64x2Abs, 64, a, b),
        _ => throw new NotSupportedException($"The reference interpreter does not know {opcode}."),
    };

    /// <summary>Instructions that lie at the same distance from <c>abs</c> for lanes of every width.</summary>
    private static Cell OfShape(int distance, int bits, Cell a, Cell b) => distance switch
    {
        0 => Lanes(bits, a, x => unchecked((ulong)(Signed(x, bits) < 0 ? -Signed(x, bits) : Signed(x, bits)))),
        1 => Lanes(bits, a, x => unchecked(0 - x)),
        3 => Cell.Of(Enumerable.Range(0, 128 / bits).All(i => a.Lane(bits, i) != 0)),
        4 => Cell.Of(Enumerable.Range(0, 128 / bits).Sum(i => Signed(a.Lane(bits, i), bits) < 0 ? 1 << i : 0)),
        11 => Lanes(bits, a, x => x << (int)(b.U32 % bits)),
        12 => Lanes(bits, a, x => (ulong)(Signed(x, bits) >> (int)(b.U32 % bits))),
        13 => Lanes(bits, a, x => x >> (int)(b.U32 % bits)),
        14 => Lanes(bits, a, b, (x, y) => unchecked(x + y)),
        15 => Lanes(bits, a, b, (x, y) => Saturate(Signed(x, bits) + Signed(y, bits), bits, true)),
        16 => Lanes(bits, a, b, (x, y) => Saturate((long)(x + y), bits, false)),
        17 => Lanes(bits, a, b, (x, y) => unchecked(x - y)),
        18 => Lanes(bits, a, b, (x, y) => Saturate(Signed(x, bits) - Signed(y, bits), bits, true)),
        19 => Lanes(bits, a, b, (x, y) => Saturate((long)x - (long)y, bits, false)),
        21 => Lanes(bits, a, b, (x, y) => unchecked(x * y)),
        22 => Lanes(bits, a, b, (x, y) => Signed(x, bits) < Signed(y, bits) ? x : y),
        23 => Lanes(bits, a, b, Math.Min),
        24 => Lanes(bits, a, b, (x, y) => Signed(x, bits) > Signed(y, bits) ? x : y),
        25 => Lanes(bits, a, b, Math.Max),
        27 => Lanes(bits, a, b, (x, y) => (x + y + 1) >> 1),
        _ => throw new NotSupportedException($"The reference interpreter does not know the integer instruction {distance} of {bits} bits."),
    };

    private static Cell Narrow(Cell a, Cell b, int bits, bool isSigned)
    {
        int half = 64 / bits;
        return Each(bits, i => Saturate(Signed((i < half ? a : b).Lane(2 * bits, i % half), 2 * bits), bits, isSigned));
    }

    private static Cell AddPairs(Cell a, int bits, bool isSigned) =>
        Each(2 * bits, i => unchecked(Number(a.Lane(bits, 2 * i), bits, isSigned) + Number(a.Lane(bits, (2 * i) + 1), bits, isSigned)));

    /// <summary>0 low signed, 1 high signed, 2 low unsigned, 3 high unsigned.</summary>
    private static Cell Extend(int which, int bits, Cell a) =>
        Each(2 * bits, i => Number(a.Lane(bits, i + (which % 2 * (64 / bits))), bits, which < 2));

    private static Cell Multiply(int which, int bits, Cell a, Cell b)
    {
        var x = Extend(which, bits, a);
        var y = Extend(which, bits, b);
        return Lanes(2 * bits, x, y, (p, q) => unchecked(p * q));
    }

    private static long Product(Cell a, Cell b, int i) => Signed(a.Lane(16, i), 16) * Signed(b.Lane(16, i), 16);

    private static long Signed(ulong lane, int bits) => (long)(lane << (64 - bits)) >> (64 - bits);

    private static ulong Number(ulong lane, int bits, bool isSigned) => isSigned ? (ulong)Signed(lane, bits) : lane;

    private static ulong Saturate(long value, int bits, bool isSigned)
    {
        long most = isSigned ? (1L << (bits - 1)) - 1 : (1L << bits) - 1;
        long least = isSigned ? -(1L << (bits - 1)) : 0;
        return (ulong)Math.Clamp(value, least, most);
    }

    private static ulong Mask(bool condition) => condition ? ulong.MaxValue : 0;

    private static float Single(ulong lane) => BitConverter.UInt32BitsToSingle((uint)lane);

    private static double Double(ulong lane) => BitConverter.UInt64BitsToDouble(lane);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);

    private static Cell Singles(int operation, Cell a, Cell b) => Lanes(32, a, b, (x, y) => Bits(ScalarSemantics.Single(operation, Single(x), Single(y))));

    private static Cell Doubles(int operation, Cell a, Cell b) => Lanes(64, a, b, (x, y) => Bits(ScalarSemantics.Double(operation, Double(x), Double(y))));

    private static Cell LowHalf(int bits, Func<int, ulong> lane)
    {
        var result = default(Cell);
        for (int i = 0; i < 64 / bits; i++)
            result = result.WithLane(bits, i, lane(i));
        return result;
    }

    private static Cell Each(int bits, Func<int, ulong> lane)
    {
        ulong mask = ulong.MaxValue >> (64 - bits);
        int half = 64 / bits;
        ulong low = 0, high = 0;
        for (int i = 0; i < half; i++)
        {
            low |= (lane(i) & mask) << (i * bits);
            high |= (lane(i + half) & mask) << (i * bits);
        }

        return new Cell(low, high);
    }

    private static Cell Lanes(int bits, Cell a, Func<ulong, ulong> operation) => Lanes(bits, a, a, (x, _) => operation(x));

    private static Cell Lanes(int bits, Cell a, Cell b, Func<ulong, ulong, ulong> operation)
    {
        ulong mask = ulong.MaxValue >> (64 - bits);
        ulong low = 0, high = 0;
        for (int at = 0; at < 64; at += bits)
        {
            low |= (operation((a.Low >> at) & mask, (b.Low >> at) & mask) & mask) << at;
            high |= (operation((a.High >> at) & mask, (b.High >> at) & mask) & mask) << at;
        }

        return new Cell(low, high);
    }
}
