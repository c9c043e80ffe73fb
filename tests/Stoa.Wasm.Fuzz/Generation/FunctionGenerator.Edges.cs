using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>
/// Loads about the end of a memory of which a part is wanted at most. One that reaches beyond the end by a byte traps, and does not
/// where a compiler shortens it or leaves it out.
/// </summary>
internal sealed partial class FunctionGenerator
{
    private static readonly int[] s_masks = [0xFF, 0xFFFF, 1, 0x7F, 0xF0, 0];

    /// <summary>Makes a body of nothing but such loads, at addresses that the arguments choose.</summary>
    public byte[] GenerateLoads()
    {
        const int Depth = MaxDepth - 1;
        _left = 1000;
        _labels.Add(new Label(_type.Results, -1));
        for (int i = _random.Between(1, 3); i > 0; i--)
        {
            var kind = _random.Chance(50) ? I32 : I64;
            if (_random.Chance(50))
            {
                LoadForNothing(Depth);
            }
            else
            {
                LoadPart(kind, Depth);
                TakeOff(kind);
            }
        }

        foreach (var kind in _type.Results)
        {
            if (_random.Chance(40) || !LoadPart(kind, Depth))
                Leaf(kind);
        }

        return End();
    }

    /// <summary>Leaves an integer that few bits of a load decide.</summary>
    private bool LoadPart(ValueKind kind, int depth)
    {
        if (kind is not (I32 or I64))
            return false;
        switch (_random.Below(10))
        {
            case < 3:
                LoadAtEdge(PickLoad(kind), depth);
                break;
            case < 5:
                LoadAtEdge(PickLoad(kind), depth);
                Combine(kind, depth);
                break;
            case 5:
                // Two of them in one number.
                LoadAtEdge(PickLoad(kind), depth);
                LoadAtEdge(PickLoad(kind), depth);
                _code.Op(kind == I32
                    ? _random.Pick<Opcode>([Opcode.I32Add, Opcode.I32Xor, Opcode.I32Mul])
                    : _random.Pick<Opcode>([Opcode.I64Sub, Opcode.I64Or, Opcode.I64Mul]));
                break;
            case 6 when FindLocal(kind) is >= 0 and var local:
                LoadAtEdge(PickLoad(kind), depth);
                _code.Op(Opcode.LocalSet, local);
                _code.Op(Opcode.LocalGet, local);
                break;
            case 7:
                var (other, back) = kind == I32 ? (F32, Opcode.I32ReinterpretF32) : (F64, Opcode.I64ReinterpretF64);
                LoadAtEdge(PickLoad(other), depth);
                _code.Op(back);
                break;
            case 8 when _shape.HasVectors:
                LoadAtEdge(PickLoad(V128), depth);
                if (kind == I32)
                    _code.Op(VectorOpcode.I32x4ExtractLane, (byte)_random.Below(4));
                else
                    _code.Op(VectorOpcode.I64x2ExtractLane, (byte)_random.Below(2));
                break;
            case 9:
                LoadAtEdge(PickLoad(I64), depth);
                _code.Op(Opcode.I32WrapI64);
                if (kind == I64)
                    _code.Op(Opcode.I64ExtendI32U);
                break;
            default:
                LoadAtEdge(PickLoad(kind), depth);
                break;
        }

        Narrow(kind);
        return true;
    }

    /// <summary>Takes few bits of the integer on top.</summary>
    private void Narrow(ValueKind kind)
    {
        bool isShort = kind == I32;
        switch (_random.Below(6))
        {
            case 0:
                _code.Op(isShort
                    ? _random.Pick<Opcode>([Opcode.I32Extend8S, Opcode.I32Extend16S])
                    : _random.Pick<Opcode>([Opcode.I64Extend8S, Opcode.I64Extend16S, Opcode.I64Extend32S]));
                break;
            case 1:
                Constant(_random.Pick<int>([8, 16, 24]) + (isShort ? 0 : 32));
                _code.Op(isShort ? Opcode.I32Shl : Opcode.I64Shl);
                break;
            case 2:
                Constant(_random.Pick<int>(s_masks));
                _code.Op(isShort ? Opcode.I32And : Opcode.I64And);
                if (_random.Chance(50))
                    Constant(_random.Pick<int>(s_masks));
                else
                    Constant(0);
                _code.Op(isShort ? _random.Pick<Opcode>([Opcode.I32Eq, Opcode.I32Ne]) : _random.Pick<Opcode>([Opcode.I64Eq, Opcode.I64Ne]));
                if (!isShort)
                    _code.Op(Opcode.I64ExtendI32U);
                break;
            default:
                Constant(_random.Pick<int>(s_masks));
                _code.Op(isShort ? Opcode.I32And : Opcode.I64And);
                break;
        }

        void Constant(int value)
        {
            if (isShort)
                _code.I32(value);
            else
                _code.I64(value);
        }
    }

    /// <summary>Loads for which nothing has a use, or of which a part alone is stored.</summary>
    private void LoadForNothing(int depth)
    {
        var row = _random.Pick<Production>(
            [.. Production.Loads.Where(load => (!load.IsVector || _shape.HasVectors) && (load.AccessBytes >= 4 || _random.Chance(20)))]);
        switch (_random.Below(6))
        {
            case < 2 when !row.IsVector:
                _code.I32(_random.Below(1000));
                LoadAtEdge(row, depth);
                WriteAccess(_random.Pick<Production>([.. Production.Stores.Where(store => !store.IsVector && store.Operands[1] == row.Result)]), 0, 0, 0);
                return;
            case 2 when FindLocal(row.Result) is >= 0 and var local:
                LoadAtEdge(row, depth);
                _code.Op(Opcode.LocalSet, local);
                WriteConstant(_code, row.Result, _random);
                _code.Op(Opcode.LocalSet, local);
                return;
            case 3:
                LoadAtEdge(row, depth);
                WriteConstant(_code, row.Result, _random);
                _code.I32(0);
                _code.Op(Opcode.Select);
                break;
            case 4:
                LoadAtEdge(row, depth);
                Combine(row.Result, depth);
                break;
            default:
                LoadAtEdge(row, depth);
                break;
        }

        _code.Op(Opcode.Drop);
    }

    /// <summary>A load of a kind, mostly of so many bytes that a part of them can be left out.</summary>
    private Production PickLoad(ValueKind kind)
    {
        var rows = Production.LoadsByResult[kind];
        Production[] wide = [.. rows.Where(row => row.AccessBytes >= 4 && row.Lanes == 0)];
        return _random.Pick<Production>(_random.Chance(80) ? wide : rows);
    }

    /// <summary>Writes a load of bytes some of which may lie behind the end; whether they do often depends on a value.</summary>
    private void LoadAtEdge(Production row, int depth)
    {
        int memory = PickMemory();
        int offset = _random.Chance(60) ? 0 : _random.Below(20);
        int beyond = _random.Chance(_shape.IsCautious ? 90 : 70) ? 0 : _random.Between(1, row.AccessBytes);
        int below = row.AccessBytes + offset - beyond;
        if (_random.Chance(50))
        {
            _code.I32((int)MemoryBytes(memory) - below);
        }
        else
        {
            End(memory);
            _code.I32(below);
            _code.Op(Opcode.I32Sub);
        }

        if (_random.Chance(70))
        {
            if (_type.Parameters.IndexOf(I32) is >= 0 and var parameter && _random.Chance(80))
                _code.Op(Opcode.LocalGet, parameter);
            else if (FindLocal(I32) is >= 0 and var local)
                _code.Op(Opcode.LocalGet, local);
            else
                Value(I32, depth + 1);
            _code.I32(_random.Pick<int>([1, 1, 2, 3, 4]));
            _code.Op(Opcode.I32And);
            _code.Op(_random.Chance(_shape.IsCautious ? 40 : 80) ? Opcode.I32Add : Opcode.I32Sub);
        }

        if (row.Operands.Length > 1)
            Value(V128, depth + 1);
        WriteAccess(row, memory, 0, (uint)offset);
        if (row.Lanes > 0)
            _code.Byte(_random.Below(row.Lanes));
    }

    /// <summary>Makes a number of the one on top and another of its kind.</summary>
    private void Combine(ValueKind kind, int depth)
    {
        Production[] rows =
            [.. Production.ByResult[kind].Where(row => row.Operands is [var first, var second] && first == kind && second == kind && (kind == V128 || !row.IsVector))];
        Value(kind, depth + 1);
        Finish(_random.Pick<Production>(rows));
    }
}
