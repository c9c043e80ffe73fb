using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Code that leaves one value.</summary>
internal sealed partial class FunctionGenerator
{
    /// <summary>Writes code that leaves a value of a kind on top of the operands.</summary>
    private void Value(ValueKind kind, int depth)
    {
        _left--;
        if (_left <= 0 || depth >= MaxDepth)
        {
            Leaf(kind);
            return;
        }

        if (kind == I32 && _random.Chance(4))
        {
            RotatedComparison(depth);
            return;
        }

        switch (_random.Below(_tight.Count > 0 ? 70 : 100))
        {
            case < 14:
                Leaf(kind);
                break;
            case < 58 when Produce(kind, depth):
                break;
            case < 70 when Load(kind, depth):
                break;
            case < 70:
                Leaf(kind);
                break;
            case < 76:
                Construct([], [kind], depth);
                break;
            case < 82 when CallFor(kind, depth):
                break;
            case < 86:
                Value(kind, depth + 1);
                Value(kind, depth + 1);
                Condition(depth);
                WriteSelect(kind);
                break;
            case < 91 when FindLocal(kind) is >= 0 and var local:
                Value(kind, depth + 1);
                _code.Op(Opcode.LocalTee, local);
                break;
            case < 94 when BranchAround(kind, depth):
                break;
            case < 98 when Particular(kind, depth):
                break;
            default:
                if (!Produce(kind, depth))
                    Leaf(kind);
                break;
        }
    }

    private void Leaf(ValueKind kind)
    {
        if (kind == I32 && _tight.Count > 0 && _random.Chance(20))
        {
            var (counter, pointer) = _random.Pick(_tight);
            _code.Op(Opcode.LocalGet, _random.Chance(50) ? counter : pointer);
            return;
        }

        int choice = _random.Below(10);
        if (choice < 6 && FindLocal(kind) is >= 0 and var local)
        {
            _code.Op(Opcode.LocalGet, local);
            return;
        }

        if (choice < 8 && FindGlobal(kind, toAssign: false) is >= 0 and var global && global != BudgetGlobal)
        {
            _code.Op(Opcode.GlobalGet, global);
            return;
        }

        if (kind == FuncRef && choice < 9)
            _code.Op(Opcode.RefFunc, _random.Below(_shape.Functions.Count));
        else
            WriteConstant(_code, kind, _random);
    }

    private bool Produce(ValueKind kind, int depth)
    {
        if (!Production.ByResult.TryGetValue(kind, out var rows))
            return false;
        var row = _random.Pick<Production>(rows);
        if (row.IsVector && !_shape.HasVectors)
            return false;
        foreach (var operand in row.Operands)
            Value(operand, depth + 1);
        Finish(row);
        return true;
    }

    /// <summary>Writes an instruction whose operands are there.</summary>
    private void Finish(Production row)
    {
        if (row.Hazard == Hazard.Division && _random.Chance(_shape.IsCautious ? 97 : 70))
        {
            // A divisor that is not zero.
            if (row.Result == I32)
                _code.I32(1);
            else
                _code.I64(1);
            _code.Op(row.Result == I32 ? Opcode.I32Or : Opcode.I64Or);
        }

        if (row.Hazard == Hazard.Conversion && _random.Chance(_shape.IsCautious ? 95 : 60))
        {
            // The saturating one in the same place.
            var first = row.Result == I32 ? Opcode.I32TruncF32S : Opcode.I64TruncF32S;
            _code.Op((ExtendedOpcode)(row.Code[0] - (byte)first + (row.Result == I32 ? 0 : 4)));
            return;
        }

        _code.Bytes(row.Code);
        WriteLanes(row);
        Canonicalise(row.NaN);
    }

    private void WriteLanes(Production row)
    {
        if (row.Lanes > 0)
            _code.Byte(_random.Below(row.Lanes));
        if (!row.IsShuffle)
            return;
        // One operand alone, lanes that stay in their places and whole words are cases of their own in compilers.
        int pattern = _random.Below(5);
        for (int i = 0; i < VectorInstructions.ImmediateBytes; i++)
        {
            _code.Byte(pattern switch
            {
                0 => _random.Below(16),
                1 => 16 + _random.Below(16),
                2 => i + (16 * _random.Below(2)),
                3 => (i & 3) | (((i >> 2) * 12 + 4) & 28),
                _ => _random.Below(32),
            });
        }
    }

    private bool Load(ValueKind kind, int depth)
    {
        if (!_shape.HasMemory || !Production.LoadsByResult.TryGetValue(kind, out var rows))
            return false;
        if (_random.Chance(_shape.IsAtEdge ? 40 : 4) && LoadPart(kind, depth))
            return true;
        var row = _random.Pick<Production>(rows);
        int memory = PickMemory();
        Address(memory, depth);
        if (row.Operands.Length > 1)
            Value(V128, depth + 1);
        WriteAccess(row, memory);
        if (kind == I32 && _random.Chance(15))
        {
            // Compilers shorten a load of which few bits are wanted.
            _code.I32(_random.Pick<int>([0xFF, 0xFFFF, 1, 0xF0]));
            _code.Op(Opcode.I32And);
        }

        return true;
    }

    private int PickMemory() => _random.Chance(50) ? 0 : _random.Below(_shape.Memories.Count);

    /// <summary>Writes an access whose operands are there.</summary>
    private void WriteAccess(Production row, int memory)
    {
        uint alignment = (uint)_random.Below(System.Numerics.BitOperations.Log2((uint)row.AccessBytes) + 1);
        WriteAccess(row, memory, alignment, Offset(memory));
        if (row.Lanes > 0)
            _code.Byte(_random.Below(row.Lanes));
    }

    /// <summary>Writes an access up to its lane.</summary>
    private void WriteAccess(Production row, int memory, uint alignment, uint offset)
    {
        _code.Bytes(row.Code);
        _code.Number(alignment | (memory > 0 ? MemoryOperand.HasMemory : 0));
        if (memory > 0)
            _code.Number((uint)memory);
        _code.Number(offset);
    }

    private uint Offset(int memory) => _random.Below(100) switch
    {
        < 45 => 0,
        < 96 => (uint)_random.Below(40),
        _ when _shape.IsCautious && _random.Chance(85) => (uint)_random.Below(100),
        96 => (uint)(MemoryBytes(memory) - _random.Below(20)),
        < 98 => (uint)((1 + _random.Below(4)) * Memory.PageBytes) - (uint)_random.Below(20),
        _ => _random.Pick<uint>([uint.MaxValue, uint.MaxValue - 7, int.MaxValue, 0x8000_0000, 0x7FFF_FFF8, 0x8000_0008, 0xFFFF_0000]),
    };

    private long MemoryBytes(int memory) => _shape.HasMemory ? _shape.Memories[memory].Minimum * (long)Memory.PageBytes : 0;

    private void Address(int memory, int depth)
    {
        int risk = _random.Below(100);
        if (_addresses.Count > 0 && risk < 35)
        {
            _code.Op(Opcode.LocalGet, _random.Pick(_addresses));
        }
        else if (risk < 60)
        {
            _code.I32(_random.Below(100));
        }
        else if (risk < (_shape.IsCautious ? 98 : 92))
        {
            Value(I32, depth + 1);
            // Within a page, far enough from its end for the small offsets.
            _code.I32(_random.Pick<int>([0xFF80, 0xFF, 0x7FFC, 0xF]));
            _code.Op(Opcode.I32And);
        }
        else if (risk < 98 && !_random.Chance(_shape.IsCautious ? 60 : 40))
        {
            _code.I32((int)(MemoryBytes(memory) - _random.Below(24)));
        }
        else if (risk < 99)
        {
            End(memory);
            _code.I32(_random.Below(24));
            _code.Op(Opcode.I32Sub);
        }
        else
        {
            Value(I32, depth + 1);
        }
    }

    /// <summary>Leaves the address behind the last byte of a memory.</summary>
    private void End(int memory)
    {
        _code.Op(Opcode.MemorySize, memory);
        _code.I32(16);
        _code.Op(Opcode.I32Shl);
    }

    private bool CallFor(ValueKind kind, int depth)
    {
        var suitable = new List<int>();
        for (int i = 0; i < _shape.Functions.Count; i++)
        {
            if (_shape.Functions[i].Results.Contains(kind))
                suitable.Add(i);
        }

        if (suitable.Count == 0)
            return false;
        int callee = _random.Pick(suitable);
        var type = _shape.Functions[callee];
        WriteCall(callee, depth);
        // Takes off what lies above one of the wanted kind, keeps that one, and takes off what lies below.
        int wanted = type.Results.LastIndexOf(kind);
        for (int i = type.Results.Length - 1; i > wanted; i--)
            TakeOff(type.Results[i]);
        if (wanted == 0)
            return true;
        int kept = Scratch(kind, "kept");
        _code.Op(Opcode.LocalSet, kept);
        for (int i = wanted - 1; i >= 0; i--)
            TakeOff(type.Results[i]);
        _code.Op(Opcode.LocalGet, kept);
        return true;
    }

    /// <summary>Leaves the function to another one, or to itself, that gives the same results.</summary>
    private void TailCall(int depth)
    {
        var suitable = Enumerable.Range(0, _shape.Functions.Count).Where(i => _shape.Functions[i].Results.SequenceEqual(_type.Results)).ToArray();
        WriteCall(_random.Pick<int>(suitable), depth, Opcode.ReturnCall, Opcode.ReturnCallIndirect);
    }

    /// <summary>Calls a function, directly or through a table.</summary>
    private void WriteCall(int callee, int depth)
    {
        WriteCall(callee, depth, Opcode.Call, Opcode.CallIndirect);
    }

    private void WriteCall(int callee, int depth, Opcode direct, Opcode indirect)
    {
        var type = _shape.Functions[callee];
        foreach (var parameter in type.Parameters)
            Value(parameter, depth + 2);
        int table = FindTable(FuncRef);
        if (table < 0 || _random.Chance(60))
        {
            _code.Op(direct, callee);
            return;
        }

        if (_random.Chance(_shape.IsCautious ? 95 : 70))
        {
            // Puts the function there first.
            int index = Scratch(I32, "index");
            _code.I32(_random.Below((int)_shape.Tables[table].Elements.Minimum));
            _code.Op(Opcode.LocalTee, index);
            _code.Op(Opcode.RefFunc, callee);
            _code.Op(Opcode.TableSet, table);
            _code.Op(Opcode.LocalGet, index);
        }
        else
        {
            Index(table, depth);
        }

        _code.Op(indirect, _shape.TypeIndex(type));
        _code.Number((uint)table);
    }

    /// <summary>An index into a table, mostly one that exists.</summary>
    private void Index(int table, int depth)
    {
        if (_random.Chance(_shape.IsCautious ? 98 : 85))
            _code.I32(_random.Below((int)_shape.Tables[table].Elements.Minimum));
        else
            Value(I32, depth + 1);
    }

    private void TakeOff(ValueKind kind)
    {
        if (_random.Chance(70) && FindLocal(kind) is >= 0 and var local)
            _code.Op(Opcode.LocalSet, local);
        else
            _code.Op(Opcode.Drop);
    }

    private void WriteSelect(ValueKind kind)
    {
        if (kind is not (FuncRef or ExternRef) && _random.Chance(80))
        {
            _code.Op(Opcode.Select);
            return;
        }

        _code.Op(Opcode.SelectTyped, 1);
        _code.Byte((byte)kind);
    }

    /// <summary>Instructions that are no row of the tables.</summary>
    private bool Particular(ValueKind kind, int depth)
    {
        if (kind is FuncRef or ExternRef)
        {
            int table = FindTable(kind);
            if (table < 0)
                return false;
            Index(table, depth);
            _code.Op(Opcode.TableGet, table);
            return true;
        }

        if (kind != I32)
            return false;
        int size = FindTable(_random.Chance(70) ? FuncRef : ExternRef);
        switch (_random.Below(6))
        {
            case 0 when _shape.HasMemory:
                _code.Op(Opcode.MemorySize, PickMemory());
                return true;
            case 1 when _shape.HasMemory:
                if (_random.Chance(60))
                    _code.I32(_random.Below(2));
                else
                    Value(I32, depth + 1);
                _code.Op(Opcode.MemoryGrow, PickMemory());
                return true;
            case 2 when size >= 0:
                _code.Op(ExtendedOpcode.TableSize, size);
                return true;
            case 3 when size >= 0:
                Value(_shape.Tables[size].Element, depth + 1);
                if (_random.Chance(60))
                    _code.I32(_random.Below(3));
                else
                    Value(I32, depth + 1);
                _code.Op(ExtendedOpcode.TableGrow, size);
                return true;
            default:
                Value(_random.Chance(70) ? FuncRef : ExternRef, depth + 1);
                _code.Op(Opcode.RefIsNull);
                return true;
        }
    }
}
