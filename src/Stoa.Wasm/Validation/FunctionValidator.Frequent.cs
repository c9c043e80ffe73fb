using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

internal sealed partial class FunctionValidator
{
    /// <summary>Reads go no further than this from the first byte of an instruction.</summary>
    private const int FrequentReach = 16;

    private const int LongestShortU32 = 4;
    private const int LongestShortU64 = 8;

    private readonly FrequentRule[] _rules = FrequentRule.ByOpcode;
    private readonly FunctionType?[] _blockTypes = BlockType.ByCode;

    /// <summary>Checks instructions as long as they are frequent ones in their usual form, valid and on known operands.</summary>
    /// <remarks>
    /// It refuses nothing. What it does not pass, it leaves untouched for <see cref="Check"/>, which knows every rule and every reason: so
    /// this method may only be wrong by passing something. It is compiled with all optimisations at once, because it often has its whole
    /// work in its first call.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CheckFrequent(ref WasmReader reader)
    {
        if (_height == _operands.Length)
            Array.Resize(ref _operands, _height * 2);
        var operands = _operands;
        var frames = _frames;
        var rules = _rules;
        var globals = _globals;

        // An index below 128 is one byte.
        var locals = _locals.AsSpan(0, Math.Min(_localCount, 0x80));
        ref byte code = ref MemoryMarshal.GetArrayDataReference(bytes);
        int position = reader.Position;
        int end = Math.Min(reader.End, bytes.Length - FrequentReach);
        int depth = _depth;
        int deepest = Math.Min(frames.Length, options.MaxNestingDepth);
        int height = _height;
        int highest = _maxOperands;
        int floor = frames[depth - 1].Height;
        var facts = _facts;
        bool hasMemory = module.Memories.Count > 0;

        // Each case returns to the top when the instruction has passed, and leaves the loop when it has not.
        while (position < end)
        {
            ref byte at = ref Unsafe.Add(ref code, position);
            ref readonly var rule = ref rules[at];
            int first = height - 1;
            int next;
            ValueKind pushed;
            switch (rule.Form)
            {
                case FrequentForm.LocalGet:
                    uint got = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (got >= (uint)locals.Length || next > end)
                        goto Rest;
                    pushed = locals[(int)got];
                    break;
                case FrequentForm.LocalSet:
                    uint set = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (set >= (uint)locals.Length || next > end || first < floor || operands[first] != locals[(int)set])
                        goto Rest;
                    height = first;
                    position = next;
                    continue;
                case FrequentForm.LocalTee:
                    uint tee = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (tee >= (uint)locals.Length || next > end || first < floor || operands[first] != locals[(int)tee])
                        goto Rest;
                    position = next;
                    continue;
                case FrequentForm.GlobalGet:
                    uint global = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (global >= (uint)globals.Length || next > end)
                        goto Rest;
                    pushed = globals[global] & ~MutableGlobal;
                    if (pushed == ValueKind.V128)
                        goto Rest;
                    break;
                case FrequentForm.GlobalSet:
                    uint changed = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (changed >= (uint)globals.Length || next > end || first < floor || (operands[first] | MutableGlobal) != globals[changed])
                        goto Rest;
                    height = first;
                    position = next;
                    continue;
                case FrequentForm.Constant32:
                    int bytes32 = LengthOfU32(ref Unsafe.Add(ref at, 1));
                    next = position + 1 + bytes32;
                    if (bytes32 > LongestShortU32 || next > end)
                        goto Rest;
                    pushed = ValueKind.I32;
                    break;
                case FrequentForm.Constant64:
                    int bytes64 = LengthOfU64(ref Unsafe.Add(ref at, 1));
                    next = position + 1 + bytes64;
                    if (bytes64 > LongestShortU64 || next > end)
                        goto Rest;
                    pushed = ValueKind.I64;
                    break;
                case FrequentForm.FixedConstant:
                    next = position + 1 + rule.Size;
                    if (next > end)
                        goto Rest;
                    pushed = rule.Result;
                    break;
                case FrequentForm.Unary:
                    if (first < floor || operands[first] != rule.First)
                        goto Rest;
                    operands[first] = rule.Result;
                    position++;
                    continue;
                case FrequentForm.Binary:
                    if (first - 1 < floor || operands[first] != rule.Second || operands[first - 1] != rule.First)
                        goto Rest;
                    operands[first - 1] = rule.Result;
                    height = first;
                    position++;
                    continue;
                case FrequentForm.Load:
                    int loadOffset = LengthOfU32(ref Unsafe.Add(ref at, 2));
                    next = position + 2 + loadOffset;
                    if (Unsafe.Add(ref at, 1) > rule.Size || loadOffset > LongestShortU32 || next > end || !hasMemory
                        || first < floor || operands[first] != ValueKind.I32)
                        goto Rest;
                    operands[first] = rule.Result;
                    facts |= FunctionFacts.UsesMemory;
                    position = next;
                    continue;
                case FrequentForm.Store:
                    int storeOffset = LengthOfU32(ref Unsafe.Add(ref at, 2));
                    next = position + 2 + storeOffset;
                    if (Unsafe.Add(ref at, 1) > rule.Size || storeOffset > LongestShortU32 || next > end || !hasMemory
                        || first - 1 < floor || operands[first] != rule.Second || operands[first - 1] != ValueKind.I32)
                        goto Rest;
                    height = first - 1;
                    facts |= FunctionFacts.UsesMemory;
                    position = next;
                    continue;
                case FrequentForm.Drop:
                    if (first < floor)
                        goto Rest;
                    height = first;
                    position++;
                    continue;
                case FrequentForm.Block:
                    byte blockCode = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (next > end || depth == deepest || blockCode >= 0x80 || _blockTypes[blockCode] is not { } block)
                        goto Rest;
                    if (at == (byte)Opcode.If)
                    {
                        if (first < floor || operands[first] != ValueKind.I32)
                            goto Rest;
                        height = first;
                    }

                    if (at == (byte)Opcode.Loop)
                        facts |= FunctionFacts.HasLoop;
                    frames[depth++] = new Frame((Opcode)at, block, height);
                    floor = height;
                    position = next;
                    continue;
                case FrequentForm.End:
                    ref readonly var ended = ref frames[depth - 1];

                    // What a block gives stays where it is, for its parent. An if without else gives what it takes: here nothing.
                    int given = height - floor;
                    if (depth == 1 || given != ended.Results || (given != 0 && (given != 1 || ended.Opcode == Opcode.If || operands[first] != ended.Result)))
                        goto Rest;
                    if (given == 0 && ended.Opcode == Opcode.If && ended.Parameters != 0)
                        goto Rest;
                    depth--;
                    floor = frames[depth - 1].Height;
                    position++;
                    continue;
                case FrequentForm.BranchIf:
                    uint label = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (label >= (uint)Math.Min(depth, 0x80) || next > end || first < floor || operands[first] != ValueKind.I32)
                        goto Rest;
                    ref readonly var target = ref frames[depth - 1 - (int)label];
                    if (target.LabelArity != 0 && (target.LabelArity != 1 || first - 1 < floor || operands[first - 1] != target.Label))
                        goto Rest;
                    height = first;
                    position = next;
                    continue;
                case FrequentForm.Branch:
                    uint leave = Unsafe.Add(ref at, 1);
                    next = position + 2;
                    if (leave >= (uint)Math.Min(depth, 0x80) || next > end)
                        goto Rest;
                    ref readonly var left = ref frames[depth - 1 - (int)leave];
                    if (left.LabelArity != 0 && (left.LabelArity != 1 || first < floor || operands[first] != left.Label))
                        goto Rest;
                    height = floor;
                    frames[depth - 1].IsUnreachable = true;
                    position = next;
                    continue;
                default:
                    goto Rest;
            }

            operands[height++] = pushed;
            position = next;
            if (height > highest)
            {
                highest = height;
                if (height == operands.Length)
                    break;
            }
        }

    Rest:
        reader.Position = position;
        _height = height;
        _depth = depth;
        _maxOperands = highest;
        _facts = facts;
    }

    /// <summary>The bytes of a LEB128 number; more than four where four do not suffice. Any number of so few bytes is valid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOfU32(ref byte first)
    {
        uint word = Unsafe.ReadUnaligned<uint>(ref first);
        if (!BitConverter.IsLittleEndian)
            word = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word);
        return (BitOperations.TrailingZeroCount(~word & 0x8080_8080) >> 3) + 1;
    }

    /// <inheritdoc cref="LengthOfU32"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOfU64(ref byte first)
    {
        ulong word = Unsafe.ReadUnaligned<ulong>(ref first);
        if (!BitConverter.IsLittleEndian)
            word = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word);
        return (BitOperations.TrailingZeroCount(~word & 0x8080_8080_8080_8080) >> 3) + 1;
    }
}
