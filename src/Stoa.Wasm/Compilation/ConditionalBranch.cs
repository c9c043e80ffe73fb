using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Compilation;

/// <summary>The branches that compare integers by themselves, so that no comparison has to come before them.</summary>
internal static class ConditionalBranch
{
    private static readonly byte[] s_whenTrue =
    [
        Il.Brfalse, Il.Beq, Il.BneUn, Il.Blt, Il.BltUn, Il.Bgt, Il.BgtUn, Il.Ble, Il.BleUn, Il.Bge, Il.BgeUn,
    ];

    private static readonly byte[] s_whenFalse =
    [
        Il.Brtrue, Il.BneUn, Il.Beq, Il.Bge, Il.BgeUn, Il.Ble, Il.BleUn, Il.Bgt, Il.BgtUn, Il.Blt, Il.BltUn,
    ];

    /// <summary>Whether an instruction compares integers.</summary>
    public static bool Exists(Opcode comparison) => comparison is >= Opcode.I32Eqz and <= Opcode.I64GeU;

    /// <summary>The branch taken when a comparison has an outcome.</summary>
    public static byte Of(Opcode comparison, bool outcome)
    {
        int index = (comparison >= Opcode.I64Eqz ? comparison - Opcode.I64Eqz : comparison - Opcode.I32Eqz);
        return (outcome ? s_whenTrue : s_whenFalse)[index];
    }
}
