using System.Collections.Immutable;

namespace Stoa.Wasm.Runtime;

/// <summary>Taking the state of an instance, and making an instance of one.</summary>
internal sealed unsafe partial class InstanceParts
{
    /// <exception cref="SnapshotException">Some of the state is not the instance's own.</exception>
    public InstanceState Capture()
    {
        if (_definition.ImportedMemories > 0 || _definition.ImportedTables > 0
            || _definition.Globals.Take(_definition.ImportedGlobals).Any(global => global.IsMutable))
        {
            throw new SnapshotException(
                SnapshotRefusal.SharedState, "The module imports a memory, a table or a mutable global, which others may see too.");
        }

        var imported = new Dictionary<nint, int>();
        for (int i = _definition.ImportedFunctions - 1; i >= 0; i--)
            imported[(nint)Record(i)] = i;
        return new InstanceState(
            [.. Memories.Select(memory => MemoryImage.Of(memory, MemoryFile.TryCreate()))],
            [.. Tables.Select(table => CaptureTable(table, imported))],
            CaptureGlobals(imported),
            (bool[]?)_droppedData?.Clone(),
            (bool[]?)_droppedElements?.Clone());
    }

    /// <summary>As <see cref="Link"/>, but what the code can change becomes what it was in another instance of the module.</summary>
    public void Restore(Imports imports, InstanceState state)
    {
        Prepare(imports);
        CreateTables(state);
        CreateMemories(state);
        CreateRecords();
        CreateGlobals(state);
        FillTables(state);
        for (int i = 0; i < Memories.Length; i++)
            state.Memories[i].CopyTo(Memories[i]);
        _droppedData = (bool[]?)state.DroppedData?.Clone();
        _droppedElements = (bool[]?)state.DroppedElements?.Clone();
    }

    private int[] CaptureTable(Table table, Dictionary<nint, int> imported)
    {
        int[] functions = new int[table.Length];
        for (int i = 0; i < functions.Length; i++)
            functions[i] = FunctionOf(table.View->Entries[i], table.Element, imported);
        return functions;
    }

    private ImmutableArray<Int128> CaptureGlobals(Dictionary<nint, int> imported)
    {
        var values = ImmutableArray.CreateBuilder<Int128>();
        for (int i = _definition.ImportedGlobals; i < _globals.Length; i++)
        {
            var kind = _definition.Globals[i].Content;
            byte* cell = GlobalCell(i);
            values.Add(kind is ValueKind.FuncRef or ValueKind.ExternRef ? FunctionOf(*(nint*)cell, kind, imported) : *(Int128*)cell);
        }

        return values.ToImmutable();
    }

    /// <summary>The number of the function that a reference means.</summary>
    private int FunctionOf(nint reference, ValueKind kind, Dictionary<nint, int> imported)
    {
        if (reference == 0)
            return InstanceState.Null;
        if (kind == ValueKind.ExternRef)
            throw new SnapshotException(SnapshotRefusal.HostReference, "A table or a global holds an object of the host.");
        var record = (FunctionRecord*)reference;
        if (record->Context == owner.Context)
            return record->Index;
        return imported.TryGetValue(reference, out int function)
            ? function
            : throw new SnapshotException(
                SnapshotRefusal.ForeignFunction, "A table or a global holds a function that is neither the module's own nor imported by it.");
    }

    private void CreateGlobals(InstanceState state)
    {
        for (int i = _definition.ImportedGlobals; i < _globals.Length; i++)
        {
            byte* cell = CreateGlobal(i);
            var value = state.Globals[i - _definition.ImportedGlobals];
            if (_definition.Globals[i].Content is ValueKind.FuncRef or ValueKind.ExternRef)
                *(nint*)cell = ReferenceTo((int)value);
            else
                *(Int128*)cell = value;
        }
    }

    private void FillTables(InstanceState state)
    {
        for (int i = 0; i < Tables.Length; i++)
        {
            int[] functions = state.Tables[i];
            nint* entries = Tables[i].View->Entries;
            for (int at = 0; at < functions.Length; at++)
                entries[at] = ReferenceTo(functions[at]);
        }
    }

    private nint ReferenceTo(int function) => function == InstanceState.Null ? 0 : (nint)Record(function);
}
