namespace Stoa.Wasm;

/// <summary>The type of something imported or exported: a function, table, memory or global.</summary>
public abstract record ExternType
{
    private protected ExternType()
    {
    }
}

/// <summary>The size of a table (in elements) or memory (in pages of 64 KiB).</summary>
/// <param name="Minimum">Size at the start.</param>
/// <param name="Maximum">Size that it may grow to; null: as far as the engine and the execution limits allow.</param>
public readonly record struct Limits(uint Minimum, uint? Maximum);

/// <summary>A linear memory.</summary>
/// <param name="Pages">Size in pages of 64 KiB.</param>
public sealed record MemoryType(Limits Pages) : ExternType;

/// <summary>A table of references.</summary>
/// <param name="Element"><see cref="ValueKind.FuncRef"/> or <see cref="ValueKind.ExternRef"/>.</param>
/// <param name="Elements">Size in elements.</param>
public sealed record TableType(ValueKind Element, Limits Elements) : ExternType;

/// <summary>A global variable.</summary>
/// <param name="Content">What it holds.</param>
/// <param name="IsMutable">Whether it may be assigned to.</param>
public sealed record GlobalType(ValueKind Content, bool IsMutable) : ExternType;

/// <summary>Something that a module needs from outside.</summary>
/// <param name="Module">First name.</param>
/// <param name="Name">Second name.</param>
/// <param name="Type">What it has to be.</param>
public sealed record ModuleImport(string Module, string Name, ExternType Type);

/// <summary>Something that a module offers.</summary>
/// <param name="Name">Unique within the module.</param>
/// <param name="Type">What it is.</param>
public sealed record ModuleExport(string Name, ExternType Type);
