using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

internal sealed unsafe partial class FunctionValidator
{
    /// <summary>From the first byte of an instruction no more than this is read.</summary>
    private const int FrequentReach = sizeof(ulong);

    /// <summary>What lies below all operands, so that two bytes can be read below any height.</summary>
    private const int Underlay = 2;

    private readonly FrequentRule[] _rules = FrequentRule.ByOpcode(module.Memories.Count > 0);
    private readonly IndexedKinds _indexed = new(module);

    /// <summary>Checks instructions as long as they are frequent ones in their usual form, valid and on known operands.</summary>
    /// <remarks>
    /// It refuses nothing. What it does not pass, it leaves untouched for <see cref="Check"/>, which knows every rule and every reason: so
    /// this method may only be wrong by passing something. Most of its time would go where the processor guesses wrongly what instruction
    /// comes next; so what most instructions have in common is done for all of them alike, without a branch that depends on which it is.
    /// It is compiled with all optimisations at once, because it often has its whole work in its first calls.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CheckFrequent(ref WasmReader reader)
    {
        if (_height == _operands.Length)
            Array.Resize(ref _operands, _height * 2);
        fixed (byte* module = bytes)
        fixed (ValueKind* operands = _operands, indexed = _indexed.Table)
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
            var facts = FunctionFacts.None;
            long moves = 0;

            // Each instruction that has passed goes on to the next one, and one that has not leaves the loop.
            while (at < end)
            {
                var rule = rules + *at;
                if (rule->Form == FrequentForm.Straight)
                {
                    ulong word = Unsafe.ReadUnaligned<ulong>(at);
                    if (!BitConverter.IsLittleEndian)
                        word = BinaryPrimitives.ReverseEndianness(word);
                    ulong ends = (~word & rule->EndBits) | rule->FixedEnd;
                    byte* behind = at + (BitOperations.TrailingZeroCount(ends) >> 3) + 1;
                    uint kind = (uint)indexed[rule->Table + at[1]];
                    uint expected = rule->Operands | ((kind << 8) & rule->IndexedMask);
                    uint actual = (uint)top[-2] | ((uint)top[-1] << 8);
                    var result = rule->Result | ((ValueKind)kind & rule->ResultIndexedMask);
                    var left = top - rule->Pops;
                    if (((actual ^ expected) & rule->OperandsMask) != 0 || left < floor || ends == 0 || behind > end
                        || at[1] > rule->MaxSecondByte || result == IndexedKinds.None)
                    {
                        break;
                    }

                    // What gives nothing writes where nothing is.
                    *left = result;
                    top = left + rule->Pushes;
                    highest = top > highest ? top : highest;
                    facts |= rule->Facts;
                    at = behind;
                    if (top == full)
                        break;
                    continue;
                }

                byte* next = at + 2;
                switch (rule->Form)
                {
                    case FrequentForm.Loop:
                        facts |= FunctionFacts.HasLoop;
                        goto case FrequentForm.Block;
                    case FrequentForm.Block:
                        if (next > end || frame - frames + 1 >= _deepest || !BlockType.IsShort(at[1]))
                            goto Rest;
                        moves += Math.Max(0, top - floor - FreeMoves);
                        *++frame = Frame.OfShortType((Opcode)(*at), at[1], (int)(top - operands));
                        floor = top;
                        at = next;
                        continue;
                    case FrequentForm.If:
                        if (next > end || frame - frames + 1 >= _deepest || !BlockType.IsShort(at[1]) || top - 1 < floor || top[-1] != ValueKind.I32)
                            goto Rest;
                        moves += Math.Max(0, top - floor - FreeMoves);
                        top--;
                        *++frame = Frame.OfShortType(Opcode.If, at[1], (int)(top - operands));
                        floor = top;
                        at = next;
                        continue;
                    case FrequentForm.End:
                        // What a block gives stays where it is, for its parent.
                        if (frame == frames || top - floor != frame->SimpleResults || (frame->SimpleResults != 0 && top[-1] != frame->Result))
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
                        moves += Math.Max(0, top - floor - FreeMoves);
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
            }

        Rest:
            reader.Position = (int)(at - module);
            _height = (int)(top - operands);
            _depth = (int)(frame - frames) + 1;
            _maxOperands = (int)(highest - operands);
            _facts |= facts;
            _moves += moves;
        }
    }

    /// <summary>Whether a branch has what its target takes, if that is one value at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MayTake(Frame* target, ValueKind* top, ValueKind* floor) =>
        target->LabelArity == 0 || (target->LabelArity == 1 && top - 1 >= floor && top[-1] == target->Label);
}
