using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Code that leaves the operands as they were.</summary>
internal sealed partial class FunctionGenerator
{
    private void Statement(int depth)
    {
        _left--;
        if (_random.Chance(_shape.IsTight ? 12 : 2))
        {
            TightLoop();
            return;
        }

        switch (_random.Below(100))
        {
            case < 22 when _assignable > 0:
                int local = _random.Below(_assignable);
                Value(_locals[local], depth + 1);
                _code.Op(Opcode.LocalSet, local);
                break;
            case < 32:
                AssignGlobal(depth);
                break;
            case < 50 when _shape.HasMemory:
                Store(depth);
                break;
            case < 54 when _shape.HasMemory:
                NeighbouringStores(depth);
                break;
            case < 58 when _shape.HasMemory:
                NewAddress(depth);
                break;
            case < 66 when _shape.HasMemory && _random.Chance(_shape.IsAtEdge ? 60 : 5):
                LoadForNothing(depth);
                break;
            case < 66:
                Value(_shape.Kind(_random), depth + 1);
                _code.Op(Opcode.Drop);
                break;
            case < 78:
                Construct([], [], depth);
                break;
            case < 82:
                Branch(depth);
                break;
            case < 87:
                int callee = _random.Below(_shape.Functions.Count);
                WriteCall(callee, depth);
                foreach (var result in _shape.Functions[callee].Results.Reverse())
                    TakeOff(result);
                break;
            case < 92:
                Bulk(depth);
                break;
            case < 96:
                TableStatement(depth);
                break;
            default:
                _code.Op(Opcode.Nop);
                break;
        }
    }

    private void AssignGlobal(int depth)
    {
        int global = FindGlobal(_shape.Kind(_random), toAssign: true);
        if (global < 0)
            return;
        Value(_shape.Globals[global].Content, depth + 1);
        _code.Op(Opcode.GlobalSet, global);
    }

    private void Store(int depth)
    {
        var row = _random.Pick(Production.Stores);
        if (row.IsVector && !_shape.HasVectors)
            return;
        int memory = PickMemory();
        Address(memory, depth);
        Value(row.Operands[1], depth + 1);
        WriteAccess(row, memory);
    }

    /// <summary>Constants stored side by side, which compilers like to make one store of; sometimes across the end of the memory.</summary>
    private void NeighbouringStores(int depth)
    {
        var rows = Production.Stores.Where(row => !row.IsVector && row.Operands[1] is I32 or I64).ToArray();
        var row = _random.Pick<Production>(rows);
        int address = Scratch(I32, "neighbour");
        int memory = PickMemory();
        Address(memory, depth);
        _code.Op(Opcode.LocalSet, address);
        int count = _random.Between(2, 4);
        uint offset = (uint)_random.Below(4);
        for (int i = 0; i < count; i++)
        {
            int place = _random.Chance(80) ? i : count - 1 - i;
            _code.Op(Opcode.LocalGet, address);
            WriteConstant(_code, row.Operands[1], _random);
            WriteAccess(row, memory, 0, offset + (uint)(place * row.AccessBytes));
        }
    }

    /// <summary>Gives a local an address that lies inside; several accesses may use it.</summary>
    private void NewAddress(int depth)
    {
        int local = _addresses.Count < 2 ? NewLocal(I32) : _random.Pick(_addresses);
        if (!_addresses.Contains(local))
            _addresses.Add(local);
        Value(I32, depth + 1);
        _code.I32(_random.Pick<int>([0xFF80, 0x7FF0, 0xFFF]));
        _code.Op(Opcode.I32And);
        if (_random.Chance(_shape.IsCautious ? 3 : 12))
        {
            _code.I32((int)MemoryBytes(0) - 64);
            _code.Op(Opcode.I32Or);
        }

        _code.Op(Opcode.LocalSet, local);
    }

    private void Bulk(int depth)
    {
        if (!_shape.HasMemory)
            return;
        int segment = _random.Below(Math.Max(_shape.Data.Count, 1));
        int which = _random.Below(_shape.Data.Count > 0 ? 8 : 4);
        if (which == 7)
        {
            _code.Op(ExtendedOpcode.DataDrop, segment);
            return;
        }

        if (_random.Chance(_shape.IsCautious ? 98 : 80))
        {
            // Dropped segments are empty.
            bool fits = which < 4 || _random.Chance(30);
            _code.I32(_random.Below(5000));
            _code.I32(_random.Below(fits ? which < 4 ? 5000 : 60 : 1));
            _code.I32(which < 4 ? _random.Below(300) : fits ? _random.Below(60) : 0);
        }
        else
        {
            Address(0, depth);
            Address(0, depth);
            Value(I32, depth + 1);
        }

        switch (which)
        {
            case < 2:
                _code.Op(ExtendedOpcode.MemoryFill, PickMemory());
                break;
            case < 4:
                _code.Op(ExtendedOpcode.MemoryCopy, PickMemory(), PickMemory());
                break;
            default:
                _code.Op(ExtendedOpcode.MemoryInit, segment, PickMemory());
                break;
        }
    }

    private void TableStatement(int depth)
    {
        if (_shape.Tables.Count == 0)
            return;
        int table = _random.Below(_shape.Tables.Count);
        var element = _shape.Tables[table].Element;
        int which = _random.Below(10);
        if (which < 4)
        {
            Index(table, depth);
            Value(element, depth + 1);
            _code.Op(Opcode.TableSet, table);
            return;
        }

        if (which == 4)
        {
            _code.Op(ExtendedOpcode.ElemDrop, _random.Below(_shape.Elements.Count));
            return;
        }

        Index(table, depth);
        if (which < 7)
            Value(element, depth + 1);
        else
            Index(table, depth);
        if (_random.Chance(90))
            _code.I32(_random.Below(which < 9 ? 2 : 1));
        else
            Value(I32, depth + 1);
        var segments = Enumerable.Range(0, _shape.Elements.Count).Where(i => _shape.Elements[i].Element == element).ToArray();
        if (which < 7)
            _code.Op(ExtendedOpcode.TableFill, table);
        else if (which < 9 || segments.Length == 0)
            _code.Op(ExtendedOpcode.TableCopy, table, FindTable(element));
        else
            _code.Op(ExtendedOpcode.TableInit, _random.Pick<int>(segments), table);
    }
}
