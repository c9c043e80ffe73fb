using static Stoa.Wasm.ValueKind;
using Cell = Stoa.Wasm.Fuzz.Reference.Cell;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Numbers at which implementations differ when they do.</summary>
internal static class InterestingValues
{
    private static readonly ulong[] s_integers =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xFFFC, 0xFFF8, 0xFFF0,
        0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFE, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000,
        0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFE, 0x5555_5555_5555_5555, 0x0020_0000_0000_0001, 0x8000_0080_0000_0001, 0x100_0001,
    ];

    private static readonly uint[] s_singles =
    [
        0, 0x8000_0000, 0x3F80_0000, 0xBF80_0000, 0x3F00_0000, 0xBF00_0000, 0x3FC0_0000, 0x4020_0000, 1, 0x8000_0001, 0x007F_FFFF, 0x0080_0000,
        0x7F7F_FFFF, 0xFF7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0xFFC0_0000, 0x7FA0_0000, 0xFF80_0001, 0x7FC1_2345, 0x7FFF_FFFF,
        0x4EFF_FFFF, 0x4F00_0000, 0xCF00_0000, 0xCF00_0001, 0x4F7F_FFFF, 0x4F80_0000, 0x5EFF_FFFF, 0x5F00_0000, 0xDF00_0000, 0x5F7F_FFFF, 0x5F80_0000,
        0x4B00_0000, 0x4B80_0000, 0xBF7F_FFFF, 0x4040_0000, 0x3EAA_AAAB,
    ];

    private static readonly ulong[] s_doubles =
    [
        0, 0x8000_0000_0000_0000, 0x3FF0_0000_0000_0000, 0xBFF0_0000_0000_0000, 0x3FE0_0000_0000_0000, 0xBFE0_0000_0000_0000, 0x4004_0000_0000_0000,
        1, 0x8000_0000_0000_0001, 0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000, 0x7FEF_FFFF_FFFF_FFFF, 0xFFEF_FFFF_FFFF_FFFF,
        0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000, 0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_0000, 0x7FF4_0000_0000_0000, 0xFFF0_0000_0000_0001,
        0x7FF8_0000_DEAD_BEEF, 0x41DF_FFFF_FFC0_0000, 0x41E0_0000_0000_0000, 0xC1E0_0000_0000_0000, 0xC1E0_0000_0020_0000, 0xC1E0_0000_001F_FFFF,
        0x41EF_FFFF_FFE0_0000, 0x41EF_FFFF_FFFF_FFFF, 0x41F0_0000_0000_0000, 0x43DF_FFFF_FFFF_FFFF, 0x43E0_0000_0000_0000, 0xC3E0_0000_0000_0000,
        0x43EF_FFFF_FFFF_FFFF, 0x43F0_0000_0000_0000, 0xBFEF_FFFF_FFFF_FFFF, 0x36A0_0000_0000_0000, 0x47EF_FFFF_F000_0000, 0x3FD5_5555_5555_5555,
    ];

    /// <summary>The bits of a value of a kind; references are null.</summary>
    public static Cell Of(ValueKind kind, SeededRandom random) => kind switch
    {
        I32 => new Cell((uint)Integer(random)),
        I64 => new Cell(Integer(random)),
        F32 => new Cell(Single(random)),
        F64 => new Cell(Double(random)),
        V128 => Vector(random),
        _ => default,
    };

    private static ulong Integer(SeededRandom random) => random.Below(4) switch
    {
        0 => random.NextUInt64() >> random.Below(64),
        1 => (ulong)(random.Below(40) - 20),
        _ => random.Pick<ulong>(s_integers),
    };

    private static uint Single(SeededRandom random) => random.Below(8) switch
    {
        0 => (uint)random.NextUInt64(),
        1 => BitConverter.SingleToUInt32Bits(random.Below(2000) - 1000),
        2 => random.Pick<uint>(s_singles) + (uint)random.Below(3) - 1,
        _ => random.Pick<uint>(s_singles),
    };

    private static ulong Double(SeededRandom random) => random.Below(8) switch
    {
        0 => random.NextUInt64(),
        1 => BitConverter.DoubleToUInt64Bits(random.Below(2000) - 1000),
        2 => random.Pick<ulong>(s_doubles) + (ulong)random.Below(3) - 1,
        3 => BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle(random.Pick<uint>(s_singles))),
        _ => random.Pick<ulong>(s_doubles),
    };

    private static Cell Vector(SeededRandom random)
    {
        int shape = random.Below(5);
        if (shape == 4)
            return new Cell(random.NextUInt64(), random.NextUInt64());
        if (shape == 3)
            return new Cell(Double(random), Double(random));
        if (shape == 2)
            return new Cell(Single(random) | ((ulong)Single(random) << 32), Single(random) | ((ulong)Single(random) << 32));
        var result = default(Cell);
        int bits = shape == 0 ? 8 : 16;
        for (int i = 0; i < 128 / bits; i++)
            result = result.WithLane(bits, i, Integer(random));
        return result;
    }
}
