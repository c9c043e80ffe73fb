namespace Stoa.Wasm.Fuzz.Decode;

/// <summary>Something of the right type for whatever a module imports, as far as it is small.</summary>
internal sealed class DummyImports : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    public DummyImports(Module module)
    {
        foreach (var import in module.Imports)
        {
            if (Make(import.Type) is { } item)
                Imports.Add(import.Module, import.Name, item);
        }
    }

    public Imports Imports { get; } = new();

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }

    private Extern? Make(ExternType type)
    {
        switch (type)
        {
            case FunctionType function:
                return Function.FromHost(function, (_, _, results) =>
                {
                    for (int i = 0; i < results.Length; i++)
                        results[i] = Value.Zero(function.Results[i]);
                });
            case GlobalType global:
                return new Global(global.IsMutable, Value.Zero(global.Content));
            case MemoryType { Pages.Minimum: < 16 } memory:
                var owned = new Memory(memory.Pages, 4 << 20);
                _owned.Add(owned);
                return owned;
            case TableType { Elements.Minimum: < 1000 } table:
                var ownedTable = new Table(table.Element, table.Elements, 10_000);
                _owned.Add(ownedTable);
                return ownedTable;
            default:
                return null;
        }
    }
}
