using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

internal sealed unsafe partial class FunctionValidator
{
    /// <summary>Reads go no further than this from the first byte of an instruction.</summary>
    private const int FrequentReach = 16;

    private const int LongestShortU32 = 4;
    private const int LongestShortU64 = 8;

    private readonly FrequentRule[] _rules = FrequentRule.ByOpcode(module.Memories.Count > 0);

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
        fixed (byte* module = bytes)
        fixed (ValueKind* operands = _operands, locals = _locals, globals = _globals)
        fixed (FrequentRule* rules = _rules)
        fixed (Frame* frames = _frames)
        {
            byte* at = module + reader.Position;
            byte* end = module + Math.Min(reader.End, bytes.Length - FrequentReach);
            var top = operands + _height;
            var highest = operands + _maxOperands;
            var full = operands + _operands.Length;
            var frame = frames + _depth - 1;
            var floor = operands + frame->Height;

            // An index below 128 is one byte.
            uint localCount = (uint)Math.Min(_localCount, 0x80);
            var facts = FunctionFacts.None;

            // Each case goes on to the next instruction when this one has passed, and leaves the loop when it has not.
            while (at < end)
            {
                var rule = rules + *at;
                byte* next = at + 2;
                ValueKind pushed;
                switch (rule->Form)
                {
                    case FrequentForm.LocalGet:
                        if (at[1] >= localCount || next > end)
                            goto Rest;
                        pushed = locals[at[1]];
                        break;
                    case FrequentForm.LocalSet:
                        if (at[1] >= localCount || next > end || top - 1 < floor || top[-1] != locals[at[1]])
                            goto Rest;
                        top--;
                        at = next;
                        continue;
                    case FrequentForm.LocalTee:
                        if (at[1] >= localCount || next > end || top - 1 < floor || top[-1] != locals[at[1]])
                            goto Rest;
                        at = next;
                        continue;
                    case FrequentForm.GlobalGet:
                        if (at[1] >= _globals.Length || next > end)
                            goto Rest;
                        pushed = globals[at[1]] & ~MutableGlobal;
                        if (pushed == ValueKind.V128)
                            goto Rest;
                        break;
                    case FrequentForm.GlobalSet:
                        if (at[1] >= _globals.Length || next > end || top - 1 < floor || (top[-1] | MutableGlobal) != globals[at[1]])
                            goto Rest;
                        top--;
                        at = next;
                        continue;
                    case FrequentForm.Constant32:
                        next = at + 1 + LengthOfU32(at + 1);
                        if (next > at + 1 + LongestShortU32 || next > end)
                            goto Rest;
                        pushed = ValueKind.I32;
                        break;
                    case FrequentForm.Constant64:
                        next = at + 1 + LengthOfU64(at + 1);
                        if (next > at + 1 + LongestShortU64 || next > end)
                            goto Rest;
                        pushed = ValueKind.I64;
                        break;
                    case FrequentForm.FixedConstant:
                        next = at + 1 + rule->Size;
                        if (next > end)
                            goto Rest;
                        pushed = rule->Result;
                        break;
                    case FrequentForm.Unary:
                        if (top - 1 < floor || top[-1] != rule->First)
                            goto Rest;
                        top[-1] = rule->Result;
                        at++;
                        continue;
                    case FrequentForm.Binary:
                        if (top - 2 < floor || top[-1] != rule->Second || top[-2] != rule->First)
                            goto Rest;
                        top--;
                        top[-1] = rule->Result;
                        at++;
                        continue;
                    case FrequentForm.Load:
                        next = at + 2 + LengthOfU32(at + 2);
                        if (at[1] > rule->Size || next > at + 2 + LongestShortU32 || next > end || top - 1 < floor || top[-1] != ValueKind.I32)
                            goto Rest;
                        top[-1] = rule->Result;
                        facts |= FunctionFacts.UsesMemory;
                        at = next;
                        continue;
                    case FrequentForm.Store:
                        next = at + 2 + LengthOfU32(at + 2);
                        if (at[1] > rule->Size || next > at + 2 + LongestShortU32 || next > end || top - 2 < floor
                            || top[-1] != rule->Second || top[-2] != ValueKind.I32)
                            goto Rest;
                        top -= 2;
                        facts |= FunctionFacts.UsesMemory;
                        at = next;
                        continue;
                    case FrequentForm.Drop:
                        if (top - 1 < floor)
                            goto Rest;
                        top--;
                        at++;
                        continue;
                    case FrequentForm.Block:
                        if (next > end || frame - frames + 1 >= _deepest || !BlockType.IsShort(at[1]))
                            goto Rest;
                        if (*at == (byte)Opcode.If)
                        {
                            if (top - 1 < floor || top[-1] != ValueKind.I32)
                                goto Rest;
                            top--;
                        }

                        if (*at == (byte)Opcode.Loop)
                            facts |= FunctionFacts.HasLoop;
                        floor = top;
                        *++frame = Frame.OfShortType((Opcode)(*at), at[1], (int)(top - operands));
                        at = next;
                        continue;
                    case FrequentForm.End:
                        // What a block gives stays where it is, for its parent. An if without else gives what it takes: here nothing.
                        if (frame == frames || top - floor != frame->Results)
                            goto Rest;
                        if (frame->Results != 0 && (frame->Results != 1 || frame->Opcode == Opcode.If || top[-1] != frame->Result))
                            goto Rest;
                        if (frame->Opcode == Opcode.If && frame->Parameters != 0)
                            goto Rest;
                        frame--;
                        floor = operands + frame->Height;
                        at++;
                        continue;
                    case FrequentForm.BranchIf:
                        if (next > end || at[1] > frame - frames || at[1] >= 0x80 || top - 1 < floor || top[-1] != ValueKind.I32)
                            goto Rest;
                        if (!MayTake(frame - at[1], top - 1, floor))
                            goto Rest;
                        top--;
                        at = next;
                        continue;
                    case FrequentForm.Branch:
                        if (next > end || at[1] > frame - frames || at[1] >= 0x80 || !MayTake(frame - at[1], top, floor))
                            goto Rest;
                        top = floor;
                        frame->IsUnreachable = true;
                        at = next;
                        continue;
                    default:
                        goto Rest;
                }

                *top++ = pushed;
                at = next;
                if (top > highest)
                {
                    highest = top;
                    if (top == full)
                        break;
                }
            }

        Rest:
            reader.Position = (int)(at - module);
            _height = (int)(top - operands);
            _depth = (int)(frame - frames) + 1;
            _maxOperands = (int)(highest - operands);
            _facts |= facts;
        }
    }

    /// <summary>Whether a branch has what its target takes, if that is one value at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MayTake(Frame* target, ValueKind* top, ValueKind* floor) =>
        target->LabelArity == 0 || (target->LabelArity == 1 && top - 1 >= floor && top[-1] == target->Label);

    /// <summary>The bytes of a LEB128 number; more than four where four do not suffice. Any number of so few bytes is valid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOfU32(byte* first)
    {
        uint word = Unsafe.ReadUnaligned<uint>(first);
        if (!BitConverter.IsLittleEndian)
            word = BinaryPrimitives.ReverseEndianness(word);
        return (BitOperations.TrailingZeroCount(~word & 0x8080_8080) >> 3) + 1;
    }

    /// <inheritdoc cref="LengthOfU32"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOfU64(byte* first)
    {
        ulong word = Unsafe.ReadUnaligned<ulong>(first);
        if (!BitConverter.IsLittleEndian)
            word = BinaryPrimitives.ReverseEndianness(word);
        return (BitOperations.TrailingZeroCount(~word & 0x8080_8080_8080_8080) >> 3) + 1;
    }
}
