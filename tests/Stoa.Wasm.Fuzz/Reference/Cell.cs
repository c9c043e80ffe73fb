namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>One value, as bits. A number of fewer bits lies in the low ones; a reference is 0 for null, else one more than what it refers to.</summary>
internal record struct Cell(ulong Low, ulong High = 0)
{
    public readonly int I32 => (int)(uint)Low;

    public readonly uint U32 => (uint)Low;

    public readonly long I64 => (long)Low;

    public readonly float F32 => BitConverter.UInt32BitsToSingle((uint)Low);

    public readonly double F64 => BitConverter.UInt64BitsToDouble(Low);

    public static Cell Of(int value) => new((uint)value);

    public static Cell Of(bool value) => new(value ? 1UL : 0);

    public static Cell Of(uint value) => new(value);

    public static Cell Of(long value) => new((ulong)value);

    public static Cell Of(float value) => new(BitConverter.SingleToUInt32Bits(value));

    public static Cell Of(double value) => new(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>The lane of a vector, as an unsigned number.</summary>
    public readonly ulong Lane(int bits, int index)
    {
        int at = bits * index;
        ulong word = at < 64 ? Low : High;
        return bits == 64 ? word : (word >> (at & 63)) & ((1UL << bits) - 1);
    }

    /// <summary>The vector with another number in a lane.</summary>
    public readonly Cell WithLane(int bits, int index, ulong value)
    {
        int at = bits * index;
        ulong mask = (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1) << (at & 63);
        value = (value << (at & 63)) & mask;
        return at < 64 ? this with { Low = (Low & ~mask) | value } : this with { High = (High & ~mask) | value };
    }
}
