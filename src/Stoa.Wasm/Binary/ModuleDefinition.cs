using Stoa.Wasm.Runtime;
using Stoa.Wasm.Validation;

namespace Stoa.Wasm.Binary;

/// <summary>A module as its bytes say it, decoded except for the bodies of functions.</summary>
/// <remarks>In each index space the imported ones come first.</remarks>
internal sealed class ModuleDefinition
{
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    public Signature[] Types { get; set; } = [];

    public List<ModuleImport> Imports { get; } = [];

    public List<ExportDefinition> Exports { get; } = [];

    /// <summary>For each function the index of its type.</summary>
    public List<int> FunctionTypes { get; } = [];

    public int ImportedFunctions { get; set; }

    public List<TableType> Tables { get; } = [];

    public int ImportedTables { get; set; }

    public List<MemoryType> Memories { get; } = [];

    public int ImportedMemories { get; set; }

    public List<GlobalType> Globals { get; } = [];

    public int ImportedGlobals { get; set; }

    /// <summary>First values of the globals that are not imported.</summary>
    public List<ConstantExpression> GlobalInitializers { get; } = [];

    public int? Start { get; set; }

    public List<ElementSegment> Elements { get; } = [];

    public List<DataSegment> Data { get; } = [];

    /// <summary>What the data count section says; null without one.</summary>
    public int? DataCount { get; set; }

    /// <summary>Where the bodies of the functions that are not imported lie.</summary>
    public FunctionBody[] Bodies { get; set; } = [];

    /// <summary>Which functions call which.</summary>
    public CallGraph CallGraph { get; set; } = new(0, 0);

    /// <summary>The content of the custom section <c>name</c>, if there is one.</summary>
    public ReadOnlyMemory<byte> Names { get; set; }

    /// <summary>Functions that code may make references to (core specification 3.4.1, "refs").</summary>
    public HashSet<int> ReferencedFunctions { get; } = [];

    public Signature TypeOfFunction(int function) => Types[FunctionTypes[function]];
}

/// <summary>The kind of an import or export.</summary>
internal enum ExternKind : byte
{
    Function = 0,
    Table = 1,
    Memory = 2,
    Global = 3,
}

internal readonly record struct ExportDefinition(string Name, ExternKind Kind, int Index);

/// <summary>The bytes of a function from its declarations of locals to its last <c>end</c>, and what validation saw in them.</summary>
internal readonly record struct FunctionBody(int Offset, int Length, int MaxOperands = 0, FunctionFacts Facts = 0);

/// <summary>What the compiler wants to know of a function before its first instruction.</summary>
[Flags]
internal enum FunctionFacts : byte
{
    None = 0,
    HasLoop = 1,
    UsesMemory = 2,
    HasCall = 4,

    /// <summary>Vectors are among its values.</summary>
    HasVectors = 8,

    /// <summary>It does arithmetic with vectors of floating-point numbers.</summary>
    HasVectorFloats = 16,
}

/// <summary>A constant expression: what it does, and the number it needs.</summary>
internal readonly record struct ConstantExpression(ConstantKind Kind, ValueKind Type, UInt128 Bits)
{
    public int Index => (int)(uint)Bits;
}

internal enum ConstantKind : byte
{
    /// <summary>A number or a null reference.</summary>
    Number,

    /// <summary>The value of a global.</summary>
    Global,

    /// <summary>A reference to a function.</summary>
    Function,

    /// <summary>What several instructions compute, of which the number says where they begin in the module.</summary>
    Computed,
}

internal enum SegmentMode : byte
{
    /// <summary>Copied at instantiation.</summary>
    Active,

    /// <summary>Copied by instructions.</summary>
    Passive,

    /// <summary>Only declares functions that code refers to.</summary>
    Declarative,
}

/// <summary>References for a table. An item is the index of a function, or <see cref="Null"/>, or <see cref="OfGlobal"/>, which is its own inverse.</summary>
internal sealed record ElementSegment(SegmentMode Mode, int Table, ConstantExpression Offset, ValueKind Element, int[] Items)
{
    public const int Null = -1;

    public static int OfGlobal(int global) => -2 - global;
}

internal sealed record DataSegment(SegmentMode Mode, int Memory, ConstantExpression Offset, ReadOnlyMemory<byte> Content);
