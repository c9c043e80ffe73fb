namespace Stoa.Wasm.Runtime;

/// <summary>Finds what a module imports, checks that it fits (core specification 2.0, 4.5.2), and gives it to the instance.</summary>
internal sealed unsafe class ImportLinker(Instance instance, ContextOwner owner, InstanceParts parts)
{
    private readonly List<Function> _hostFunctions = [];
    private int _functions;
    private int _tables;
    private int _memories;
    private int _globals;

    public void Link(Imports imports)
    {
        foreach (var import in instance.Module.Definition.Imports)
        {
            var item = imports.Find(import.Module, import.Name)
                ?? throw new LinkException(LinkRefusal.UnknownImport, $"unknown import '{import.Module}' '{import.Name}'");
            if (!Fits(item, import.Type))
            {
                throw new LinkException(
                    LinkRefusal.IncompatibleImport,
                    $"incompatible import type: '{import.Module}' '{import.Name}' has to be {import.Type}, and is {item.Type}");
            }

            Give(item);
        }

        owner.HostFunctions = [.. _hostFunctions];
    }

    private static bool Fits(Extern item, ExternType wanted) => (item.Type, wanted) switch
    {
        (FunctionType have, FunctionType want) => have.Equals(want),
        (GlobalType have, GlobalType want) => have == want,
        (TableType have, TableType want) => have.Element == want.Element && Fits(have.Elements, want.Elements),
        (MemoryType have, MemoryType want) => Fits(have.Pages, want.Pages),
        _ => false,
    };

    private static bool Fits(Limits have, Limits want) =>
        have.Minimum >= want.Minimum && (want.Maximum is null || have.Maximum <= want.Maximum);

    private void Give(Extern item)
    {
        switch (item)
        {
            case Function { Host: not null } function:
                parts.SetFunction(_functions, BindHostFunction(function));
                _functions++;
                break;
            case Function function:
                var record = function.Enter(owner.Group);
                function.Owner!.CodeOf(record);
                parts.SetFunction(_functions++, record);
                break;
            case Table table:
                ObjectDisposedException.ThrowIf(table.IsDisposed, table);
                table.Join(owner.Group);
                parts.SetTable(_tables++, table);
                break;
            case Memory memory:
                ObjectDisposedException.ThrowIf(memory.IsDisposed, memory);
                if (memory.Group is { } group)
                    InstanceGroup.Merge(owner.Group, group);
                parts.SetMemory(_memories++, memory);
                break;
            case Global global:
                if (global.Type.Content is ValueKind.FuncRef or ValueKind.ExternRef)
                    global.Join(owner.Group);
                parts.SetGlobal(_globals++, global);
                break;
        }
    }

    /// <summary>Each import of a function of the host has a context of its own, which tells the host who calls.</summary>
    private FunctionRecord* BindHostFunction(Function function)
    {
        var layout = instance.Module.Layout;
        var block = (byte*)owner.Context;
        var context = (InstanceContext*)(block + layout.HostContexts) + _functions;
        var record = (FunctionRecord*)(block + layout.HostRecords) + _functions;
        context->Owner = owner.Context->Owner;
        context->Results = owner.Context->Results;
        HostCode.Fill(record, context, function, _hostFunctions.Count);
        _hostFunctions.Add(function);
        return record;
    }
}
