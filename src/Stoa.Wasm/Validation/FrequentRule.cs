using System.Runtime.InteropServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>How the frequent instructions are alike.</summary>
internal enum FrequentForm : byte
{
    /// <summary>Not among them.</summary>
    None,

    /// <summary>One operand, one result.</summary>
    Unary,

    /// <summary>Two operands, one result.</summary>
    Binary,

    Load,
    Store,
    Constant32,
    Constant64,

    /// <summary>A constant whose bytes are not a LEB128 number.</summary>
    FixedConstant,

    LocalGet,
    LocalSet,
    LocalTee,
    GlobalGet,
    GlobalSet,
    Drop,

    /// <summary><c>block</c>, <c>loop</c> and <c>if</c>.</summary>
    Block,

    End,
    Branch,
    BranchIf,
}

/// <summary>What a frequent instruction takes and gives.</summary>
/// <param name="Form">Its form.</param>
/// <param name="First">Its first operand.</param>
/// <param name="Second">Its second operand.</param>
/// <param name="Result">Its result.</param>
/// <param name="Size">The natural alignment of a load or store, as an exponent of two; the bytes of a fixed constant.</param>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal readonly record struct FrequentRule(FrequentForm Form, ValueKind First, ValueKind Second, ValueKind Result, byte Size)
{
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
            var form = isAccess
                ? (shape.Result != 0 ? FrequentForm.Load : FrequentForm.Store)
                : (shape.Second != 0 ? FrequentForm.Binary : FrequentForm.Unary);
            rules[opcode] = new FrequentRule(form, shape.First, shape.Second, shape.Result, shape.NaturalAlignment);
        }

        Set(FrequentForm.Constant32, Opcode.I32Const);
        Set(FrequentForm.Constant64, Opcode.I64Const);
        rules[(int)Opcode.F32Const] = new FrequentRule(FrequentForm.FixedConstant, 0, 0, ValueKind.F32, 4);
        rules[(int)Opcode.F64Const] = new FrequentRule(FrequentForm.FixedConstant, 0, 0, ValueKind.F64, 8);
        Set(FrequentForm.LocalGet, Opcode.LocalGet);
        Set(FrequentForm.LocalSet, Opcode.LocalSet);
        Set(FrequentForm.LocalTee, Opcode.LocalTee);
        Set(FrequentForm.GlobalGet, Opcode.GlobalGet);
        Set(FrequentForm.GlobalSet, Opcode.GlobalSet);
        Set(FrequentForm.Drop, Opcode.Drop);
        Set(FrequentForm.Block, Opcode.Block);
        Set(FrequentForm.Block, Opcode.Loop);
        Set(FrequentForm.Block, Opcode.If);
        Set(FrequentForm.End, Opcode.End);
        Set(FrequentForm.Branch, Opcode.Br);
        Set(FrequentForm.BranchIf, Opcode.BrIf);
        return rules;

        void Set(FrequentForm form, Opcode opcode) => rules[(int)opcode] = new FrequentRule(form, 0, 0, 0, 0);
    }
}
