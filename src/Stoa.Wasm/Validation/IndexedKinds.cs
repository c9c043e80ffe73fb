using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>The types of locals and globals whose index is one byte, in one table: for <see cref="FrequentRule"/>.</summary>
internal sealed class IndexedKinds
{
    /// <summary>No value has it: stands where there is no such local or global, or none that may be used so.</summary>
    public const ValueKind None = (ValueKind)0xFF;

    /// <summary>All ones.</summary>
    public const ValueKind Any = (ValueKind)0xFF;

    /// <summary>Where the locals of the function begin.</summary>
    public const int Locals = 0;

    /// <summary>Where the globals begin. Those that hold vectors are left out: that a function uses vectors is to be remembered.</summary>
    public const int Globals = 256;

    /// <summary>Where the globals begin that can be changed.</summary>
    public const int MutableGlobals = 512;

    /// <summary>Indices below this are one byte.</summary>
    private const int Short = 0x80;

    private int _locals;

    public IndexedKinds(ModuleDefinition module)
    {
        Table.AsSpan().Fill(None);
        for (int i = 0; i < Math.Min(module.Globals.Count, Short); i++)
        {
            var global = module.Globals[i];
            if (global.Content != ValueKind.V128)
                Table[Globals + i] = global.Content;
            if (global.IsMutable)
                Table[MutableGlobals + i] = global.Content;
        }
    }

    /// <summary>For each of the three 256 types, so that any byte is an index.</summary>
    public ValueKind[] Table { get; } = new ValueKind[768];

    public void SetLocals(ReadOnlySpan<ValueKind> locals)
    {
        int count = Math.Min(locals.Length, Short);
        locals[..count].CopyTo(Table);
        if (count < _locals)
            Table.AsSpan(count, _locals - count).Fill(None);
        _locals = count;
    }
}
