using System.Collections.Immutable;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Small loops without calls, which the engine compiles several turns at a time: most of them walk up to the very end of the memory.</summary>
internal sealed partial class FunctionGenerator
{
    private const int MaxTightLoops = 2;

    /// <summary>Expressions in them are small: two instructions deep.</summary>
    private const int TightDepth = MaxDepth - 2;

    private static readonly ValueKind[] s_numbers = [I32, I32, I64, F32, F64];

    /// <summary>The loops around the present code: their counters and pointers. While there are any, no other control and no call is written.</summary>
    private readonly List<(int Counter, int Pointer)> _tight = [];

    private void TightLoop()
    {
        int counter = NewLocal(I32), pointer = NewLocal(I32);
        int turns = _tight.Count > 0 ? _random.Between(1, 4) : _random.Chance(5) ? _random.Between(9, 30) : _random.Between(1, 9);
        int step = _random.Pick<int>([1, 2, 4, 4, 8, 8, 16]);
        ImmutableArray<ValueKind> carried = [.. Enumerable.Range(0, _random.Chance(50) ? 0 : _random.Between(1, 3)).Select(_ => _random.Pick<ValueKind>(s_numbers))];
        // It takes no budget, since that would be a branch in it: its own counter ends it.
        _code.I32(turns);
        _code.Op(Opcode.LocalSet, counter);
        WalkFrom(turns * step);
        _code.Op(Opcode.LocalSet, pointer);
        _tight.Add((counter, pointer));
        foreach (var kind in carried)
            Value(kind, TightDepth);
        bool hasExit = _random.Chance(50);
        if (hasExit)
        {
            WriteBlockStart(Opcode.Block, carried, carried);
            _labels.Add(new Label(carried, -1));
        }

        WriteBlockStart(Opcode.Loop, carried, carried);
        _labels.Add(new Label(carried, counter));
        TightBody(carried, hasExit, step);
        CountTurn(counter);
        _code.Op(Opcode.BrIf, 0);
        for (int i = hasExit ? 2 : 1; i > 0; i--)
        {
            _labels.RemoveAt(_labels.Count - 1);
            _code.Op(Opcode.End);
        }

        _tight.RemoveAt(_tight.Count - 1);
        foreach (var kind in carried.Reverse())
            TakeOff(kind);
    }

    /// <summary>Leaves an address from which so many bytes reach about the end of the memory, or one further below.</summary>
    private void WalkFrom(int bytes)
    {
        if (!_shape.HasMemory || _random.Chance(40))
        {
            _code.I32(_random.Below(2000));
            return;
        }

        int beyond = _random.Chance(_shape.IsCautious ? 75 : 50) ? -_random.Below(20) - 8 : _random.Below(12) - 4;
        if (_random.Chance(50))
        {
            _code.I32((int)MemoryBytes(0) - bytes + beyond);
            return;
        }

        End(0);
        _code.I32(bytes - beyond);
        _code.Op(Opcode.I32Sub);
    }

    private void TightBody(ImmutableArray<ValueKind> carried, bool hasExit, int step)
    {
        var stack = new List<ValueKind>(carried);
        int pointer = _tight[^1].Pointer;
        for (int i = _random.Between(1, 6); i > 0; i--)
        {
            switch (_random.Below(14))
            {
                case < 3 when _shape.HasMemory:
                    StoreAt(pointer);
                    break;
                case < 7 when _shape.HasMemory:
                    LoadAt(pointer);
                    break;
                case 7 when _shape.HasMemory && _random.Chance(50):
                    Condition(TightDepth);
                    _code.Op(Opcode.If);
                    _code.Byte(0x40);
                    StoreAt(pointer);
                    _code.Op(Opcode.End);
                    break;
                case 8 when hasExit:
                    Settle(stack, carried, TightDepth);
                    stack = [.. carried];
                    Condition(TightDepth);
                    _code.Op(Opcode.BrIf, 1);
                    break;
                case 9 when _random.Chance(40):
                    Settle(stack, carried, TightDepth);
                    stack = [.. carried];
                    CountTurn(_tight[^1].Counter);
                    _code.Op(Opcode.BrIf, 0);
                    break;
                case 10 when _tight.Count < MaxTightLoops && _random.Chance(40):
                    TightLoop();
                    break;
                case 11 when stack.Count > 0:
                    Mix(stack, TightDepth);
                    break;
                default:
                    if (_assignable == 0)
                        break;
                    int local = _random.Below(_assignable);
                    Value(_locals[local], TightDepth);
                    _code.Op(Opcode.LocalSet, local);
                    break;
            }
        }

        Settle(stack, carried, TightDepth);
        if (!_random.Chance(85))
            return;
        _code.Op(Opcode.LocalGet, pointer);
        _code.I32(step);
        _code.Op(Opcode.I32Add);
        _code.Op(Opcode.LocalSet, pointer);
    }

    private void StoreAt(int pointer)
    {
        var row = _random.Pick(Production.Stores);
        if (row.IsVector && !_shape.HasVectors)
            return;
        _code.Op(Opcode.LocalGet, pointer);
        Value(row.Operands[1], TightDepth);
        WriteTightAccess(row);
    }

    /// <summary>Loads a number, of which sometimes a part is wanted or nothing, into a local or another place of the memory.</summary>
    private void LoadAt(int pointer)
    {
        var row = _random.Pick(Production.Loads);
        if (row.IsVector && !_shape.HasVectors)
            return;
        int local = FindLocal(row.Result);
        bool isCopied = !row.IsVector && _random.Chance(25);
        if (isCopied)
            _code.Op(Opcode.LocalGet, pointer);
        else if (local >= 0)
            _code.Op(Opcode.LocalGet, local);
        _code.Op(Opcode.LocalGet, pointer);
        if (row.Operands.Length > 1)
            Value(V128, TightDepth);
        WriteTightAccess(row);
        if (row.Result is I32 or I64 && _random.Chance(30))
            WriteMask(row.Result);
        if (isCopied)
        {
            WriteTightAccess(_random.Pick<Production>([.. Production.Stores.Where(store => !store.IsVector && store.Operands[1] == row.Result)]));
            return;
        }

        if (local < 0)
        {
            _code.Op(Opcode.Drop);
            return;
        }

        var operations = Production.ByResult[row.Result].Where(one => one.Operands is [var a, var b] && a == row.Result && b == row.Result).ToArray();
        var operation = _random.Pick<Production>(operations);
        if (operation.IsVector && !_shape.HasVectors)
            operation = operations.First(one => !one.IsVector);
        Finish(operation);
        _code.Op(Opcode.LocalSet, local);
    }

    private void WriteMask(ValueKind kind)
    {
        switch (_random.Below(3))
        {
            case 0:
                _code.Op(kind == I32 ? Opcode.I32Extend8S : _random.Pick<Opcode>([Opcode.I64Extend8S, Opcode.I64Extend16S, Opcode.I64Extend32S]));
                break;
            case 1 when kind == I64:
                _code.Op(Opcode.I32WrapI64);
                _code.Op(Opcode.I64ExtendI32U);
                break;
            default:
                int mask = _random.Pick<int>([0xFF, 0xFFFF, 1, 0x7F, 0]);
                if (kind == I32)
                    _code.I32(mask);
                else
                    _code.I64(mask);
                _code.Op(kind == I32 ? Opcode.I32And : Opcode.I64And);
                break;
        }
    }

    /// <summary>Writes an access with an offset so small that the pointer tells whether it is in bounds.</summary>
    private void WriteTightAccess(Production row)
    {
        WriteAccess(row, PickMemory(), 0, (uint)(_random.Chance(60) ? 0 : _random.Below(9)));
        if (row.Lanes > 0)
            _code.Byte(_random.Below(row.Lanes));
    }

    /// <summary>Leaves what a branch depends on: often a number that was rotated, whose flags compilers get wrong.</summary>
    private void Condition(int depth)
    {
        if (_random.Chance(25))
            RotatedComparison(depth);
        else
            Value(I32, depth + 1);
    }

    /// <summary>Leaves a comparison with a rotated number, or that number itself.</summary>
    private void RotatedComparison(int depth)
    {
        var kind = _random.Chance(50) ? I32 : I64;
        bool isRight = _random.Chance(25);
        if (isRight)
            WriteConstant(_code, kind, _random);
        Value(kind, Math.Max(depth + 1, TightDepth));
        if (kind == I32)
            _code.I32(_random.Below(34));
        else
            _code.I64(_random.Below(66));
        bool isLeft = _random.Chance(50);
        _code.Op(kind == I32 ? isLeft ? Opcode.I32Rotl : Opcode.I32Rotr : isLeft ? Opcode.I64Rotl : Opcode.I64Rotr);
        if (_random.Chance(30))
        {
            int local = FindLocal(kind);
            if (local >= 0)
                _code.Op(Opcode.LocalTee, local);
        }

        if (kind == I64 && _random.Chance(20))
        {
            _code.Op(Opcode.I32WrapI64);
            if (isRight)
                _code.Op(Opcode.I64ExtendI32S);
            else
                kind = I32;
        }

        if (!isRight && kind == I32 && _random.Chance(20))
            return;
        if (!isRight && _random.Chance(25))
        {
            _code.Op(kind == I32 ? Opcode.I32Eqz : Opcode.I64Eqz);
            return;
        }

        if (!isRight && _random.Chance(60))
            WriteZero(_code, kind);
        else if (!isRight)
            WriteConstant(_code, kind, _random);
        _code.Op((Opcode)(_random.Below(Opcode.I32GeU - Opcode.I32Eq + 1) + (int)(kind == I32 ? Opcode.I32Eq : Opcode.I64Eq)));
    }
}
