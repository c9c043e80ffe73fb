using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Runtime;

/// <summary>Memories, tables, globals and segments of an instance, and how they come to be (core specification 2.0, 4.5.4).</summary>
internal sealed unsafe partial class InstanceParts(Instance instance, ContextOwner owner)
{
    private readonly ModuleDefinition _definition = instance.Module.Definition;
    private readonly ContextLayout _layout = instance.Module.Layout;
    private readonly Global?[] _globals = new Global?[instance.Module.Definition.Globals.Count];
    private bool[]? _droppedData;
    private bool[]? _droppedElements;

    public Memory[] Memories { get; } = new Memory[instance.Module.Definition.Memories.Count];

    public Table[] Tables { get; } = new Table[instance.Module.Definition.Tables.Count];

    private byte* Block => (byte*)owner.Context;

    public void Link(Imports imports)
    {
        Prepare(imports);
        CreateTables(null);
        CreateMemories(null);
        CreateRecords();
        CreateGlobals();
        FillTables();
        FillMemories();
    }

    public void SetGlobal(int index, Global global)
    {
        _globals[index] = global;
        *(nint*)(Block + _layout.Global(index, out _)) = (nint)global.Cell;
    }

    public void SetTable(int index, Table table)
    {
        Tables[index] = table;
        ((nint*)(Block + _layout.Tables))[index] = (nint)table.View;
    }

    public void SetMemory(int index, Memory memory)
    {
        Memories[index] = memory;
        owner.View(memory, index);
    }

    public void SetFunction(int index, FunctionRecord* record) => ((nint*)(Block + _layout.Imports))[index] = (nint)record;

    public FunctionRecord* Record(int function) => function < _definition.ImportedFunctions
        ? ((FunctionRecord**)(Block + _layout.Imports))[function]
        : (FunctionRecord*)(Block + _layout.FunctionRecords[function]);

    public IReadOnlyDictionary<string, Extern> Exports()
    {
        ObjectDisposedException.ThrowIf(instance.IsDisposed, instance);
        var exports = new Dictionary<string, Extern>(StringComparer.Ordinal);
        foreach (var export in _definition.Exports)
            exports.Add(export.Name, ItemOf(export));
        return exports;
    }

    /// <summary>What is exported by a name; null for nothing. Most hosts ask for one function and never for the others.</summary>
    public Extern? Export(string name)
    {
        ObjectDisposedException.ThrowIf(instance.IsDisposed, instance);
        return instance.Module.FindExport(name) is { } export ? ItemOf(export) : null;
    }

    public ReadOnlyMemory<byte> Data(int segment) =>
        _droppedData is not null && _droppedData[segment] ? default : _definition.Data[segment].Content;

    public void DropData(int segment) => (_droppedData ??= new bool[_definition.Data.Count])[segment] = true;

    public ReadOnlySpan<int> Elements(int segment) =>
        _droppedElements is not null && _droppedElements[segment] ? default : _definition.Elements[segment].Items;

    public void DropElements(int segment) => (_droppedElements ??= new bool[_definition.Elements.Count])[segment] = true;

    /// <summary>The reference that an item of an element segment means.</summary>
    public nint Reference(int item)
    {
        if (item >= 0)
            return (nint)Record(item);
        return item == ElementSegment.Null ? 0 : *(nint*)GlobalCell(ElementSegment.OfGlobal(item));
    }

    /// <summary>Disposes what the instance itself made.</summary>
    public void Free()
    {
        for (int i = _definition.ImportedMemories; i < Memories.Length; i++)
            Memories[i]?.Dispose();
        for (int i = _definition.ImportedTables; i < Tables.Length; i++)
            Tables[i]?.Dispose();
    }

    private void Prepare(Imports imports)
    {
        var context = owner.Context;
        context->Fuel = instance.Limits.Fuel;
        context->DepthRemaining = instance.Limits.MaxCallDepth;
        owner.SetResults(_layout.Results, _layout.ResultSlots);
        new ImportLinker(instance, owner, this).Link(imports);
    }

    private Extern ItemOf(ExportDefinition export) => export.Kind switch
    {
        ExternKind.Function => ContextOwner.FunctionOf(Record(export.Index)),
        ExternKind.Table => Tables[export.Index],
        ExternKind.Memory => Memories[export.Index],
        _ => _globals[export.Index]!,
    };

    private byte* GlobalCell(int index)
    {
        var at = Block + _layout.Global(index, out bool isShared);
        return isShared ? *(byte**)at : at;
    }

    /// <summary>Makes the tables, of null references: as long as the module says, or as they were in a snapshot.</summary>
    private void CreateTables(InstanceState? state)
    {
        var budget = new TableBudget(instance.Limits.MaxTableElements);
        for (int i = _definition.ImportedTables; i < Tables.Length; i++)
        {
            var type = _definition.Tables[i];
            if (state is not null)
                type = type with { Elements = type.Elements with { Minimum = (uint)state.Tables[i].Length } };
            if (type.Elements.Minimum > budget.Left)
                throw new LinkException(LinkRefusal.TableLimit, $"tables hold more than {instance.Limits.MaxTableElements} elements");
            SetTable(i, new Table(type, budget, owner.Group));
        }
    }

    /// <summary>Makes the memories, all zero: as large as the module says, or as they were in a snapshot.</summary>
    private void CreateMemories(InstanceState? state)
    {
        var budget = new MemoryBudget(instance.Limits.MaxMemoryBytes);
        for (int i = _definition.ImportedMemories; i < Memories.Length; i++)
        {
            var type = _definition.Memories[i];
            if (state is not null)
                type = new MemoryType(type.Pages with { Minimum = state.Memories[i].Pages });
            long bytes = (long)type.Pages.Minimum * Memory.PageBytes;
            if (bytes > budget.LeftBytes)
            {
                throw new LinkException(
                    LinkRefusal.MemoryLimit,
                    $"memory {i} starts with {type.Pages.Minimum} pages, more than the {budget.LeftBytes} bytes that are left");
            }

            SetMemory(i, new Memory(type.Pages, budget.LeftBytes) { Group = owner.Group, Budget = budget });
            budget.LeftBytes -= bytes;
        }
    }

    private void CreateRecords()
    {
        var code = instance.Module.Code;
        foreach (var (function, at) in _layout.FunctionRecords)
        {
            *(FunctionRecord*)(Block + at) = new FunctionRecord
            {
                Code = code.Find(function),
                Context = owner.Context,
                SignatureId = _definition.TypeOfFunction(function).Id,
                Index = function,
            };
        }
    }

    private void CreateGlobals()
    {
        for (int i = _definition.ImportedGlobals; i < _globals.Length; i++)
            Evaluate(_definition.GlobalInitializers[i - _definition.ImportedGlobals], CreateGlobal(i));
    }

    /// <summary>Makes a global of the module's own.</summary>
    /// <returns>Where its value goes.</returns>
    private byte* CreateGlobal(int index)
    {
        var at = Block + _layout.Global(index, out bool isShared);
        if (!isShared)
            return at;
        SetGlobal(index, new Global(_definition.Globals[index], owner.Group));
        return _globals[index]!.Cell;
    }

    private void Evaluate(ConstantExpression expression, byte* slot)
    {
        switch (expression.Kind)
        {
            case ConstantKind.Number:
                Write(expression.Bits, expression.Type, slot);
                break;
            case ConstantKind.Global:
                new ReadOnlySpan<byte>(GlobalCell(expression.Index), Slot.Bytes).CopyTo(new Span<byte>(slot, Slot.Bytes));
                break;
            case ConstantKind.Computed:
                Write(Compute(expression), expression.Type, slot);
                break;
            default:
                *(nint*)slot = (nint)Record(expression.Index);
                break;
        }
    }

    private static void Write(UInt128 bits, ValueKind type, byte* slot)
    {
        if (type is ValueKind.I32 or ValueKind.F32)
        {
            *(uint*)slot = (uint)bits;
            return;
        }

        *(ulong*)slot = (ulong)bits;
        *((ulong*)slot + 1) = (ulong)(bits >> 64);
    }

    /// <summary>Computes an expression of integers, all of one type: those of 32 bits are the lower half of the same with 64.</summary>
    private ulong Compute(ConstantExpression expression)
    {
        var reader = new WasmReader(_definition.Bytes.Span, expression.Index, _definition.Bytes.Length);
        var operands = new Stack<ulong>();
        while (true)
        {
            var opcode = (Opcode)reader.ReadByte();
            switch (opcode)
            {
                case Opcode.End:
                    return operands.Pop();
                case Opcode.I32Const:
                    operands.Push((ulong)reader.ReadS32());
                    break;
                case Opcode.I64Const:
                    operands.Push((ulong)reader.ReadS64());
                    break;
                case Opcode.GlobalGet:
                    byte* cell = GlobalCell((int)reader.ReadU32());
                    operands.Push(expression.Type == ValueKind.I32 ? *(uint*)cell : *(ulong*)cell);
                    break;
                default:
                    ulong second = operands.Pop();
                    ulong first = operands.Pop();
                    operands.Push(opcode switch
                    {
                        Opcode.I32Add or Opcode.I64Add => first + second,
                        Opcode.I32Sub or Opcode.I64Sub => first - second,
                        _ => first * second,
                    });
                    break;
            }
        }
    }

    private uint Offset(ConstantExpression expression)
    {
        var slot = stackalloc byte[Slot.Bytes];
        Evaluate(expression, slot);
        return *(uint*)slot;
    }

    private void FillTables()
    {
        for (int i = 0; i < _definition.Elements.Count; i++)
        {
            var segment = _definition.Elements[i];
            if (segment.Mode == SegmentMode.Active)
            {
                BulkOperations.TableInit(
                    (int)Offset(segment.Offset), 0, segment.Items.Length, i, segment.Table, (nint)owner.Context);
            }

            if (segment.Mode != SegmentMode.Passive)
                DropElements(i);
        }
    }

    private void FillMemories()
    {
        for (int i = 0; i < _definition.Data.Count; i++)
        {
            var segment = _definition.Data[i];
            if (segment.Mode != SegmentMode.Active)
                continue;
            BulkOperations.MemoryInit((int)Offset(segment.Offset), 0, segment.Content.Length, i, segment.Memory, (nint)owner.Context);
            DropData(i);
        }
    }
}
