using System.Runtime.InteropServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>How a frequent instruction is checked.</summary>
internal enum FrequentForm : byte
{
    /// <summary>Not among the frequent ones.</summary>
    None,

    /// <summary>It takes up to two operands of known types and gives up to one, and goes on behind itself.</summary>
    Straight,

    Block,
    Loop,
    If,
    End,
    Branch,
    BranchIf,
}

/// <summary>What a frequent instruction is made of, in a form that can be checked without asking what instruction it is.</summary>
/// <remarks>
/// The first eight bytes of the instruction are a word whose lowest byte is the opcode. The operands are a number of two bytes: the top
/// one is the upper byte.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct FrequentRule
{
    /// <summary>The upper bits of those bytes of the word that may end a LEB128 number: the bit is clear in the one that does.</summary>
    public ulong EndBits;

    /// <summary>The upper bit of the last byte, where the length is fixed.</summary>
    public ulong FixedEnd;

    /// <summary>The operands, and which of them are there.</summary>
    public ushort Operands;
    public ushort OperandsMask;

    /// <summary>Where the operand has the type of the local or global that the second byte tells.</summary>
    public ushort IndexedMask;

    /// <summary>Where that type is found: see <see cref="IndexedKinds"/>.</summary>
    public ushort Table;

    public FrequentForm Form;
    public byte Pops;
    public byte Pushes;
    public ValueKind Result;

    /// <summary>All ones where the result has the type of the local or global.</summary>
    public ValueKind ResultIndexedMask;

    /// <summary>The largest second byte: for a load or store its natural alignment.</summary>
    public byte MaxSecondByte;

    public FunctionFacts Facts;

    private static readonly FrequentRule[] s_withMemory = Build(hasMemory: true);
    private static readonly FrequentRule[] s_withoutMemory = Build(hasMemory: false);

    /// <summary>The rules by opcode.</summary>
    /// <param name="hasMemory">Whether the module has a memory; without one, loads and stores are not among the frequent instructions.</param>
    public static FrequentRule[] ByOpcode(bool hasMemory) => hasMemory ? s_withMemory : s_withoutMemory;

    private static FrequentRule[] Build(bool hasMemory)
    {
        var rules = new FrequentRule[256];
        for (int opcode = 0; opcode < rules.Length; opcode++)
        {
            var shape = Instructions.Shapes[opcode];
            bool isAccess = Instructions.IsMemoryAccess((Opcode)opcode);
            if (!shape.IsPlain || (isAccess && !hasMemory))
                continue;
            rules[opcode] = shape.Second == 0 ? Straight([shape.First], shape.Result) : Straight([shape.First, shape.Second], shape.Result);
            if (!isAccess)
                continue;
            rules[opcode].FixedEnd = 0;
            rules[opcode].EndBits = EndBitsAt(2, 3, 4, 5);
            rules[opcode].MaxSecondByte = shape.NaturalAlignment;
            rules[opcode].Facts = FunctionFacts.UsesMemory;
        }

        rules[(int)Opcode.I32Const] = Straight([], ValueKind.I32) with { FixedEnd = 0, EndBits = EndBitsAt(1, 2, 3, 4) };
        rules[(int)Opcode.I64Const] = Straight([], ValueKind.I64) with { FixedEnd = 0, EndBits = EndBitsAt(1, 2, 3, 4, 5, 6, 7) };
        rules[(int)Opcode.F32Const] = Straight([], ValueKind.F32) with { FixedEnd = EndBitsAt(4) };
        rules[(int)Opcode.LocalGet] = Get(IndexedKinds.Locals);
        rules[(int)Opcode.LocalSet] = Set(IndexedKinds.Locals);
        rules[(int)Opcode.LocalTee] = Set(IndexedKinds.Locals) with { Pushes = 1, ResultIndexedMask = IndexedKinds.Any };
        rules[(int)Opcode.GlobalGet] = Get(IndexedKinds.Globals);
        rules[(int)Opcode.GlobalSet] = Set(IndexedKinds.MutableGlobals);
        rules[(int)Opcode.Drop] = Straight([0], 0) with { OperandsMask = 0 };
        rules[(int)Opcode.Block].Form = FrequentForm.Block;
        rules[(int)Opcode.Loop].Form = FrequentForm.Loop;
        rules[(int)Opcode.If].Form = FrequentForm.If;
        rules[(int)Opcode.End].Form = FrequentForm.End;
        rules[(int)Opcode.Br].Form = FrequentForm.Branch;
        rules[(int)Opcode.BrIf].Form = FrequentForm.BranchIf;
        return rules;
    }

    private static FrequentRule Straight(ReadOnlySpan<ValueKind> operands, ValueKind result) => new()
    {
        Form = FrequentForm.Straight,
        FixedEnd = EndBitsAt(0),
        Operands = (ushort)(operands.Length switch { 0 => 0, 1 => (int)operands[0] << 8, _ => ((int)operands[1] << 8) | (int)operands[0] }),
        OperandsMask = (ushort)(operands.Length switch { 0 => 0, 1 => 0xFF00, _ => 0xFFFF }),
        Pops = (byte)operands.Length,
        Pushes = (byte)(result == 0 ? 0 : 1),
        Result = result,
        MaxSecondByte = byte.MaxValue,
    };

    private static FrequentRule Get(ushort table) => Straight([], 0) with
    {
        FixedEnd = 0,
        EndBits = EndBitsAt(1),
        Table = table,
        Pushes = 1,
        ResultIndexedMask = IndexedKinds.Any,
    };

    private static FrequentRule Set(ushort table) => Straight([0], 0) with
    {
        FixedEnd = 0,
        EndBits = EndBitsAt(1),
        Table = table,
        IndexedMask = 0xFF00,
    };

    private static ulong EndBitsAt(params ReadOnlySpan<int> bytes)
    {
        ulong bits = 0;
        foreach (int at in bytes)
            bits |= 0x80UL << (8 * at);
        return bits;
    }
}
